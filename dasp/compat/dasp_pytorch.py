"""The functions and classes of dasp-pytorch 0.0.1, by their names, ranges and shapes.

`import dasp.compat.dasp_pytorch as dasp_pytorch`: what is computed is `dasp`'s. What differs from
dasp-pytorch:

- `compressor` uses its release time, which was ignored; its detector hears the loudest channel and
  not the sum of all, which opposite channels cancel; with a knee of 0 the gradients are finite;
  `lookahead_samples` delays nothing. Times mean what they did: 90 % of a step.
- `parametric_eq` and the compressor filter in time and not by sampled frequencies: no tail wraps
  round to the beginning.
- `noise_shaped_reverberation` has ten octaves and not twelve bands: the lowest of twelve, under
  12 Hz, and the highest, over 18 kHz, are parts of their neighbours and have no gain of their own.
  The same call draws the same noise, that of `seed`.
- `stereo_panner` has finite gradients at its ends, and returns `(bs, 2, tracks, time)`, as the code
  did and its documentation did not say.
- `stereo_widener` and `distortion` take a value for each item of a batch, and `Distortion` runs.
- Arguments without meaning are refused, by name.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dasp import functional as F
from dasp.functional.stereo import from_mid_side, to_mid_side
from dasp.units import gain_to_db

__all__ = [
    "Compressor",
    "Distortion",
    "Gain",
    "NoiseShapedReverb",
    "ParametricEQ",
    "Processor",
    "compressor",
    "distortion",
    "gain",
    "noise_shaped_reverberation",
    "parametric_eq",
    "stereo_bus",
    "stereo_panner",
    "stereo_widener",
]

BANDS = 12
OWN_BANDS = slice(1, 11)
"""Those of the twelve bands of the reverb that are octaves of `dasp`."""

TO_TIME_CONSTANT = 1 / math.log(9)
"""Times are those from 10 % to 90 % of a step; those of `dasp` are time constants."""


def gain(x: Tensor, sample_rate: float, gain_db: Tensor) -> Tensor:
    """Apply a gain.

    Args:
        x: Audio `(bs, chs, time)`.
        sample_rate: In Hz.
        gain_db: In dB, a value for each item of the batch.

    Returns:
        Audio of the shape of `x`.
    """
    return F.gain(x, sample_rate, gain_db=_items(gain_db, x))


def stereo_bus(x: Tensor, sample_rate: float, send_db: Tensor) -> Tensor:
    """Sum stereo tracks into a bus.

    Args:
        x: Tracks `(bs, 2, tracks, time)`.
        sample_rate: In Hz.
        send_db: Levels in dB, `(bs, tracks, 1)` or `(bs, tracks)`.

    Returns:
        Audio `(bs, 2, time)`.
    """
    return F.stereo_bus(x.transpose(1, 2), sample_rate, send_db=send_db.reshape(len(x), -1))


def distortion(x: Tensor, sample_rate: float, drive_db: Tensor) -> Tensor:
    """Bend a signal by the hyperbolic tangent.

    Args:
        x: Audio `(bs, chs, time)`.
        sample_rate: In Hz.
        drive_db: Gain before the curve in dB, a value for each item of the batch.

    Returns:
        Audio of the shape of `x`.
    """
    return F.distortion(x, sample_rate, drive_db=_items(drive_db, x), tone_filter=False)


def parametric_eq(
    x: Tensor,
    sample_rate: float,
    low_shelf_gain_db: Tensor,
    low_shelf_cutoff_freq: Tensor,
    low_shelf_q_factor: Tensor,
    band0_gain_db: Tensor,
    band0_cutoff_freq: Tensor,
    band0_q_factor: Tensor,
    band1_gain_db: Tensor,
    band1_cutoff_freq: Tensor,
    band1_q_factor: Tensor,
    band2_gain_db: Tensor,
    band2_cutoff_freq: Tensor,
    band2_q_factor: Tensor,
    band3_gain_db: Tensor,
    band3_cutoff_freq: Tensor,
    band3_q_factor: Tensor,
    high_shelf_gain_db: Tensor,
    high_shelf_cutoff_freq: Tensor,
    high_shelf_q_factor: Tensor,
) -> Tensor:
    """Filter by a low shelf, four peaks and a high shelf.

    Each parameter is a value for each item of the batch.

    Args:
        x: Audio `(bs, chs, time)`.
        sample_rate: In Hz.
        low_shelf_gain_db: In dB.
        low_shelf_cutoff_freq: In Hz.
        low_shelf_q_factor: Above 0.
        band0_gain_db: In dB.
        band0_cutoff_freq: In Hz.
        band0_q_factor: Above 0.
        band1_gain_db: In dB.
        band1_cutoff_freq: In Hz.
        band1_q_factor: Above 0.
        band2_gain_db: In dB.
        band2_cutoff_freq: In Hz.
        band2_q_factor: Above 0.
        band3_gain_db: In dB.
        band3_cutoff_freq: In Hz.
        band3_q_factor: Above 0.
        high_shelf_gain_db: In dB.
        high_shelf_cutoff_freq: In Hz.
        high_shelf_q_factor: Above 0.

    Returns:
        Audio of the shape of `x`.
    """

    def peaks(*bands: Tensor) -> Tensor:
        return torch.stack([_items(band, x) for band in bands], -1)

    return F.parametric_eq(
        x,
        sample_rate,
        low_shelf_gain_db=_items(low_shelf_gain_db, x),
        low_shelf_freq_hz=_items(low_shelf_cutoff_freq, x),
        low_shelf_q=_items(low_shelf_q_factor, x),
        peak_gain_db=peaks(band0_gain_db, band1_gain_db, band2_gain_db, band3_gain_db),
        peak_freq_hz=peaks(
            band0_cutoff_freq, band1_cutoff_freq, band2_cutoff_freq, band3_cutoff_freq
        ),
        peak_q=peaks(band0_q_factor, band1_q_factor, band2_q_factor, band3_q_factor),
        high_shelf_gain_db=_items(high_shelf_gain_db, x),
        high_shelf_freq_hz=_items(high_shelf_cutoff_freq, x),
        high_shelf_q=_items(high_shelf_q_factor, x),
    )


def compressor(
    x: Tensor,
    sample_rate: float,
    threshold_db: Tensor,
    ratio: Tensor,
    attack_ms: Tensor,
    release_ms: Tensor,
    knee_db: Tensor,
    makeup_gain_db: Tensor,
    eps: float = 1e-8,
    lookahead_samples: int = 0,
) -> Tensor:
    """Compress by a feed-forward compressor.

    Each parameter is a value for each item of the batch.

    Args:
        x: Audio `(bs, chs, time)`.
        sample_rate: In Hz.
        threshold_db: In dB.
        ratio: 1 or more.
        attack_ms: Time in which 10 % to 90 % of a step are reached, in ms.
        release_ms: The same for the way back.
        knee_db: Width of the knee in dB.
        makeup_gain_db: In dB.
        eps: Not needed any more.
        lookahead_samples: By which the gain acts before the audio.

    Returns:
        Audio of the shape of `x`.
    """
    return F.compressor(
        x,
        sample_rate,
        threshold_db=_items(threshold_db, x),
        ratio=_items(ratio, x),
        attack_ms=_items(attack_ms, x) * TO_TIME_CONSTANT,
        release_ms=_items(release_ms, x) * TO_TIME_CONSTANT,
        knee_db=_items(knee_db, x),
        makeup_gain_db=_items(makeup_gain_db, x),
        lookahead_ms=1e3 * lookahead_samples / sample_rate,
    )


def noise_shaped_reverberation(
    x: Tensor,
    sample_rate: float,
    *bands_and_mix: Tensor,
    num_samples: int = 65_536,
    num_bandpass_taps: int = 1023,
    seed: int = 0,
    **named: Tensor,
) -> Tensor:
    """Add the reverberation of noise that decays in bands.

    Args:
        x: Audio `(bs, chs, time)`, mono or stereo.
        sample_rate: In Hz.
        *bands_and_mix: `band0_gain` to `band11_gain`, `band0_decay` to `band11_decay`, and `mix`,
            each a value in [0, 1] for each item of the batch; they may be given by name.
        num_samples: Length of the impulse response.
        num_bandpass_taps: Not needed any more.
        seed: Of the noise.
        **named: Those of the values that are given by name.

    Returns:
        Audio `(bs, 2, time)`.

    Raises:
        TypeError: If a value is missing, or there is one too many.
    """
    values = dict(zip(REVERB_NAMES, bands_and_mix, strict=False))
    values |= named
    if set(values) != set(REVERB_NAMES) or len(bands_and_mix) > len(REVERB_NAMES):
        wrong = sorted(set(values) ^ set(REVERB_NAMES)) or ["too many"]
        raise TypeError(f"noise_shaped_reverberation(): missing or unknown: {', '.join(wrong)}")
    x = x.expand(-1, 2, -1)
    gains, decays = (
        torch.stack([_items(values[f"band{i}_{kind}"], x) for i in range(BANDS)], -1)[:, OWN_BANDS]
        for kind in ("gain", "decay")
    )
    # An envelope exp(-rate n / num_samples), whose energy stands for the level of its band.
    rate = 10 * decays + 1
    energy = num_samples * -torch.expm1(-2 * rate) / (2 * rate)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, num_samples, generator=generator, dtype=x.dtype).to(x.device)
    return F.noise_shaped_reverb(
        x,
        sample_rate,
        band_gain_db=gain_to_db(gains / BANDS) + 10 * torch.log10(energy),
        rt60_s=math.log(1000) * num_samples / sample_rate / rate,
        mix=_items(values["mix"], x),
        noise=noise,
    )


def stereo_widener(x: Tensor, sample_rate: float, width: Tensor) -> Tensor:
    """Balance the mid and the side of a stereo signal.

    Args:
        x: Audio `(bs, 2, time)`.
        sample_rate: In Hz.
        width: From 0, the mid alone, to 1, the side alone; 0.5 changes nothing.

    Returns:
        Audio of the shape of `x`.
    """
    mid, side = to_mid_side(x)
    width = _items(width, x)[:, None, None]
    return from_mid_side(2 * (1 - width) * mid, 2 * width * side)


def stereo_panner(x: Tensor, sample_rate: float, pan: Tensor) -> Tensor:
    """Pan mono tracks.

    Args:
        x: Tracks `(bs, tracks, time)`.
        sample_rate: In Hz.
        pan: From 0, left, to 1, right, `(bs, tracks)`.

    Returns:
        Audio `(bs, 2, tracks, time)`.
    """
    pan = pan.reshape(x.shape[:2])
    gains = torch.stack((_side_gain(1 - pan), _side_gain(pan)), 1)
    return x[:, None] * gains[..., None]


def _side_gain(p: Tensor) -> Tensor:
    """The root of p sin(p pi / 2), with a slope at 0."""
    return p * torch.sqrt(math.pi / 2 * torch.sinc(p / 2))


class Processor:
    """A function with the ranges of its parameters.

    Args:
        process_fn: The function.
        param_ranges: The least and the greatest value of each parameter, by name.
        sample_rate: In Hz.
    """

    def __init__(
        self,
        process_fn: Callable[..., Tensor],
        param_ranges: dict[str, tuple[float, float]],
        sample_rate: float,
    ):
        self.process_fn = process_fn
        self.param_ranges = param_ranges
        self.sample_rate = sample_rate
        self.num_params = len(param_ranges)

    def process_normalized(self, x: Tensor, param_tensor: Tensor) -> Tensor:
        """Process audio with parameters from 0 to 1.

        Args:
            x: Audio `(bs, chs, time)`.
            param_tensor: Parameters in the order of `param_ranges`, `(bs, num_params)`.

        Returns:
            Audio.

        Raises:
            ValueError: If there are more or fewer parameters, or one lies outside [0, 1].
        """
        named = self.denormalize_param_dict(self.extract_param_dict(param_tensor))
        return self.process_fn(x, self.sample_rate, **named)

    def process(self, x: Tensor, *args: Any) -> Tensor:
        """Process audio with parameters in their units.

        Args:
            x: Audio `(bs, chs, time)`.
            *args: The sample rate, then the parameters in their order.

        Returns:
            Audio.
        """
        return self.process_fn(x, *args)

    def extract_param_dict(self, param_tensor: Tensor) -> dict[str, Tensor]:
        """Name the columns of a tensor of parameters.

        Args:
            param_tensor: `(bs, num_params)`.

        Returns:
            The columns by name.

        Raises:
            ValueError: If there are more or fewer.
        """
        if param_tensor.shape[1] != self.num_params:
            raise ValueError(
                f"param_tensor: expected {self.num_params} columns, got {param_tensor.shape[1]}"
            )
        return dict(zip(self.param_ranges, param_tensor.unbind(1), strict=True))

    def denormalize_param_dict(self, param_dict: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring parameters from [0, 1] to their ranges.

        Args:
            param_dict: Values by name.

        Returns:
            Values in their units by name.

        Raises:
            ValueError: If one lies outside [0, 1].
        """
        for name, value in param_dict.items():
            if value.min() < 0 or value.max() > 1:
                raise ValueError(f"{name}: expected values from 0 to 1")
        ranges = self.param_ranges
        return {
            name: ranges[name][0] + (ranges[name][1] - ranges[name][0]) * value
            for name, value in param_dict.items()
        }


class Gain(Processor):
    """`gain`.

    Args:
        sample_rate: In Hz.
        min_gain_db: The least gain.
        max_gain_db: The greatest.
    """

    def __init__(self, sample_rate: float, min_gain_db: float = -24.0, max_gain_db: float = 24.0):
        super().__init__(gain, {"gain_db": (min_gain_db, max_gain_db)}, sample_rate)


class Distortion(Processor):
    """`distortion`, whose parameter is called `drive_db`, as that of the function.

    Args:
        min_gain_db: The least drive.
        max_gain_db: The greatest.
        sample_rate: In Hz, which the function does not depend on.
    """

    def __init__(
        self, min_gain_db: float = 0.0, max_gain_db: float = 24.0, sample_rate: float = 44_100
    ):
        super().__init__(distortion, {"drive_db": (min_gain_db, max_gain_db)}, sample_rate)


class ParametricEQ(Processor):
    """`parametric_eq`.

    Args:
        sample_rate: In Hz.
        min_gain_db: The least gain of all bands.
        max_gain_db: The greatest.
        min_q_factor: The least Q.
        max_q_factor: The greatest.
    """

    def __init__(
        self,
        sample_rate: float,
        min_gain_db: float = -20.0,
        max_gain_db: float = 20.0,
        min_q_factor: float = 0.1,
        max_q_factor: float = 6.0,
    ):
        top = sample_rate // 2 - 1000
        freqs = {
            "low_shelf": (20, 2000),
            "band0": (80, 2000),
            "band1": (2000, 8000),
            "band2": (8000, 12_000),
            "band3": (12_000, top),
            "high_shelf": (4000, top),
        }
        ranges = {}
        for band, range_hz in freqs.items():
            ranges[f"{band}_gain_db"] = (min_gain_db, max_gain_db)
            ranges[f"{band}_cutoff_freq"] = range_hz
            ranges[f"{band}_q_factor"] = (min_q_factor, max_q_factor)
        super().__init__(parametric_eq, ranges, sample_rate)


class Compressor(Processor):
    """`compressor`.

    Args:
        sample_rate: In Hz.
        min_threshold_db: The least threshold.
        max_threshold_db: The greatest.
        min_ratio: The least ratio.
        max_ratio: The greatest.
        min_attack_ms: The least attack time.
        max_attack_ms: The greatest.
        min_release_ms: The least release time.
        max_release_ms: The greatest.
        min_knee_db: The least width of the knee.
        max_knee_db: The greatest.
        min_makeup_gain_db: The least make-up gain.
        max_makeup_gain_db: The greatest.
    """

    def __init__(
        self,
        sample_rate: float,
        min_threshold_db: float = -60.0,
        max_threshold_db: float = 0.0,
        min_ratio: float = 1.0,
        max_ratio: float = 20.0,
        min_attack_ms: float = 5.0,
        max_attack_ms: float = 100.0,
        min_release_ms: float = 5.0,
        max_release_ms: float = 100.0,
        min_knee_db: float = 0.0,
        max_knee_db: float = 12.0,
        min_makeup_gain_db: float = 0.0,
        max_makeup_gain_db: float = 12.0,
    ):
        ranges = {
            "threshold_db": (min_threshold_db, max_threshold_db),
            "ratio": (min_ratio, max_ratio),
            "attack_ms": (min_attack_ms, max_attack_ms),
            "release_ms": (min_release_ms, max_release_ms),
            "knee_db": (min_knee_db, max_knee_db),
            "makeup_gain_db": (min_makeup_gain_db, max_makeup_gain_db),
        }
        super().__init__(compressor, ranges, sample_rate)


class NoiseShapedReverb(Processor):
    """`noise_shaped_reverberation`.

    Args:
        sample_rate: In Hz.
        min_band_gain: The least gain of all bands.
        max_band_gain: The greatest.
        min_band_decay: The least decay.
        max_band_decay: The greatest.
        min_mix: The least share of the reverb.
        max_mix: The greatest.
    """

    def __init__(
        self,
        sample_rate: float,
        min_band_gain: float = 0.0,
        max_band_gain: float = 1.0,
        min_band_decay: float = 0.0,
        max_band_decay: float = 1.0,
        min_mix: float = 0.0,
        max_mix: float = 1.0,
    ):
        ends = {
            "gain": (min_band_gain, max_band_gain),
            "decay": (min_band_decay, max_band_decay),
            "mix": (min_mix, max_mix),
        }
        ranges = {name: ends[name.rpartition("_")[2]] for name in REVERB_NAMES}
        super().__init__(noise_shaped_reverberation, ranges, sample_rate)


REVERB_NAMES = (
    *(f"band{i}_{kind}" for kind in ("gain", "decay") for i in range(BANDS)),
    "mix",
)
"""The parameters of the reverb in their order."""


def _items(value: Tensor, x: Tensor) -> Tensor:
    """A value for each item of the batch, from any shape that has as many."""
    return value.reshape(len(x)) if isinstance(value, Tensor) and value.ndim > 0 else value
