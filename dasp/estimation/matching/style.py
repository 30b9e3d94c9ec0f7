"""What a recording sounds like, in numbers that hardly depend on what is played, and a distance.

A style is groups of numbers, each differentiable in the audio:

| group | what | unit |
| --- | --- | --- |
| loudness | integrated loudness | LU |
| crest | from the RMS level to the peak, mean of the channels | dB |
| dynamics | how far loud moments and the mean power stand over the mean level, in four bands | dB |
| spectrum | third-octave levels of both channels, at a loudness of 0 | dB |
| bark | levels of mid and side in 24 Bark bands, at a loudness of 0 | dB |
| cepstrum | mean and deviation over time of 13 cepstral coefficients of the Bark bands | dB |
| width | level of the side over that of the mid, in octaves | dB |
| image | share of the side in the energy, and how much louder right is than left | 1 |

A ninth is heard where it is asked for, as it takes as long as all the others: `encoder`, what the
effect encoder (`dasp.controllers.style.embed`) says was done to the recording.

The distance of a group is w ln(1 + e), where e is the mean of the squares of its differences in
units of what can just be told apart. Two pieces of music differ in all of this even where one
engineer made both. Near the answer e is below 1 and the distance its square; where music differs, a
dB more or less hardly counts, and the prior over settings decides. It is the likelihood of Gaussian
differences whose deviation is not known, with w half the number of differences that are
independent of each other: of neighbouring bands, few.

Sources: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024 (crest
factor, width, imbalance, Bark spectra of mid and side); C.-Y. Yu et al., "DiffVox", DAFx 2025, and
its sequel of WASPAA 2025 (cepstral statistics, and a Gaussian prior).
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._bounds import at_least
from dasp._constants import constant
from dasp.analysis import measure_crest_factor
from dasp.analysis.loudness import design_k_weighting
from dasp.analysis.spectral import bark_filterbank, octave_filterbank
from dasp.controllers.style.embedding import embed
from dasp.signal.biquad import frequency_response
from dasp.signal.stft import stft
from dasp.units import power_to_db

Style = Mapping[str, Tensor]
"""The numbers of each group by its name, `(*batch, numbers)`."""


class Group(NamedTuple):
    """How a group of numbers counts.

    Args:
        just_told: Difference that can just be told apart, in the unit of the group.
        weight: The weight w of the distance.
    """

    just_told: float
    weight: float


GROUPS = {
    "loudness": Group(0.5, 2.0),
    "crest": Group(1.0, 3.0),
    "dynamics": Group(1.5, 0.5),
    "spectrum": Group(2.0, 6.0),
    "bark": Group(2.0, 1.0),
    "cepstrum": Group(2.0, 0.5),
    "width": Group(2.0, 1.0),
    "image": Group(0.02, 2.0),
    "encoder": Group(0.05, 2.0),
}
"""The groups by name. The weights of spectrum, Bark bands and crest were set by hand, on the pairs
of docs/matching.md. Embeddings of other music under the same effects differ by about what is said
to be told apart just so."""

ON_REQUEST = ("encoder",)
"""The groups that are left out unless their weight is given."""

LONG_S, SHORT_S = 0.35, 0.046
"""About how long the frames are: of spectra and loudness, and of dynamics and cepstra."""

GATE_LU = 10.0
FEWEST = 4
HEARD_DB = 60.0
"""Bands so far under the loudest of a style are as good as silent."""

BANDS = ("spectrum", "bark")
"""The groups of levels in bands."""

SIDE_FLOOR_DB = -40.0
"""Under the mid, a side is as good as none."""

QUIET_DB = 40.0
LOUD_SHARE = 0.05
COEFFICIENTS = 13
BAND_EDGES_HZ = (200.0, 2500.0)


def measure_style(x: Tensor, sample_rate: float, *, encoder: bool = False) -> dict[str, Tensor]:
    """Measure the style of stereo audio.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.
        encoder: Whether the effect encoder listens as well.

    Returns:
        The numbers of each group of `GROUPS`, `(*batch, numbers)`.
    """
    left, right, cross = _powers(x, LONG_S, sample_rate)
    level = _lufs(left + right, sample_rate)[..., None]
    left, right, cross = (part.mean(-1) for part in (left, right, cross))
    mid, side = (left + right + 2 * cross) / 4, at_least(left + right - 2 * cross, 0.0) / 4
    bins = mid.shape[-1]
    thirds, octaves = (octave_filterbank(bins, sample_rate, n, like=mid) for n in (3, 1))
    bark = bark_filterbank(bins, sample_rate).to(mid)
    spectrum = power_to_db(torch.stack((left, right), -2) @ thirds).mean(-2)
    mid_side = power_to_db(torch.stack((mid, side), -2) @ bark)
    width = power_to_db(side @ octaves + 1e-12) - power_to_db(mid @ octaves + 1e-12)
    left, right, mid, side = (part.sum(-1) for part in (left, right, mid, side))
    image = torch.stack((side / (mid + side + 1e-16), (right - left) / (left + right + 1e-16)), -1)
    return {
        "loudness": level,
        "crest": measure_crest_factor(x, sample_rate).mean(-1, keepdim=True),
        "spectrum": audible(spectrum - level),
        "bark": audible((mid_side - level[..., None]).flatten(-2)),
        "width": at_least(width, SIDE_FLOOR_DB),
        "image": image,
        **_over_time(x, sample_rate),
        **({"encoder": embed(x, sample_rate)} if encoder else {}),
    }


def counts(name: str, weights: Mapping[str, float]) -> float:
    """Tell the factor on the weight of a group.

    Args:
        name: Name of the group.
        weights: Factors that are given.

    Returns:
        The factor: 1 where none is given, and 0 for what is left out unless it is asked for.

    >>> counts("crest", {}), counts("encoder", {}), counts("encoder", {"encoder": 0.5})
    (1.0, 0.0, 0.5)
    """
    return weights.get(name, 0.0 if name in ON_REQUEST else 1.0)


def style_distance(own: Style, wanted: Style, weights: Mapping[str, float] | None = None) -> Tensor:
    """Compute the distance of styles.

    Args:
        own: A style, `(*batch, numbers)` by group.
        wanted: The style that is wanted.
        weights: Factors on the weights of groups, by name, as `counts` reads them.

    Returns:
        Distance, 0 or more, `(*batch)`.
    """
    weights = weights or {}
    return sum(
        (
            group.weight * counts(name, weights) * torch.log1p(_error(name, own, wanted))
            for name, group in GROUPS.items()
            if counts(name, weights)
        ),
        torch.zeros(()).to(own["loudness"]),
    )


def style_errors(own: Style, wanted: Style) -> dict[str, float]:
    """Compute how far two styles are apart, group by group.

    Args:
        own: A style, `(numbers,)` by group.
        wanted: The style that is wanted.

    Returns:
        Root of the mean square of the differences, in the unit of each group.
    """
    return {
        name: group.just_told * math.sqrt(_error(name, own, wanted).item())
        for name, group in GROUPS.items()
        if name in own
    }


def mean_style(styles: Sequence[Style]) -> dict[str, Tensor]:
    """Average styles: of several references, or of several pieces of one.

    Args:
        styles: One or more.

    Returns:
        The mean of each number.
    """
    return {name: torch.stack([style[name] for style in styles]).mean(0) for name in styles[0]}


def _error(name: str, own: Style, wanted: Style) -> Tensor:
    """Mean of the squares of the differences of a group, in units of what can just be told."""
    difference = (own[name] - wanted[name]) / GROUPS[name].just_told
    if name not in BANDS:
        return difference.square().mean(-1)
    # What one of them hardly holds, no filter can bring to the other.
    both = is_heard(own[name]) & is_heard(wanted[name])
    return (difference.square() * both).sum(-1) / both.sum(-1).clamp(min=1)


def is_heard(level_db: Tensor) -> Tensor:
    """Whether levels are over the floor of `audible`."""
    level_db = level_db.detach()
    return level_db > level_db.amax(-1, keepdim=True) - HEARD_DB + 0.01


def audible(level_db: Tensor) -> Tensor:
    """Levels that do not fall under what can be heard beside the loudest."""
    return at_least(level_db, level_db.detach().amax(-1, keepdim=True) - HEARD_DB)


def _powers(x: Tensor, frame_s: float, sample_rate: float) -> tuple[Tensor, Tensor, Tensor]:
    """Powers of left and right and of their product, `(*batch, bins, frames)`.

    The bins of a frame add up to the mean square of the audio under its window.
    """
    size = 2 ** round(math.log2(frame_s * sample_rate))
    spectra = stft(x, size, size // 2)
    if spectra.shape[-1] > FEWEST:
        spectra = spectra[..., 1:-1]  # half of the first and of the last is beside the audio
    left, right = spectra.unbind(-3)
    scale = 2 / (size * 0.375 * size)
    cross = left.real * right.real + left.imag * right.imag
    return scale * _square(left), scale * _square(right), scale * cross


def _square(z: Tensor) -> Tensor:
    return z.real.square() + z.imag.square()


def quick_lufs(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the loudness of stereo audio by spectra, within some tenths of a LU.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.

    Returns:
        Loudness in LUFS, `(*batch)`.
    """
    left, right, _ = _powers(x, LONG_S, sample_rate)
    return _lufs(left + right, sample_rate)


def _lufs(power: Tensor, sample_rate: float) -> Tensor:
    """Loudness of powers `(*batch, bins, frames)`, over the frames that are no pause."""
    f = torch.linspace(0, sample_rate / 2, power.shape[-2], dtype=torch.float64)
    gain = frequency_response(design_k_weighting(sample_rate), f, sample_rate).abs().square()
    weighted = gain.to(power) @ power
    frames = weighted.detach()
    kept = (frames >= 10 ** (-GATE_LU / 10) * frames.mean(-1, keepdim=True)).to(power)
    return power_to_db(_mean(weighted, kept)) - 0.691


def _over_time(x: Tensor, sample_rate: float) -> dict[str, Tensor]:
    """Dynamics and cepstra, of short frames."""
    left, right, _ = _powers(x, SHORT_S, sample_rate)
    power = left + right
    bins = power.shape[-2]
    f = torch.linspace(0, sample_rate / 2, bins, device=x.device)
    low, high = BAND_EDGES_HZ
    bands = torch.stack((f >= 0, f < low, (f >= low) & (f < high), f >= high)).to(power)
    by_band = bands @ power
    bark = bark_filterbank(bins, sample_rate).to(power)
    level_db = power_to_db(bark.mT @ power)
    loudest_db = level_db.detach().amax((-2, -1), keepdim=True)
    level_db = at_least(level_db, loudest_db - HEARD_DB)
    cepstra = _cosines(level_db) @ level_db
    playing = _playing(by_band[..., :1, :])
    mean = _mean(cepstra, playing)
    deviation = (_mean((cepstra - mean[..., None]).square(), playing) + 1e-6).sqrt()
    return {
        "dynamics": _dynamics(by_band),
        "cepstrum": torch.cat((mean[..., 1:], deviation[..., 1:]), -1),
    }


def _dynamics(power: Tensor) -> Tensor:
    """How far the loud moments and the mean stand over the mean level, `(*batch, 2 bands)`."""
    playing = _playing(power)
    total_db = power_to_db(_mean(power, playing))
    floor = power.detach().amax(-1, keepdim=True) * 10 ** (-QUIET_DB / 10) + 1e-16
    level_db = _mean(power_to_db(at_least(power, floor)), playing)
    count = max(1, round(LOUD_SHARE * power.shape[-1]))
    loud_db = power_to_db(power.topk(count, -1).values.mean(-1))
    return torch.cat((total_db - level_db, loud_db - total_db), -1)


def _playing(power: Tensor) -> Tensor:
    """1 in frames that are no pause, else 0."""
    power = power.detach()
    return (power >= power.amax(-1, keepdim=True) * 10 ** (-QUIET_DB / 10)).to(power)


def _mean(values: Tensor, playing: Tensor) -> Tensor:
    return (values * playing).sum(-1) / at_least(playing.sum(-1), 1.0)


def _cosines(like: Tensor) -> Tensor:
    """The orthonormal cosine transform of the bands, scaled so that a coefficient is in dB."""
    bands = like.shape[-2]
    k, n = torch.arange(COEFFICIENTS)[:, None], torch.arange(bands)[None]
    rows = torch.cos(math.pi * k * (2 * n + 1) / (2 * bands)) * math.sqrt(2) / bands
    return constant(tuple(map(tuple, rows.tolist())), like)
