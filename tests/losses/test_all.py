"""What every loss keeps to, whatever it measures."""

from functools import partial

import pytest
import torch

from dasp import losses
from tests.losses.signals import RATE, awkward_pairs, noise

ALL = {
    "l1": losses.l1,
    "mse": losses.mse,
    "esr": losses.esr,
    "negative_sdr": losses.negative_sdr,
    "negative_si_sdr": losses.negative_si_sdr,
    "multi_resolution_stft": partial(
        losses.multi_resolution_stft, linear_magnitude=1.0, fft_sizes=(64, 512)
    ),
    "sum_and_difference_stft": losses.sum_and_difference_stft,
    "multi_scale_spectral": partial(losses.multi_scale_spectral, fft_sizes=(64, 512)),
    "left_right_invariant": partial(losses.left_right_invariant, loss=losses.mse),
    "stereo_invariant_a": partial(losses.stereo_invariant, sample_rate=RATE),
    "stereo_invariant_b": partial(losses.stereo_invariant, sample_rate=RATE, form="b"),
    "audio_features": partial(losses.audio_features, sample_rate=RATE),
    "loudness": partial(losses.loudness, sample_rate=RATE),
}
each = pytest.mark.parametrize("loss", ALL.values(), ids=ALL.keys())


@each
@pytest.mark.parametrize("pair", awkward_pairs(2).keys())
def test_finite_value_and_gradients(loss, pair):
    output, target = (x.requires_grad_() for x in awkward_pairs(2)[pair])
    value = loss(output, target)
    assert value.isfinite()
    for gradient in torch.autograd.grad(value, (output, target)):
        assert gradient.isfinite().all()


@each
def test_equal_signals_are_the_least(loss):
    target, other = noise(3, 2, 8000), noise(3, 2, 8000, seed=1)
    least, more = loss(target, target, reduction="none"), loss(other, target, reduction="none")
    assert least.shape == more.shape == (3,)
    assert (least < more).all()
    if loss not in (losses.negative_sdr, losses.negative_si_sdr):
        assert (least == 0).all()


@each
def test_the_mean_over_items_that_know_nothing_of_each_other(loss):
    output, target = noise(2, 3, 2, 8000), noise(2, 3, 2, 8000, seed=1)
    alone = torch.stack([loss(output[i, j], target[i, j]) for i in (0, 1) for j in (0, 1, 2)])
    torch.testing.assert_close(loss(output, target, reduction="none").flatten(), alone)
    torch.testing.assert_close(loss(output, target), alone.mean())


@each
def test_gradient_against_finite_differences(loss):
    output, target = noise(1, 2, 6000).requires_grad_(), noise(1, 2, 6000, seed=1)
    (gradient,) = torch.autograd.grad(loss(output, target), output)
    direction = noise(1, 2, 6000, seed=2)
    eps = 1e-6
    difference = loss(output + eps * direction, target) - loss(output - eps * direction, target)
    expected = (difference / (2 * eps)).item()
    assert (gradient * direction).sum().item() == pytest.approx(expected, rel=2e-4, abs=1e-9)


@each
def test_half_types_are_measured_in_float32(loss):
    output, target = noise(2, 4000).half(), noise(2, 4000, seed=1).half()
    value = loss(output, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(output.float(), target.float()))


@each
def test_bad_input(loss):
    with pytest.raises(ValueError, match=r"one shape, got \(2, 100\) and \(2, 99\)"):
        loss(torch.zeros(2, 100), torch.zeros(2, 99))
    with pytest.raises(ValueError, match=r"target: expected floating-point"):
        loss(torch.zeros(2, 100), torch.zeros(2, 100).int())
    with pytest.raises(ValueError, match="at least one channel of one sample"):
        loss(torch.zeros(2, 0), torch.zeros(2, 0))
    with pytest.raises(ValueError, match="reduction: expected one of 'mean', 'none', got 'sum'"):
        loss(noise(2, 8000), noise(2, 8000), reduction="sum")
