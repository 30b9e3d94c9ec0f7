"""Faders that ride: every active track towards the mean loudness of those that play.

Loudness is followed by an exponential mean over three seconds. A gate with hysteresis decides who
plays; who rests keeps the fader where it was. S. Mansbridge, S. Finn and J. D. Reiss,
"Implementation and evaluation of autonomous multi-track fader control", AES 132nd Convention, 2012.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, design_k_weighting, measure_loudness
from dasp.controllers.rules.strips import frame_powers, gains_and_pans
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.signal.iir import sosfilt
from dasp.signal.smoothing import one_pole
from dasp.units import power_to_db

FRAME_S = 0.1
FOLLOW_S = 3.0
OPEN_LUFS, CLOSE_LUFS = -25.0, -30.0
LEARN_S = 30.0
LEARNT_LUFS = -20.0
"""What tracks are first brought to, by the loudness of their first 30 s, so that the gate fits
them. The paper gives no number; 5 LU over the gate's threshold is ours."""
LEAD_BOOST_DB = 3.0


def mansbridge_fader(song: Song, *, lead_boost_db: float = LEAD_BOOST_DB) -> Mix:
    """Ride the faders of all tracks, ten times a second; lead vocals on top.

    Args:
        song: The tracks, their names and roles.
        lead_boost_db: How much lead vocals are louder.

    Returns:
        The mix, whose gains move.
    """
    tracks, sample_rate = song.tracks, song.sample_rate
    size = round(FRAME_S * sample_rate)
    learnt_db = _learnt(tracks, sample_rate)
    sos = design_k_weighting(sample_rate)
    weighted = [sosfilt(track.double(), sos)[0] for track in tracks]
    # The loudness of a stereo track is of the sum of its powers, that of the frames of the mean.
    channels = torch.tensor([[track.shape[-2]] for track in tracks], dtype=torch.float64)
    powers = frame_powers(weighted, size) * channels * 10 ** (learnt_db[:, None] / 10)
    pole = torch.exp(torch.tensor(-FRAME_S / FOLLOW_S, dtype=torch.float64))
    smooth, _ = one_pole(powers, pole, powers[:, 0])
    boosts_db = [lead_boost_db if role == "vocal" else 0.0 for role in song.roles]
    faders_db, _ = one_pole(ride(power_to_db(smooth) - 0.691, boosts_db), pole)
    time_s = (torch.arange(faders_db.shape[-1], dtype=torch.float64) + 0.5) * size / sample_rate
    gains_db = learnt_db[:, None] + faders_db
    return gains_and_pans(song, gains_db=gains_db, time_s=time_s)


def ride(loudness_lufs: Tensor, boosts_db: Sequence[float] | float = 0.0) -> Tensor:
    """Compute faders from the loudness of each track over time.

    L_av - L_m + B for a track that is active, where L_av is the mean loudness of all that are;
    the fader it had before for one that is not, which at the beginning is B.

    Args:
        loudness_lufs: Loudness `(tracks, frames)`.
        boosts_db: How much each track is to be louder, one for each or one for all.

    Returns:
        Faders in dB `(tracks, frames)`.

    >>> ride(torch.tensor([[-20.0], [-24.0], [-70.0]])).flatten().tolist()
    [-2.0, 2.0, 0.0]
    """
    active = gate(loudness_lufs)
    boost = torch.as_tensor(boosts_db, dtype=loudness_lufs.dtype).expand(len(loudness_lufs))
    average = (loudness_lufs * active).sum(0) / active.sum(0).clamp(min=1)
    wanted = average - loudness_lufs + boost[:, None]
    # The last frame at which each track was active, or -1.
    order = torch.arange(loudness_lufs.shape[-1]).expand_as(active)
    last = torch.where(active, order, -1).cummax(-1).values
    return torch.where(last < 0, boost[:, None], wanted.gather(-1, last.clamp(min=0)))


def gate(loudness_lufs: Tensor) -> Tensor:
    """Tell when a track is active: from -25 LUFS up until it falls below -30.

    Args:
        loudness_lufs: Loudness `(..., frames)`.

    Returns:
        True where it is active.

    >>> gate(torch.tensor([-28.0, -24.0, -28.0, -31.0, -28.0])).tolist()
    [False, True, True, False, False]
    """
    opens, closes = loudness_lufs >= OPEN_LUFS, loudness_lufs < CLOSE_LUFS
    # In between nothing changes: the state is that of the last frame that opened or closed.
    order = torch.arange(loudness_lufs.shape[-1]).expand_as(opens)
    opened = torch.where(opens, order, -1).cummax(-1).values
    closed = torch.where(closes, order, -1).cummax(-1).values
    return opened > closed


def _learnt(tracks: Sequence[Tensor], sample_rate: int) -> Tensor:
    """The gain in dB that brings the first 30 s in which a track plays to `LEARNT_LUFS`."""
    size = round(LEARN_S * sample_rate)

    def beginning(track: Tensor) -> Tensor:
        loud = (track.abs().amax(0) > 1e-3).nonzero()
        first = int(loud[0]) if len(loud) else 0
        return track[..., first : first + size]

    loudness = torch.stack(
        [measure_loudness(beginning(track), sample_rate).double() for track in tracks]
    )
    return torch.where(loudness > ABSOLUTE_GATE_LUFS, LEARNT_LUFS - loudness, 0.0)
