"""Set, listen, correct: the network hears what its settings make of the tracks, and turns on.

What it hears is computed from mean spectra (`bands.py`), so that a round costs no audio.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.controllers.diff_mst.bands import behind_strips, image, is_mono
from dasp.controllers.diff_mst.hearing import (
    HeardTracks,
    centres_hz,
    loudness_of,
    mix_numbers,
    track_numbers,
)
from dasp.controllers.diff_mst.network import CONSOLE
from dasp.controllers.never import LOST_LU, MIDDLE_ROLES
from dasp.mixing.console import Controls
from dasp.mixing.roles import KNOWN_ROLES

ROUNDS = 2
"""How often it is asked; least squares go on from there (`least_squares.py`)."""

LOW_HZ = 150.0
LOW_SIDE, LOW_LEAN = 0.03, 0.15
"""What plays under `LOW_HZ` stands in the middle of a record, with no more in the side and to one
side."""

PAN = CONSOLE.n_controls - 1
"""The control of the panner, which is the last of the strip."""


class Round(NamedTuple):
    """What a round has set.

    Args:
        controls: Controls of the tracks, `(*batch, tracks, controls)`.
        behind: Mean spectra of the tracks behind their strips, `(*batch, tracks, 3, BANDS)`.
    """

    controls: Tensor
    behind: Tensor


def rounds(
    model: Callable[..., Controls], heard: HeardTracks, wanted: Tensor, count: int = ROUNDS
) -> Iterator[Round]:
    """Set a console like a reference, round for round.

    Args:
        model: The network, a `MixingStyleController`.
        heard: The tracks.
        wanted: Mean spectrum of the reference, `(*batch, 3, BANDS)`.
        count: How many rounds.

    Yields:
        In each round what is set; a gradient of one does not reach into those before.
    """
    stay = stay_in_the_middle(heard, wanted)
    plain = _plain().to(wanted).expand(*heard.playing.shape, -1)
    controls, behind = plain, _behind(heard, plain)
    for _ in range(count):
        controls, behind = controls.detach(), behind.detach()
        tracks = track_numbers(heard, behind)
        mix = mix_numbers(wanted, behind.sum(-3))
        said = model(tracks, mix, mask=heard.playing, before=controls).tracks
        assert said is not None
        controls = torch.where(stay & _is_pan(said), 0.5, said)
        behind = _behind(heard, controls)
        yield Round(controls, behind)


def stay_in_the_middle(heard: HeardTracks, wanted: Tensor) -> Tensor:
    """Tell which tracks are not panned: leads, and what is stereo, where records have them so.

    A reference whose low end does not stand in the middle is none of those: its own leads are
    somewhere else.

    Args:
        heard: The tracks.
        wanted: Mean spectrum of the reference, `(*batch, 3, BANDS)`.

    Returns:
        True for those, `(*batch, tracks, 1)`.
    """
    low = wanted[..., : int((centres_hz() < LOW_HZ).sum())]
    side, lean = image(low).unbind(-1)
    as_records_are = (side < LOW_SIDE) & (lean.abs() < LOW_LEAN)
    leads = torch.tensor([role in MIDDLE_ROLES for role in KNOWN_ROLES]).to(wanted)
    is_lead = heard.roles @ leads > 0
    return ((is_lead | ~is_mono(heard.bands)) & as_records_are[..., None])[..., None]


def lost_by_db(behind: Tensor, playing: Tensor) -> Tensor:
    """Measure by how much tracks are too soft to be heard under all of them.

    Args:
        behind: Mean spectra behind the strips, `(*batch, tracks, 3, BANDS)`.
        playing: Where something plays, `(*batch, tracks)`.

    Returns:
        In dB, 0 for what is heard, `(*batch, tracks)`.
    """
    total = loudness_of(behind.sum(-3))[..., None]
    return torch.where(playing, (total - LOST_LU - loudness_of(behind)).clamp(min=0), 0.0)


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def _plain() -> Tensor:
    controls = CONSOLE.to_controls().tracks
    assert controls is not None
    return controls


def _behind(heard: HeardTracks, controls: Tensor) -> Tensor:
    return behind_strips(heard.bands, CONSOLE.to_physical(Controls(tracks=controls)).tracks)


def _is_pan(controls: Tensor) -> Tensor:
    return torch.arange(controls.shape[-1], device=controls.device) == PAN
