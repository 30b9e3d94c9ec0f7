"""Reverb from noise: ten octave bands, each with its level and its own time of decay.

The response of a room is dense noise that dies away exponentially, faster where its walls
absorb more. White noise is split into octaves, each octave is given an exponential envelope
and a gain, and their sum is the impulse response.

Sources: J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979;
C. J. Steinmetz, V. K. Ithapu and P. Calamia, "Filtered noise shaping for time domain room
impulse response estimation from reverberant speech", WASPAA 2021.
"""

import functools
import math

import torch
from torch import Tensor

from dasp._checks import check_audio, check_range
from dasp._constants import constant
from dasp._private import is_transformed, is_watched
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, broadcasts, per_band
from dasp.functional._convolution import convolved
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._reverb import pre_delayed
from dasp.functional._run import in_blocks
from dasp.signal._fused import on_gpu
from dasp.signal.fft import irfft, rfft
from dasp.signal.fftconv import fast_fft_length
from dasp.signal.noise import white_noise
from dasp.units import db_to_gain

CENTRES_HZ = tuple(1000 * 2.0**octave for octave in range(-5, 5))
"""Centres of the bands, 31.25 Hz to 16 kHz. The edges lie half an octave on either side; the
lowest band reaches down to 0 Hz and the highest that is left at a sample rate up to Nyquist."""

CROSSOVER_OCTAVES = 1 / 6
"""Width of the crossover between two bands."""

MOST_KEPT = 2**18
"""Samples of noise for which the shares of the bands are kept: 5 MB in float32."""


@audio_processor
def noise_shaped_reverb(
    x: Tensor,
    sample_rate: float,
    *,
    band_gain_db: Value,
    rt60_s: Value,
    mix: Value,
    pre_delay_ms: Value = 0.0,
    length_s: float = 4.0,
    noise: Tensor | torch.Generator | int = 0,
    memory: Memory = WHOLE,
) -> Tensor:
    """Convolve every channel with noise of its own, which decays in ten octave bands.

    Like that of a room, a single response scatters around the decay that it was asked for: by a few
    percent in the middle bands, by 20 % in the lowest, which hold few oscillations. A band above
    Nyquist has no effect. The other parameters are numbers or tensors `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        band_gain_db: Energy of each band (`CENTRES_HZ`) against the dry signal in dB,
            `(*batch, 10)` or `(10,)`, or one number for all bands, whatever the decay: at 0 dB
            noise comes out as loud as it went in. [-48 to 12 dB]
        rt60_s: Time in which each band decays by 60 dB, `(*batch, 10)` or `(10,)`, or one number
            for all bands, above 0. [0.1 to 4 s]
        mix: Share of the reverb, 0 (dry, `x` as it is) to 1. [0 to 1]
        pre_delay_ms: Time between `x` and its reverb, 0 or more; 0 is none. [0 to 200 ms]
        length_s: Least length of the response, above 0. A longer decay is cut there or a little
            later, at a length that is quick to transform. [0.001 to 60 s]
        noise: White noise of variance 1, `(*batch, channels, taps)` or `(channels, taps)`, whose
            length takes the place of `length_s`; or a `torch.Generator` or a seed to draw it from.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`. The reverb is cut at the end of `x`.

    Raises:
        ValueError: If a parameter of the bands does not have ten numbers, `rt60_s` or `length_s` is
            not above 0, `pre_delay_ms` is below 0, `mix` lies outside [0, 1], or `noise` does not
            fit `x`.

    Source: J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979;
    C. J. Steinmetz, V. K. Ithapu and P. Calamia, "Filtered noise shaping for time domain room
    impulse response estimation from reverberant speech", WASPAA 2021.

    >>> impulse = torch.eye(1, 48_000)
    >>> wet = noise_shaped_reverb(impulse, 48_000, band_gain_db=0.0, rt60_s=0.5, mix=1.0)
    >>> before, after = wet[0, :12_000].square().sum(), wet[0, 12_000:24_000].square().sum()
    >>> round(10 * torch.log10(after / before).item())  # in half of the time, half of 60 dB
    -30
    """
    bands = len(CENTRES_HZ)
    gain = db_to_gain(per_band("band_gain_db", band_gain_db, x, bands))
    rt60 = per_band("rt60_s", rt60_s, x, bands, above=0.0) * sample_rate
    if 0 in x.shape[-2:]:
        return x.clone()  # and draw no noise
    if isinstance(noise, torch.Generator) and not memory.whole:
        noise = _drawn(noise, x, sample_rate, length_s, memory)
    # What sounds after the end need not be made, unless a graph is to be for other lengths too.
    one_length = memory.whole and not torch.compiler.is_compiling()
    heard = max(1, x.shape[-1]) if one_length else None

    def make() -> Tensor:
        drawn = _noise(noise, x, sample_rate, length_s)
        return _response(octaves(drawn, sample_rate)[..., :heard], gain, rt60)

    made_from = gain, rt60, noise, x.shape[-2], sample_rate, length_s
    response = memory.once("response", make, *made_from)
    wet = convolved(pre_delayed(x, sample_rate, pre_delay_ms, memory), response, memory)
    return mixed(x, wet, mix)


NOISE_SHAPED_REVERB = Processor(
    in_blocks(noise_shaped_reverb),
    Param("band_gain_db", -48.0, 12.0, default=0.0, bands=10),
    Param(
        "rt60_s",
        0.1,
        4.0,
        default=(1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.1, 0.9, 0.7, 0.4),
        scale="log",
        bands=10,
    ),
    Param("mix", 0.0, 1.0, default=0.3),
    Param("pre_delay_ms", 0.0, 200.0),
    Option("length_s", low=0.001, high=60.0),
    inputs=("noise",),
    neutral={"mix": 0.0},
)


def _drawn(
    noise: torch.Generator, x: Tensor, sample_rate: float, length_s: float, memory: Memory
) -> Tensor:
    """The noise of the first block, for all blocks."""
    drawn = memory.get("noise")
    if drawn is None:
        drawn = _noise(noise, x, sample_rate, length_s)
    memory.keep("noise", drawn)
    return drawn


def octaves(noise: Tensor, sample_rate: float) -> Tensor:
    """Split noise `(..., time)` into `(..., bands, time)`, whose sum it is.

    Bands are cut out of the spectrum of the whole, so what rings at the end of the noise goes on
    at its beginning, and the bands are as loud there as anywhere.
    """
    time = noise.shape[-1]
    spectrum = rfft(noise)[..., None, :] * _shares(time, sample_rate, noise)
    return irfft(spectrum, time)


def _shares(time: int, sample_rate: float, like: Tensor) -> Tensor:
    """What part of each frequency belongs to which band, in the type of `like`.

    For noise of the usual lengths this is made once: it takes as long as some of the transforms.
    """
    looked_on = torch.compiler.is_compiling() or is_transformed(like) or is_watched()
    make = _new_shares if looked_on or time > MOST_KEPT else _kept_shares
    return make(time, sample_rate, like.dtype, like.device)


def _new_shares(time: int, sample_rate: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """`(bands, frequencies)`; all bands sum to 1."""
    freq_hz = torch.fft.rfftfreq(time, 1 / sample_rate, dtype=torch.float64, device=device)
    edges_hz = constant(CENTRES_HZ[:-1], freq_hz)[:, None] * math.sqrt(2)
    rise = torch.log2(freq_hz / edges_hz) / CROSSOVER_OCTAVES + 0.5
    above = torch.sin(math.pi / 2 * rise.clamp(0, 1)).square()
    everything, nothing = torch.ones_like(above[:1]), torch.zeros_like(above[:1])
    return (torch.cat((everything, above)) - torch.cat((above, nothing))).to(dtype)


@functools.lru_cache(4)
@torch.inference_mode(False)  # what was made there could have no gradient through it later
def _kept_shares(*arguments) -> Tensor:
    return _new_shares(*arguments)


def _response(bands: Tensor, gain: Tensor, rt60: Tensor) -> Tensor:
    """Sum of the bands `(..., channels, bands, taps)` under their envelopes."""
    return (_envelope(gain, rt60, bands.shape[-1])[..., None, :, :] * bands).sum(-2)


@on_gpu("envelope_cuda.envelope")
def _envelope(gain: Tensor, rt60: Tensor, taps: int) -> Tensor:
    """Of noise that decays by 60 dB in `rt60` samples, `(..., taps)`.

    It is 10^(-3 n / rt60). Its energy, a geometric series, is divided out.
    """
    rate = 3 * math.log(10) / rt60[..., None]
    n = torch.arange(taps, dtype=rate.dtype, device=rate.device)
    return gain[..., None] * torch.sqrt(-torch.expm1(-2 * rate)) * torch.exp(-rate * n)


def _noise(
    noise: Tensor | torch.Generator | int, x: Tensor, sample_rate: float, length_s: float
) -> Tensor:
    channels = x.shape[-2]
    if not isinstance(noise, Tensor):
        check_range("length_s", length_s, above=0.0)
        taps = fast_fft_length(math.ceil(length_s * sample_rate))
        return white_noise((channels, taps), noise, dtype=x.dtype, device=x.device)
    check_audio(noise, "noise")
    *batch, noises, taps = noise.shape
    if noises != channels or taps == 0 or not broadcasts(batch, x.shape[:-2]):
        raise ValueError(
            f"noise: expected shape (channels, taps) or (*batch, channels, taps) with the "
            f"{channels} channels of x, got {tuple(noise.shape)}"
        )
    return noise.to(x)
