"""`embed`, with the network of the package: what it takes, and that it hears settings."""

import pytest
import torch

from dasp.controllers.style.embedding import WEIGHTS, embed, shipped
from dasp.processors.catalogue import FEEDBACK_DELAY_NETWORK, PARAMETRIC_EQ, STEREO_WIDENER
from dasp.processors.stage import Stage
from dasp.signal.resample import resample

RATE = 44_100


@pytest.fixture
def noise():
    """Two contents, `(2, 2, time)`: noise in bursts of their own."""
    draw = torch.Generator().manual_seed(0)
    x = 0.1 * torch.randn(2, 2, 3 * RATE, generator=draw)
    bursts = torch.rand(2, 1, 24, generator=draw).repeat_interleave(3 * RATE // 24, -1)
    return x[..., : bursts.shape[-1]] * bursts


def test_the_same_treatment_of_two_contents_is_nearer_than_two_treatments_of_one(noise):
    treatments = (
        Stage(PARAMETRIC_EQ, {"low_shelf_gain_db": 9.0, "high_shelf_gain_db": -9.0}),
        Stage(PARAMETRIC_EQ, {"low_shelf_gain_db": -9.0, "high_shelf_gain_db": 9.0}),
        Stage(FEEDBACK_DELAY_NETWORK, {"mix": 0.6, "rt60_mid_s": 3.0}),
        Stage(STEREO_WIDENER, {"width": 0.0}),
    )
    found = torch.stack([embed(stage.run(noise, RATE), RATE) for stage in treatments], 1)
    likeness = found[0] @ found[1].mT
    assert likeness.argmax(-1).equal(torch.arange(4)) and likeness.argmax(0).equal(torch.arange(4))


def test_mono_is_both_channels_alike_and_a_batch_is_its_items(noise):
    mono = noise[:, :1]
    both = embed(mono.expand(2, 2, -1), RATE)
    torch.testing.assert_close(embed(mono, RATE), both)
    alone = torch.stack([embed(x, RATE) for x in noise])
    torch.testing.assert_close(embed(noise, RATE), alone, atol=1e-5, rtol=1e-4)


def test_at_another_rate_it_is_much_the_same(noise):
    smooth = resample(resample(noise, RATE, 32_000), 32_000, RATE)
    there = embed(resample(smooth, RATE, 48_000), 48_000)
    assert (embed(smooth, RATE) * there).sum(-1).min() > 0.95


def test_silence_short_audio_and_doubles_have_finite_embeddings_and_gradients():
    for x in (torch.zeros(2, RATE), torch.ones(1, 1), torch.zeros(3, 2, 100).double()):
        x.requires_grad_()
        found = embed(x, RATE)
        assert found.dtype == x.dtype and found.shape == (*x.shape[:-2], 128)
        assert found.isfinite().all()
        assert torch.autograd.grad(found.sum(), x)[0].isfinite().all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="x: expected one or two channels, and samples"):
        embed(torch.zeros(3, RATE), RATE)
    with pytest.raises(ValueError, match="x: expected one or two channels, and samples"):
        embed(torch.zeros(2, 0), RATE)
    with pytest.raises(ValueError, match="sample_rate"):
        embed(torch.zeros(2, RATE), 0)


def test_the_weights_are_small_and_do_not_train():
    assert WEIGHTS.stat().st_size < 2_000_000
    assert not any(weight.requires_grad for weight in shipped().parameters())
    assert not shipped().training
