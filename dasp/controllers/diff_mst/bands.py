"""The console on mean spectra: what a mix of uncorrelated tracks sounds like, without its audio.

Equaliser, gain and pan do to the spectrum of a track what they do to its audio, and the spectra of
tracks that are not correlated add up. Training hears thousands of mixes in this way. Compressors do
not show in it.
"""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from dasp.controllers.console.features import mel_filterbank
from dasp.controllers.diff_mst.hearing import LEFT, RIGHT, SHARED, in_db
from dasp.processors.catalogue import STEREO_PANNER
from dasp.signal.biquad import (
    design_high_shelf,
    design_low_shelf,
    design_peak,
    frequency_response,
)

RATE = 44_100


def mix_of_bands(tracks: Tensor, settings: Mapping[str, Tensor]) -> Tensor:
    """Compute the mean spectrum of a mix.

    Args:
        tracks: Mean spectra `(*batch, tracks, 3, BANDS)`; 0 for an absent track.
        settings: Physical values of `parametric_eq`, `gain` and `stereo_panner`, `(*batch,
            tracks)`; others are passed over.

    Returns:
        `(*batch, 3, BANDS)`.
    """
    eq = {name.partition(".")[2]: value.double() for name, value in settings.items()
          if name.startswith("parametric_eq.")}  # fmt: skip
    shelves = [
        design(eq[f"{kind}_freq_hz"], RATE, gain_db=eq[f"{kind}_gain_db"], q=eq[f"{kind}_q"])
        for kind, design in (("low_shelf", design_low_shelf), ("high_shelf", design_high_shelf))
    ]
    peaks = design_peak(eq["peak_freq_hz"], RATE, gain_db=eq["peak_gain_db"], q=eq["peak_q"])
    sos = torch.cat((*shelves, peaks.squeeze(-2)), -2)
    response = frequency_response(sos, centres_hz(), RATE).abs().square().to(tracks)
    power = response * 10 ** (settings["gain.gain_db"][..., None] / 10)
    pan = settings["stereo_panner.pan"]
    one = torch.ones((*pan.shape, 1, 1), device=pan.device)
    is_mono = torch.isclose(tracks[..., LEFT, :].sum(-1), tracks[..., SHARED, :].sum(-1))
    is_mono &= torch.isclose(tracks[..., RIGHT, :].sum(-1), tracks[..., SHARED, :].sum(-1))
    panned = STEREO_PANNER(one, RATE, pan=pan)[..., 0]
    balanced = STEREO_PANNER(one.expand(*pan.shape, 2, 1), RATE, pan=pan)[..., 0]
    left, right = torch.where(is_mono[..., None], panned, balanced).unbind(-1)
    gains = torch.stack((left * left, right * right, left * right), -1)
    return (tracks * gains[..., None] * power[..., None, :]).sum(-3)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Measure how far two mixes are from each other in spectrum and stereo image, not in level.

    Args:
        one: Mean spectra `(*batch, 3, BANDS)`.
        other: Of the same shape.

    Returns:
        The mean difference of left, right, mid and side in units of 10 dB, plus the squared
        differences of width and imbalance, `(*batch)`.
    """
    difference = (in_db(one) - in_db(other)).abs().mean((-2, -1)) / 10
    image = zip(_image(one), _image(other), strict=True)
    return difference + sum((a - b).square() for a, b in image)


@cache
def centres_hz() -> Tensor:
    """Measure where the bands are.

    Returns:
        Centres in Hz, `(BANDS,)`.
    """
    bank = mel_filterbank(2**14 + 1, RATE)
    return torch.linspace(0, RATE / 2, len(bank)) @ bank


def _image(bands: Tensor) -> tuple[Tensor, Tensor]:
    """Side beside mid and side, and right beside left, of all bands together."""
    left, right, shared = bands.sum(-1).unbind(-1)
    both = (left + right).clamp(min=1e-12)
    return (left + right - 2 * shared) / (2 * both), (right - left) / both
