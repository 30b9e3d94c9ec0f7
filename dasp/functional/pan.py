"""Panning a mono signal, and balancing a stereo one."""

import math

import torch
from torch import Tensor

from dasp._bounds import at_least, parts_of_sign
from dasp._checks import check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_sample
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import memoryless

PAN_LAWS_DB = (-3.0, -4.5, -6.0)


@audio_processor
def stereo_panner(x: Tensor, sample_rate: float, *, pan: Value, law_db: float = -3.0) -> Tensor:
    """Place a mono signal between two loudspeakers, or balance a stereo signal.

    On each side a mono signal has its full level at that end of the range, and the level `law_db`
    in the centre. A stereo signal keeps the side that `pan` points to; the other side fades by the
    same law.

    Args:
        x: Audio `(*batch, channels, time)`, mono or stereo.
        sample_rate: In Hz.
        pan: Position from -1 (left) to 1 (right), `(*batch)`, or `(*batch, time)` for one value a
            sample; 0 is the centre, where a stereo `x` stays as it is. [-1 to 1]
        law_db: Level of each side in the centre, in dB: -3 keeps the sum of the powers constant, -6
            the sum of the amplitudes, and -4.5 lies half-way between.

    Returns:
        Stereo audio `(*batch, 2, time)`.

    Raises:
        ValueError: If `x` has more than two channels, `pan` lies outside [-1, 1], or `law_db` is
            none of the three laws.

    Source: the sine law and its powers, D. Griesinger, "Stereo and surround panning in practice",
    AES 112, 2002.

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


STEREO_PANNER = Processor(
    memoryless(stereo_panner),
    Param("pan", -1.0, 1.0, default=0.0, automatable=True),
    Option("law_db", choices=(-3.0, -4.5, -6.0)),
    neutral={},
)


def _side_gain(position: Tensor, law_db: float) -> Tensor:
    """Gain of a loudspeaker: 1 at `position` 1, where it stands, `law_db` at 0, none at -1.

    A sine to the power 1, 1.5 or 2. No power is below 1, so the slope is finite at -1 as well.
    """
    return at_least(torch.sin((position + 1) * (math.pi / 4)), 0.0) ** (law_db / -3)
