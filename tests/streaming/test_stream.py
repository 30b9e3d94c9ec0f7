"""`Stream`: delay, alignment, what may change between blocks, saved states, gradients."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from dasp.processors import Processor
from dasp.processors.catalogue import (
    CHORUS,
    COMPRESSOR,
    CONVOLUTION_REVERB,
    DELAY,
    DISTORTION,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    LIMITER,
    LOW_PASS,
    NOISE_SHAPED_REVERB,
    PARAMETRIC_EQ,
    PLATE_REVERB,
    STEREO_PANNER,
    TIME_SHIFT,
)
from dasp.processors.chain import chain, dry_wet, parallel
from dasp.streaming import Stream

RATE = 24_000

SLOW = chain(
    GAIN,
    parallel(LIMITER, dry_wet(COMPRESSOR), DISTORTION, DELAY),
    PLATE_REVERB,
    COMPRESSOR,
    GAIN,
)
SLOW_SETTINGS = {
    "gain.gain_db": 12.0,
    "parallel.limiter.ceiling_db": -6.0,
    "parallel.dry_wet.mix": 0.4,
    "parallel.dry_wet.wet.lookahead_ms": 3.3,
    "parallel.distortion.oversampling": 2,
    "compressor.lookahead_ms": 1.0,
}
"""Paths of four latencies side by side, before what looks ahead again."""


def noise(channels: int = 2, time: int = 2000) -> Tensor:
    """A quiet beginning and a loud end."""
    x = 0.3 * torch.randn(channels, time, dtype=torch.float64)
    x[..., : time // 4] *= 0.05
    return x


def cut(time: int) -> list[int]:
    """Lengths of blocks, of which many are short."""
    lengths = []
    while (left := time - sum(lengths)) > 0:
        lengths.append(min(left, int(torch.randint((3, 50, 900)[len(lengths) % 3], ()))))
    return lengths


def same(y: Tensor, expected: Tensor) -> None:
    """Equal to 1e-12."""
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)


def test_a_block_in_is_as_much_out_and_late_by_the_latency():
    x, stream = noise(), Stream(SLOW, RATE, **SLOW_SETTINGS)
    # Beside each other: 120 samples of the limiter, 80 of look-ahead, 136 of oversampling, none.
    assert stream.latency == 136 + 25
    blocks = x.split(cut(2000), -1)
    outputs = [stream(block) for block in blocks]
    assert all(y.shape == block.shape for y, block in zip(outputs, blocks, strict=True))
    y = torch.cat([*outputs, stream.flush()], -1)
    assert (y[:, : stream.latency] == 0).all()
    same(y[:, stream.latency :], SLOW(x, RATE, **SLOW_SETTINGS))


def test_aligned_blocks_are_the_whole():
    x, stream = noise(), Stream(SLOW, RATE, **SLOW_SETTINGS)
    y = torch.cat(list(stream.aligned(x.split(cut(2000), -1))), -1)
    same(y, SLOW(x, RATE, **SLOW_SETTINGS))


def test_the_tail_rings_on():
    """As in a signal that goes on in silence."""
    x, room = noise(), {"rt60_mid_s": 0.5, "mix": 1.0}
    stream = Stream(chain(FEEDBACK_DELAY_NETWORK, LIMITER), RATE, **{"limiter.gain_db": 6.0})
    stream.settings |= {f"feedback_delay_network.{key}": value for key, value in room.items()}
    y = torch.cat([stream(x), stream.flush(500)], -1)
    longer = torch.nn.functional.pad(x, (0, 500))
    whole = stream.processor(longer, RATE, **stream.settings)
    same(y[:, stream.latency :], whole)
    assert whole[:, -100:].abs().max() > 1e-3


def test_after_the_flush_it_is_new():
    x, stream = noise(), Stream(SLOW, RATE, **SLOW_SETTINGS)
    first, second = (torch.cat([stream(x), stream.flush()], -1) for _ in range(2))
    assert torch.equal(first, second)
    with pytest.raises(ValueError, match="flush: expected a block"):
        stream.flush()


def test_what_moves_along_time_waits_for_its_audio():
    """Automation and a side chain behind a limiter, which is late."""
    strip = chain(LIMITER, GAIN, COMPRESSOR)
    x, lengths = noise(), cut(2000)
    moving = {
        "gain.gain_db": torch.linspace(-30, 6, 2000, dtype=torch.float64),
        "compressor.sidechain": noise().flip(-1),
    }
    stream = Stream(strip, RATE)
    blocks = {name: value.split(lengths, -1) for name, value in moving.items()}
    y = torch.cat(list(stream.aligned(x.split(lengths, -1), **blocks)), -1)
    same(y, strip(x, RATE, **moving))


def test_settings_may_change_between_blocks():
    """A filter with other coefficients goes on from the same state."""
    x, stream = noise(), Stream(LOW_PASS, RATE, freq_hz=500.0)
    first = stream(x[:, :1000])
    stream.settings["freq_hz"] = 2000.0
    second = stream(x[:, 1000:])
    same(first, LOW_PASS(x[:, :1000], RATE, freq_hz=500.0))
    fresh = LOW_PASS(x[:, 1000:], RATE, freq_hz=2000.0)
    assert not torch.allclose(second[:, :20], fresh[:, :20])
    same(second[:, 500:], fresh[:, 500:])  # what was remembered has died away


@pytest.mark.parametrize(
    "processor, settings, change",
    [
        (LOW_PASS, {}, {"order": 4}),
        (COMPRESSOR, {"linked": False}, {"linked": True}),
        (PARAMETRIC_EQ, {}, {"peak_gain_db": [1.0], "peak_freq_hz": [100.0], "peak_q": [1.0]}),
        (FEEDBACK_DELAY_NETWORK, {}, {"size": 0.5}),
        (FEEDBACK_DELAY_NETWORK, {}, {"lines": 8}),
        (chain(GAIN, COMPRESSOR), {}, {"compressor.lookahead_ms": 5.0}),
        (LIMITER, {}, {"lookahead_ms": 1.0}),
        (DISTORTION, {}, {"oversampling": 4}),
        (TIME_SHIFT, {}, {"delay_samples": -50.0}),
    ],
)
def test_what_cannot_change_is_named(processor, settings, change):
    stream = Stream(processor, 48_000, **settings)
    stream(noise())
    stream.settings |= change
    with pytest.raises(ValueError, match=rf"\b{next(iter(change))}\b.*: .*cannot change"):
        stream(noise())


def test_a_state_is_saved_and_restored(tmp_path):
    x, half = noise(), 1234
    stream = Stream(SLOW, RATE, **SLOW_SETTINGS)
    first = stream(x[:, :half])
    save_file(stream.state, tmp_path / "state.safetensors")
    other = Stream(SLOW, RATE, **SLOW_SETTINGS)
    other.state = load_file(tmp_path / "state.safetensors")
    second = [other(x[:, half:]), other.flush()]
    y = torch.cat([first, *second], -1)[:, other.latency :]
    same(y, SLOW(x, RATE, **SLOW_SETTINGS))


def test_a_state_holds_no_more_than_it_has_to():
    """Not the block that it is cut from."""
    stream = Stream(chain(LOW_PASS, DELAY, COMPRESSOR), RATE, **{"delay.time_ms": 20.0})
    stream(noise(time=100_000))
    # Two channels of 480 samples that a delay has to have, and a few numbers of the others.
    elements = sum(value.untyped_storage().nbytes() // 8 for value in stream.state.values())
    assert elements < 2 * (480 + 10)


def test_a_gradient_ends_where_the_state_is_detached():
    """And reaches back to the first block where it is not."""
    x = noise().requires_grad_()
    for cut_off in (False, True):
        stream = Stream(chain(LOW_PASS, CHORUS, COMPRESSOR), RATE)
        stream(x[:, :1000])
        if cut_off:
            stream.detach()
        (grad,) = torch.autograd.grad(stream(x[:, 1000:1100]).sum(), x)
        assert (grad[:, 1000:1100] != 0).any()
        assert (grad[:, 900:1000] != 0).any() != cut_off


@pytest.mark.parametrize("processor", [SLOW, FEEDBACK_DELAY_NETWORK, DELAY, CHORUS])
def test_the_gradient_through_a_stream_is_that_of_the_whole(processor):
    x = noise(time=600).requires_grad_()
    settings = SLOW_SETTINGS if processor is SLOW else {}
    weight = torch.randn(2, 600, dtype=torch.float64)
    (whole,) = torch.autograd.grad((processor(x, RATE, **settings) * weight).sum(), x)
    stream = Stream(processor, RATE, **settings)
    y = torch.cat(list(stream.aligned(x.split([250, 1, 249, 100], -1))), -1)
    (grad,) = torch.autograd.grad((y * weight).sum(), x)
    torch.testing.assert_close(grad, whole, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("seconds", [0.02, 1.5])
def test_long_and_short_blocks_of_a_long_reverb(seconds):
    """Blocks shorter and longer than a partition, of responses shorter and longer than one."""
    x = noise(time=30_000)
    response = torch.randn(2, int(seconds * RATE), dtype=torch.float64)
    lengths = [100, 64, 1, 8191, 8192, 3000, 452, 10_000]
    stream = Stream(CONVOLUTION_REVERB, RATE, impulse_response=response, mix=1.0)
    y = torch.cat(list(stream.aligned(x.split(lengths, -1))), -1)
    whole = CONVOLUTION_REVERB(x, RATE, impulse_response=response, mix=1.0)
    torch.testing.assert_close(y, whole, rtol=0, atol=1e-12 * whole.abs().max())


def test_another_response_is_heard_at_once():
    """Of the past too, as far as it is remembered: nothing that was worked out before remains."""
    x = noise(time=9200)
    first, second = torch.randn(2, 2, 9000, dtype=torch.float64).unbind()
    stream = Stream(CONVOLUTION_REVERB, RATE, impulse_response=first, mix=1.0)
    stream(x[:, :9000])
    stream(x[:, 9000:9100])
    stream.settings["impulse_response"] = second
    whole = CONVOLUTION_REVERB(x, RATE, impulse_response=second, mix=1.0)
    torch.testing.assert_close(stream(x[:, 9100:]), whole[:, 9100:], rtol=0, atol=1e-9)


def test_long_times_keep_their_digits_in_float32():
    """The reduction falls by less than the last digit of float32 at every sample."""
    x = torch.ones(1, 4000).index_fill(-1, torch.arange(2000, 4000), 0.966)  # by 0.3 dB
    settings = {"threshold_db": -40.0, "attack_ms": 1.0, "release_ms": 4000.0}
    stream = Stream(COMPRESSOR, 48_000, **settings)
    y = torch.cat(list(stream.aligned([x[:, :2000], *x[:, 2000:].split(1, -1)])), -1)
    whole = COMPRESSOR(x, 48_000, **settings)
    assert whole[0, -1] > whole[0, 2001] * (1 + 1e-4)
    torch.testing.assert_close(y, whole, rtol=0, atol=1e-6)


def test_drawn_noise_is_drawn_once():
    """A generator moves on at every call; a reverb keeps what it drew for its first block."""
    x, settings = noise(), {"rt60_s": 0.1, "length_s": 0.2, "mix": 1.0}
    whole = NOISE_SHAPED_REVERB(x, RATE, noise=torch.Generator().manual_seed(5), **settings)
    stream = Stream(NOISE_SHAPED_REVERB, RATE, noise=torch.Generator().manual_seed(5), **settings)
    same(torch.cat(list(stream.aligned(x.split(cut(2000), -1))), -1), whole)


def test_channels_may_become_two():
    x, stream = noise(1), Stream(chain(LIMITER, STEREO_PANNER), RATE)
    y = torch.cat(list(stream.aligned(x.split(700, -1))), -1)
    same(y, chain(LIMITER, STEREO_PANNER)(x, RATE))


def test_a_function_that_says_nothing_of_its_memory_is_refused():
    echo = Processor(lambda x, sample_rate: x + x.roll(1, -1), name="echo")
    with pytest.raises(ValueError, match="echo: runs on a whole signal only"):
        Stream(chain(GAIN, echo), RATE)(noise())
