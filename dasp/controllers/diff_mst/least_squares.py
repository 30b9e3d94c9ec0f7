"""What the network has left between a mix and its reference, taken by regularised least squares.

Gauss and Newton's method on mean spectra: gains, pans and the gains of equalisers move as little as
they have to from where the network has put them, until levels and image meet. What each knob does
is computed from the spectra of its track: no audio is rendered, and nothing is learnt. Levels that
are far apart count less and less, since it is the music that differs there.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.controllers.diff_mst.bands import behind_strips, image
from dasp.controllers.diff_mst.hearing import HeardTracks, in_db
from dasp.controllers.diff_mst.network import CONSOLE
from dasp.controllers.diff_mst.rounds import Round, stay_in_the_middle
from dasp.mixing.console import Controls

STEPS = 2

KNOBS = {
    "parametric_eq.low_shelf_gain_db": 4.0,
    "parametric_eq.peak_gain_db": 4.0,
    "parametric_eq.high_shelf_gain_db": 4.0,
    "gain.gain_db": 10.0,
    "stereo_panner.pan": 0.6,
}
"""The knobs that move, and the standard deviation of each around where the network has put it."""

HELD = 1e-4
"""That of a knob that stays."""

APART_DB, IMAGE_APART = 3.0, 0.03
"""Deviations of the levels and of the image of two pieces of music under one console."""

BANDS_ALIKE = 8.0
"""Levels of left, right, mid and side in neighbouring bands tell the same so many times."""

IMAGE_WEIGHT = 4.0
HEARD_DB = 50.0
"""Levels so far under the mean one of a reference do not count."""

TURNED, MOST = 1e-3, 0.2
"""By which share of its range a knob is turned to see what it does, and may move at once."""


class _Places(NamedTuple):
    """Which controls move, and their deviations as shares of their ranges."""

    places: Tensor
    spread: Tensor


def settled(found: Round, heard: HeardTracks, wanted: Tensor) -> Round:
    """Move the knobs of a console until a mix meets its reference, or they have gone far.

    Args:
        found: What the network has set, without a batch.
        heard: The tracks.
        wanted: Mean spectrum of the reference, `(3, BANDS)`.

    Returns:
        What came nearest.
    """
    places, spread = _moving()
    spread = spread.repeat(len(found.controls), 1)
    spread[~heard.playing] = HELD
    spread[:, -1:][stay_in_the_middle(heard, wanted)] = HELD
    # At the middle, where all begins, the side is a small difference of large numbers.
    heard = heard._replace(bands=heard.bands.double())
    controls, best, least = found.controls.double(), found, torch.inf
    begin = controls[:, places]
    goal, weight = _heard(wanted.double()), _weight(wanted)
    for step in range(STEPS + 1):
        behind, numbers, j = _listen(heard, controls, places)
        r = numbers - goal
        away = (controls[:, places] - begin) / spread
        cost = (weight * torch.log1p(r.square())).sum() + away.square().sum()
        if cost < least:
            best, least = Round(controls.to(wanted), behind.to(wanted)), cost.item()
        if step < STEPS:
            trusted = weight / (1 + r.square())
            normal = (j.T * trusted) @ j + torch.diag(spread.flatten() ** -2)
            down = j.T @ (trusted * r) + (away / spread).flatten()
            move = -torch.linalg.solve(normal, down).reshape(spread.shape)
            controls = controls.clone()
            controls[:, places] += move.clamp(-MOST, MOST)
            controls = controls.clamp(0, 1)
    return best


def _listen(heard: HeardTracks, controls: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The tracks behind their strips, what is heard of the mix, and what each knob does to that.

    Slopes are `(numbers, tracks * knobs)`. Tracks do not hear each other: one knob is turned in all
    of them at once.
    """
    turned = controls + TURNED * torch.eye(controls.shape[-1]).to(controls)[places][:, None]
    turned = turned.where(turned <= 1, 2 * controls - turned)
    behind, *others = _behind(heard, torch.cat((controls[None], turned)))
    mix = behind.sum(-3)
    mixes = mix + torch.stack(others, 1) - behind[:, None]
    by = (turned - controls)[torch.arange(len(places)), :, places].T
    numbers = _heard(mix)
    slopes = (_heard(mixes) - numbers) / by[..., None]
    return behind, numbers, slopes.flatten(0, 1).T


def _heard(bands: Tensor) -> Tensor:
    """Levels and image in units of what two pieces of music are apart, `(*batch, numbers)`."""
    return torch.cat((in_db(bands).flatten(-2) / APART_DB, image(bands) / IMAGE_APART), -1)


def _weight(wanted: Tensor) -> Tensor:
    """How much each number counts, by how loud it is in the reference."""
    levels = (1 + in_db(wanted.double()).flatten(-2) / HEARD_DB).clamp(0, 1) / BANDS_ALIKE
    return torch.cat((levels, levels.new_full((2,), IMAGE_WEIGHT)))


def _behind(heard: HeardTracks, controls: Tensor) -> Tensor:
    return behind_strips(heard.bands, CONSOLE.to_physical(Controls(tracks=controls)).tracks)


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def _moving() -> _Places:
    places: list[int] = []
    spreads: list[float] = []
    place = 0
    for param in CONSOLE.params.tracks:
        if param.name in KNOBS:
            low, high = (
                torch.as_tensor(end).flatten()[0].item() for end in (param.low, param.high)
            )
            places += range(place, place + param.size)
            spreads += [KNOBS[param.name] / (high - low)] * param.size
        place += param.size
    return _Places(torch.tensor(places), torch.tensor(spreads, dtype=torch.float64))
