"""What every processor keeps of the audio: shape, type, independence, causality, identity."""

import re

import pytest
import torch

from dasp.processors.catalogue import CATALOGUE
from dasp.signal import backends
from tests.contracts.cases import (
    CASES,
    SAMPLE_RATE,
    audio,
    draw,
    every_processor,
    expected_shape,
    run,
)

LOWEST_DB = -120


@every_processor
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_shape_and_type_are_kept(name, dtype, batch):
    x = audio(name, batch, dtype=dtype)
    y = run(name, x, draw(name, batch, dtype=dtype if dtype.itemsize > 2 else torch.float32))
    assert y.dtype is dtype
    assert y.shape == expected_shape(name, x)
    assert y.isfinite().all()


@every_processor
def test_half_precision_is_single_precision_rounded(name):
    x = audio(name, (2,), dtype=torch.float16)
    settings = draw(name, (2,), dtype=torch.float32)
    expected = run(name, x.float(), settings).half()
    assert torch.equal(run(name, x, settings), expected)


@every_processor
def test_single_precision_is_double_precision_rounded(name):
    x, settings = audio(name, (2,), dtype=torch.float32), draw(name, (2,), dtype=torch.float32)
    exact = run(name, x.double(), {key: value.double() for key, value in settings.items()})
    error = (run(name, x, settings) - exact).abs().max() / exact.abs().max()
    assert error < 1e-4


@every_processor
def test_items_of_a_batch_are_independent(name):
    x, settings = audio(name, (3,)), draw(name, (3,))
    together = run(name, x, settings)
    for i in range(3):
        alone = run(name, x[i], {key: value[i] for key, value in settings.items()})
        torch.testing.assert_close(together[i], alone, rtol=1e-9, atol=1e-9)


@every_processor
def test_a_nan_does_not_reach_its_neighbour(name):
    x, settings = audio(name, (2,)), draw(name, (2,))
    clean = run(name, x, settings)[0]
    x[1, ..., 5] = torch.nan
    torch.testing.assert_close(run(name, x, settings)[0], clean)


@every_processor
def test_neutral_settings_change_nothing(name):
    processor = CATALOGUE[name]
    if processor.neutral is None:
        pytest.skip(f"{name} has no neutral settings")
    x = audio(name, (2,), time=4000)
    y = run(name, x, dict(processor.neutral))
    torch.testing.assert_close(y, x, rtol=1e-9, atol=1e-9)


@every_processor
@pytest.mark.parametrize("time", [0, 1, 2])
def test_the_shortest_signals(name, time):
    x = audio(name, (2,), dtype=torch.float32)[..., :time].clone().requires_grad_()
    y = run(name, x, draw(name, (2,), dtype=torch.float32))
    assert y.shape == expected_shape(name, x)
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()


@every_processor
@pytest.mark.parametrize("has_numba", [True, False])
@pytest.mark.parametrize("batch, channels, time", [
    ((0,), 2, 96), ((2, 0), 2, 96), ((2,), 0, 96), ((0,), 0, 96), ((0,), 2, 0), ((2,), 0, 0),
])  # fmt: skip
def test_no_items_and_no_channels(name, batch, channels, time, has_numba, monkeypatch):
    """Nothing comes out of nothing, in its shape, and so do gradients."""
    monkeypatch.setattr(backends, "HAS_NUMBA", has_numba and backends.HAS_NUMBA)
    x = torch.zeros(*batch, *CASES[name].tracks, channels, time, requires_grad=True)
    settings = draw(name, batch, dtype=torch.float32)
    settings = {key: value.detach().requires_grad_() for key, value in settings.items()}
    try:
        y = run(name, x, settings)
    except ValueError as error:  # of a processor for one channel or two
        assert channels == 0
        assert re.match("(x|taps|impulse_response): expected", str(error))
        return
    assert y.shape == expected_shape(name, x)
    y.sum().backward()
    assert x.grad.shape == x.shape
    for value in settings.values():
        assert value.grad is None or value.grad.shape == value.shape


@every_processor
def test_silence_stays_silent(name):
    x = torch.zeros_like(audio(name, time=1000))
    assert run(name, x, draw(name)).abs().max() < 1e-7


@every_processor
def test_nothing_sounds_before_an_impulse(name):
    x = torch.zeros_like(audio(name, time=4000, dtype=torch.float32))
    x[..., 2000] = 1.0
    y = run(name, x, {}, SAMPLE_RATE)
    assert y[..., :2000].abs().max() <= 10 ** (LOWEST_DB / 20) * y.abs().max()


@every_processor
def test_what_may_move_along_time_and_what_may_not(name):
    """A parameter that moves is, at every sample, what it would be if it stood still there."""
    x, settings = audio(name, (2,)), draw(name, (2,))
    elsewhere = draw(name, (2,))
    for param in CATALOGUE[name].params:
        before, after = settings[param.name], elsewhere[param.name]
        if not param.automatable:
            moving = before[..., None].expand(*before.shape, x.shape[-1])
            with pytest.raises(ValueError, match=f"{param.name}.*expected"):
                run(name, x, {**settings, param.name: moving})
            continue
        late = torch.arange(x.shape[-1]) >= x.shape[-1] // 2
        moving = torch.where(late, after[..., None], before[..., None])
        y = run(name, x, {**settings, param.name: moving})
        still = run(name, x, settings), run(name, x, {**settings, param.name: after})
        torch.testing.assert_close(y, torch.where(late, still[1], still[0]))


@every_processor
def test_the_same_call_gives_the_same_samples(name):
    x, settings = audio(name, (2,)), draw(name, (2,))
    before = x.clone()
    assert torch.equal(run(name, x, settings), run(name, x, settings))
    assert torch.equal(x, before)


@every_processor
def test_backends_agree(name, monkeypatch):
    x, settings = audio(name, (2,), time=600), draw(name, (2,))
    compiled = run(name, x, settings)
    monkeypatch.setattr(backends, "HAS_NUMBA", False)
    torch.testing.assert_close(run(name, x, settings), compiled, rtol=1e-9, atol=1e-9)


@every_processor
@pytest.mark.parametrize("sample_rate", [8000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_any_sample_rate(name, sample_rate):
    """The defaults work, or the error names what is out of the rate's reach."""
    x = audio(name, time=500, dtype=torch.float32)
    try:
        y = run(name, x, {}, sample_rate)
    except ValueError as error:
        assert "Nyquist" in str(error)
        assert any(param.name in str(error) for param in CATALOGUE[name].params)
        assert sample_rate < 44_100
    else:
        assert y.isfinite().all()
