"""What the differentiable mixing console hears of a track: where it plays, as a log-mel picture.

Pictures do not depend on the level at which a track was recorded, nor on the sample rate. The
level is measured apart (`measure_loudness`), and set by a trim.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis.energy import block_energies
from dasp.analysis.excerpt import busiest_pieces
from dasp.analysis.stereo import measure_side_share
from dasp.signal.side_by_side import side_by_side
from dasp.signal.stft import magnitude_spectra
from dasp.units import power_to_db

BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
WINDOW_S, HOP_S = 0.046, 0.0232
FRAMES = 128
"""Frames of a picture: three seconds."""

PAUSE_DB = 40.0
"""A frame that is further under the loudest one of its track is a pause."""

FLOOR_DB = -60.0
"""Nothing of a picture is further under the mean of what plays."""

HEARD_ABOVE_DB = -90.0
"""A track whose loudest frame is under this level has no pictures: it is silent."""

LONGEST_S = 30.0
"""Of a longer track only so much is heard, where it plays most."""

STEREO = 1e-3
"""A track with less of its energy in the side is mono in two channels, coded with losses or not."""

NUMBERS = 2


class Heard(NamedTuple):
    """Pictures and numbers of tracks. Silent tracks have pictures of nothing.

    Args:
        pictures: `(*batch, tracks, windows, BANDS, FRAMES)`, about 1 where a track plays and -1 for
            nothing.
        playing: 1 where a track plays and 0 in a pause, `(*batch, tracks, windows, FRAMES)`.
        numbers: How wide a track is, and the share of the song in which it plays `(*batch, tracks,
            2)`.
    """

    pictures: Tensor
    playing: Tensor
    numbers: Tensor

    @property
    def audible(self) -> Tensor:
        """Which tracks play at all, `(*batch, tracks)`."""
        return self.playing.flatten(-2).any(-1)


def hear(tracks: Sequence[Tensor], sample_rate: float, *, windows: int = 4) -> Heard:
    """Picture each track in the windows in which it plays most.

    They follow each other in time, and do not overlap.

    Args:
        tracks: Audio `(channels, time)` of each track.
        sample_rate: In Hz.
        windows: How many pictures of each track.

    Returns:
        Pictures and numbers, of `windows` each.
    """
    bank = mel_filterbank(_fft_size(sample_rate) // 2 + 1, sample_rate)

    def pictures(track: Tensor) -> tuple[Tensor, Tensor]:
        return _pictures(busiest_part(track, sample_rate), sample_rate, bank)

    heard = side_by_side(pictures, tracks)
    chosen = [_where_most_plays(picture, playing, windows) for picture, playing in heard]
    return _together(tracks, sample_rate, chosen)


def busiest_part(track: Tensor, sample_rate: float) -> Tensor:
    """Cut out the pieces of a track in which it plays most, one behind the other.

    Args:
        track: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        Audio `(channels, time)` of at most about `LONGEST_S`.
    """
    size = FRAMES * round(HOP_S * sample_rate)
    count = int(LONGEST_S * sample_rate) // size
    if track.shape[-1] <= (count + 1) * size:
        return track
    pieces = track[:, : track.shape[-1] // size * size].unflatten(-1, (-1, size))
    busy = _frames_that_play(track, sample_rate)[: pieces.shape[1] * FRAMES]
    busy = busy.unflatten(0, (-1, FRAMES)).sum(-1)
    return pieces[:, busiest_pieces(busy, count)].flatten(1)


def log_mel(power: Tensor, playing: Tensor) -> Tensor:
    """Scale mel powers by the mean of the frames that play.

    Args:
        power: Mel powers `(..., BANDS, frames)`.
        playing: 1 where the track plays and 0 in a pause, `(..., frames)`.

    Returns:
        The picture: about 1 at the mean and -1 at `FLOOR_DB` under it.
    """
    total = (power.sum(-2) * playing).sum(-1) / playing.sum(-1).clamp(min=1)
    level_db = power_to_db(power) - power_to_db(total)[..., None, None]
    level_db = torch.where(playing.any(-1)[..., None, None], level_db, FLOOR_DB)
    return 1 - level_db.clamp(min=FLOOR_DB) / (FLOOR_DB / 2)


def mel_filterbank(bins: int, sample_rate: float) -> Tensor:
    """Build triangles of area 1, evenly spaced on the mel scale of O'Shaughnessy.

    Args:
        bins: Bins of a spectrum, from 0 Hz to Nyquist.
        sample_rate: In Hz.

    Returns:
        Weights `(bins, BANDS)`.
    """
    low, high = (2595 * math.log10(1 + f / 700) for f in (LOWEST_HZ, HIGHEST_HZ))
    mel = torch.linspace(low, high, BANDS + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mel / 2595) - 1)
    f = torch.linspace(0, sample_rate / 2, bins, dtype=torch.float64)[:, None]
    rising = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    weights = torch.minimum(rising, falling).clamp(min=0)
    return (weights / weights.sum(0).clamp(min=1e-9)).float()


def _fft_size(sample_rate: float) -> int:
    return 2 ** round(math.log2(WINDOW_S * sample_rate))


def _pictures(track: Tensor, sample_rate: float, bank: Tensor) -> tuple[Tensor, Tensor]:
    """The whole track as one picture `(BANDS, frames)`, and which of its frames play."""
    fft_size = _fft_size(sample_rate)
    hop = round(HOP_S * sample_rate)
    track = torch.nn.functional.pad(track, (0, max(0, hop - track.shape[-1])))
    spectra = magnitude_spectra(track.float(), fft_size, hop)[..., : -(-track.shape[-1] // hop)]
    power = (spectra.square().mean(0).mT @ bank.to(track.device)).mT / (fft_size / 4) ** 2
    level_db = power_to_db(power.sum(0))
    playing = (level_db > level_db.amax() - PAUSE_DB) & (level_db.amax() > HEARD_ABOVE_DB)
    return log_mel(power, playing), playing


def _frames_that_play(track: Tensor, sample_rate: float) -> Tensor:
    """Which frames of a hop play, by their energy alone."""
    hop = round(HOP_S * sample_rate)
    level_db = power_to_db(block_energies(track, hop).mean(0) / hop)
    return (level_db > level_db.amax() - PAUSE_DB) & (level_db.amax() > HEARD_ABOVE_DB)


def _where_most_plays(picture: Tensor, playing: Tensor, windows: int) -> tuple[Tensor, Tensor]:
    """Of pictures one behind the other those in which most frames play, in the order of time."""
    missing = max(0, windows * FRAMES - len(playing))
    missing += -(len(playing) + missing) % FRAMES
    pictures = torch.nn.functional.pad(picture, (0, missing), value=-1.0)
    pictures = pictures.unflatten(-1, (-1, FRAMES)).movedim(1, 0)
    frames = torch.nn.functional.pad(playing, (0, missing)).unflatten(-1, (-1, FRAMES))
    order = busiest_pieces(frames.sum(-1), windows)
    return pictures[order], frames[order]


def _together(
    tracks: Sequence[Tensor],
    sample_rate: float,
    chosen: Sequence[tuple[Tensor, Tensor]],
) -> Heard:
    def wide_and_busy(track: Tensor) -> Tensor:
        busy = _frames_that_play(track, sample_rate).float().mean()
        return torch.stack((side_share(track, sample_rate), busy))

    numbers = side_by_side(wide_and_busy, tracks)
    pictures, frames = zip(*chosen, strict=True)
    return Heard(torch.stack(pictures), torch.stack(frames).float(), torch.stack(numbers))


def side_share(track: Tensor, sample_rate: float) -> Tensor:
    """Measure the share of the side in the energy of a track.

    Args:
        track: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        The share, 0 for mono, `()`. From `STEREO` on a track is stereo.
    """
    mono = track.shape[-2] == 1
    return track.new_zeros(()) if mono else measure_side_share(track, sample_rate)
