"""A data set of songs that are made when they are asked for, each from a seed of its own."""

from abc import ABC, abstractmethod

from dasp._checks import check_range
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.multitrack import Multitrack


class SeededSongs(ABC):
    """Songs by their number: `songs[i]` has the seed `first_seed + i`.

    A subclass is a frozen dataclass that has the fields below among its own, and makes a song of a
    seed. Where it is `mixed`, each song comes with its mix by `dasp.songs.engineer`, drawn from the
    same seed.

    Raises:
        ValueError: If `count` is negative.
    """

    count: int
    first_seed: int
    mixed: bool

    def __post_init__(self):
        check_range("count", self.count, low=0)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Multitrack:
        if not 0 <= i < self.count:
            raise IndexError(f"expected a song from 0 to {self.count - 1}, got {i}")
        seed = self.first_seed + i
        song = self._made(seed)
        return with_engineers_mix(song, seed) if self.mixed else song

    @abstractmethod
    def _made(self, seed: int) -> Multitrack:
        """The song of a seed, without a mix."""
