"""Gradient modes block by block: the processor that is heard in use, or a refusal."""

from dataclasses import replace

import pytest
import torch

from dasp.grad import TCN, finite_difference, proxy, spsa
from dasp.processors import Processor, chain, dry_wet, parallel
from dasp.processors.catalogue import GAIN, LIMITER
from dasp.streaming import Stream

RATE = 8000
X = torch.linspace(-2, 2, 300)[None]


def imitation(mode: str) -> Processor:
    return proxy(GAIN, TCN(1, RATE, width=2, blocks=2, kernel=3), mode)


HEARD = {
    "spsa": spsa(GAIN),
    "finite_difference": finite_difference(GAIN),
    "half_hybrid": imitation("half_hybrid"),
    "full_hybrid": imitation("full_hybrid"),
}


@pytest.mark.parametrize("mode", list(HEARD))
def test_in_use_the_processor_itself_streams(mode):
    y, _ = HEARD[mode].step(X, RATE, gain_db=-6.0, ends=True)
    assert HEARD[mode].can_stream
    assert torch.equal(y, GAIN(X, RATE, gain_db=-6.0))


@pytest.mark.parametrize("mode", list(HEARD))
@pytest.mark.parametrize("combined", [lambda p: p, chain, parallel, dry_wet])
def test_a_gradient_through_blocks_is_refused(mode, combined):
    """It would be that of the processor, and not of the mode."""
    processor = combined(HEARD[mode])
    (name,) = (p.name for p in processor.params if p.name.endswith("gain_db"))
    settings = {name: torch.tensor(-6.0, requires_grad=True)}
    with pytest.raises(ValueError, match=f"gain: gain_db requires a gradient, which {mode} has"):
        processor.step(X, RATE, **settings)
    with torch.no_grad():
        processor.step(X, RATE, **settings)
    if mode in ("spsa", "finite_difference"):
        processor(X, RATE, **settings).square().sum().backward()
        assert settings[name].grad != 0


@pytest.mark.parametrize("mode", list(HEARD))
def test_blocks_have_the_gradient_of_the_mode_or_none(mode):
    """And what streams sounds as its own call does."""
    settings = {"gain_db": torch.tensor(-6.0, requires_grad=True)}
    with pytest.raises(ValueError, match="of whole signals only"):
        HEARD[mode].step(X, RATE, **settings)
    y, _ = HEARD[mode].step(X, RATE, gain_db=-6.0, ends=True)
    assert torch.equal(y, HEARD[mode](X, RATE, gain_db=-6.0))


def test_another_run_leaves_nothing_of_the_old_one():
    doubled = replace(LIMITER, run=lambda x, sample_rate, **settings: 2 * x)
    assert torch.equal(doubled(X, RATE), 2 * X)
    assert not doubled.can_stream
    assert doubled.latency(RATE) == 0
    with pytest.raises(ValueError, match="limiter: runs on a whole signal only"):
        doubled.step(X, RATE)


@pytest.mark.parametrize("combined", [lambda p: p, chain, parallel, dry_wet])
def test_a_network_that_stands_in_does_not_stream(combined):
    processor = combined(imitation("full"))
    assert not processor.can_stream
    with pytest.raises(ValueError, match="runs on a whole signal only"):
        Stream(processor, RATE)(X)


def test_the_latency_is_that_of_the_processor():
    assert spsa(LIMITER).latency(RATE, lookahead_ms=2.0) == 16
    stream = Stream(spsa(LIMITER), RATE, ceiling_db=-6.0)
    y = torch.cat([*stream.aligned(X.split(70, -1))], -1)
    torch.testing.assert_close(y, LIMITER(X, RATE, ceiling_db=-6.0))
