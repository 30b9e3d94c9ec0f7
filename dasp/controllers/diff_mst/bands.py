"""The console on mean spectra: what a mix of uncorrelated tracks sounds like, without its audio.

Equaliser, gain and pan do to the spectrum of a track what they do to its audio, and the spectra of
tracks that are not correlated add up. Training hears thousands of mixes in this way. Compressors do
not show in it.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from dasp.controllers.diff_mst.hearing import RATE, centres_hz, in_db, widths_hz
from dasp.processors.catalogue import STEREO_PANNER
from dasp.signal.biquad import design_high_shelf, design_low_shelf, design_peak


def mix_of_bands(tracks: Tensor, settings: Mapping[str, Tensor]) -> Tensor:
    """Compute the mean spectrum of a mix.

    Args:
        tracks: Mean spectra `(*batch, tracks, 3, BANDS)`; 0 for an absent track.
        settings: Physical values of `parametric_eq`, `gain` and `stereo_panner`, `(*batch,
            tracks)`; others are passed over.

    Returns:
        `(*batch, 3, BANDS)`.
    """
    return behind_strips(tracks, settings).sum(-3)


def behind_strips(tracks: Tensor, settings: Mapping[str, Tensor]) -> Tensor:
    """Compute the mean spectra of tracks behind their strips.

    Args:
        tracks: Mean spectra `(*batch, tracks, 3, BANDS)`; 0 for an absent track.
        settings: As `mix_of_bands` takes them.

    Returns:
        `(*batch, tracks, 3, BANDS)`.
    """
    eq = {name.partition(".")[2]: value.double() for name, value in settings.items()
          if name.startswith("parametric_eq.")}  # fmt: skip
    shelves = [
        design(eq[f"{kind}_freq_hz"], RATE, gain_db=eq[f"{kind}_gain_db"], q=eq[f"{kind}_q"])
        for kind, design in (("low_shelf", design_low_shelf), ("high_shelf", design_high_shelf))
    ]
    peaks = design_peak(eq["peak_freq_hz"], RATE, gain_db=eq["peak_gain_db"], q=eq["peak_q"])
    response = power_response(torch.cat((*shelves, peaks.squeeze(-2)), -2)).to(tracks)
    power = response * 10 ** (settings["gain.gain_db"][..., None] / 10)
    pan = settings["stereo_panner.pan"]
    # Mono tracks are panned; of stereo ones the side that the pan does not point to fades.
    places = torch.stack((pan, pan.clamp(min=0), pan.clamp(max=0)))
    placed = STEREO_PANNER(tracks.new_ones((*places.shape, 1, 1)), RATE, pan=places)[..., 0]
    fading = torch.stack((placed[1, ..., 0], placed[2, ..., 1]), -1) / placed.new_tensor(0.5).sqrt()
    left, right = torch.where(is_mono(tracks)[..., None], placed[0], fading).unbind(-1)
    gains = torch.stack((left * left, right * right, left * right), -1)
    return tracks * gains[..., None] * power[..., None, :]


def power_response(sos: Tensor) -> Tensor:
    """Compute what filters do to the power of each band, in real numbers alone.

    Args:
        sos: Sections `(*batch, sections, 6)` in SciPy's order, at `RATE`.

    Returns:
        Factors `(*batch, BANDS)`.

    Source: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
    """
    # |c0 + c1 / z + c2 / z^2|^2 is a polynomial in sin^2(w / 2), which keeps its digits near 0 Hz.
    phi = (torch.pi / RATE * centres_hz().to(sos)).sin().square()
    c0, c1, c2 = sos.unflatten(-1, (2, 3)).unbind(-1)
    at_zero, slope, bend = (
        c[..., None]
        for c in ((c0 + c1 + c2).square(), -4 * (c0 * c1 + 4 * c0 * c2 + c1 * c2), 16 * c0 * c2)
    )
    above, below = (at_zero + phi * (slope + phi * bend)).unbind(-2)
    return (above / below).prod(-2)


def is_mono(tracks: Tensor) -> Tensor:
    """Tell which tracks have the same on both sides.

    Args:
        tracks: Mean spectra `(*batch, tracks, 3, BANDS)`.

    Returns:
        True for those, `(*batch, tracks)`.
    """
    left, right, shared = tracks.sum(-1).unbind(-1)
    return torch.isclose(left, shared) & torch.isclose(right, shared)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Measure how far two mixes are from each other in spectrum and stereo image, not in level.

    Args:
        one: Mean spectra `(*batch, 3, BANDS)`.
        other: Of the same shape.

    Returns:
        The mean difference of left, right, mid and side in units of 10 dB, plus the differences of
        the side's share and of the imbalance, `(*batch)`.
    """
    difference = (in_db(one) - in_db(other)).abs().mean((-2, -1)) / 10
    return difference + (image(one) - image(other)).abs().sum(-1)


def image(bands: Tensor) -> Tensor:
    """Measure how wide a mix is, and how far it leans to the right.

    Args:
        bands: Mean spectra `(*batch, 3, bands)`, of all bands or of the lowest.

    Returns:
        Share of the side, 0 for mono, and imbalance, 1 where all is on the right, `(*batch, 2)`.
    """
    power = bands @ widths_hz()[: bands.shape[-1]].to(bands)
    left, right, shared = power.unbind(-1)
    both = (left + right).clamp(min=1e-12)
    return torch.stack(((left + right - 2 * shared) / (2 * both), (right - left) / both), -1)
