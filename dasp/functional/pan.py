"""Panning a mono signal, and balancing a stereo one."""

import math

import torch
from torch import Tensor

from dasp._bounds import at_least, parts_of_sign
from dasp._checks import check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, memoryless, per_sample

PAN_LAWS_DB = (-3.0, -4.5, -6.0)


@memoryless
@audio_processor
def stereo_panner(x: Tensor, sample_rate: float, *, pan: Value, law_db: float = -3.0) -> Tensor:
    """Place a mono signal between two loudspeakers, or balance a stereo one.

    `pan` in [-1, 1], left to right, may move along time. A mono `x` becomes stereo; a side
    gets the whole signal at its end of the range, and `law_db` of it in the centre: -3 dB
    keeps the power constant, -6 dB the sum, -4.5 dB is half-way between the two. A stereo `x`
    keeps the side that `pan` moves to and fades the other, by the same law, so that 0 leaves
    it as it is.

    Source: the sine law and its powers, D. Griesinger, "Stereo and surround panning in
    practice", AES 112, 2002.

    >>> stereo_panner(torch.ones(1, 1), 44_100, pan=0.0)
    tensor([[0.7071],
            [0.7071]])
    """
    check_choice("law_db", law_db, PAN_LAWS_DB)
    if x.shape[-2] not in (1, 2):
        raise ValueError(f"x: expected 1 or 2 channels, got {x.shape[-2]} (shape {tuple(x.shape)})")
    pan = per_sample("pan", pan, x, low=-1.0, high=1.0)
    if x.shape[-2] == 1:
        return x * torch.cat((_side_gain(-pan, law_db), _side_gain(pan, law_db)), -2)
    toward_left, toward_right = parts_of_sign(pan)
    fades = torch.cat((_side_gain(-toward_right, law_db), _side_gain(toward_left, law_db)), -2)
    return x * (fades / _side_gain(torch.zeros_like(pan), law_db))


def _side_gain(position: Tensor, law_db: float) -> Tensor:
    """Gain of a loudspeaker: 1 at `position` 1, where it stands, `law_db` at 0, none at -1.

    A sine to the power 1, 1.5 or 2. No power is below 1, so the slope is finite at -1 as well.
    """
    return at_least(torch.sin((position + 1) * (math.pi / 4)), 0.0) ** (law_db / -3)
