"""Mixes of songs in balances that nobody has chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dasp.songs.multitrack import Multitrack

LEVEL_DB = -20.0
"""RMS of a mix, in dB of full scale."""

SPREAD_DB = 6.0
"""How far each track is from the level of the others, at most, either way."""

QUIETEST = 1e-4
"""RMS of a track below which it is left as quiet as it is beside the others."""


@dataclass(frozen=True)
class Balances:
    """Excerpts of songs, every time in another balance, in mono and at one level.

    Args:
        songs: The songs to draw from, all at one rate.
    """

    songs: Sequence[Multitrack]

    def draw(self, generator: torch.Generator, seconds: float) -> Tensor:
        """Draw a mix.

        Args:
            generator: Chooses the song, the place and the balance.
            seconds: Length of the mix.

        Returns:
            Audio `(1, time)` with an RMS level of `LEVEL_DB`.
        """
        song = self.songs[int(torch.randint(len(self.songs), (), generator=generator))]
        length = round(seconds * song.sample_rate)
        latest = max(song.frames - length, 0)
        start = int(torch.randint(latest + 1, (), generator=generator))
        tracks = torch.stack([track.mean(0) for track in song.excerpt(start, length)])
        tracks = tracks / tracks.square().mean(-1, keepdim=True).sqrt().clamp(min=QUIETEST)
        away = 2 * torch.rand(len(tracks), generator=generator) - 1
        mix = 10 ** (SPREAD_DB / 20 * away) @ tracks
        return (mix * 10 ** (LEVEL_DB / 20) / mix.square().mean().sqrt().clamp(min=1e-5))[None]

    def batch(self, count: int, generator: torch.Generator, seconds: float) -> Tensor:
        """Draw several mixes.

        Args:
            count: How many.
            generator: Chooses the songs, the places and the balances.
            seconds: Length of each mix.

        Returns:
            Audio `(count, 1, time)`.
        """
        return torch.stack([self.draw(generator, seconds) for _ in range(count)])
