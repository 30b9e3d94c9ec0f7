"""A song as a mixer hears it: tracks with their names, what each of them plays, and their rate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from dasp._checks import checked_sample_rate
from dasp._texts import listed
from dasp.mixing.roles import check_roles, guess_role
from dasp.mixing.settings import Mix, Track


@dataclass(frozen=True)
class Song:
    """Tracks of one length with their names and roles.

    Args:
        names: Name of each track.
        roles: Role of each track, one of `dasp.mixing.roles.KNOWN_ROLES`.
        tracks: Audio `(channels, time)` of each track.
        sample_rate: In Hz.

    Raises:
        ValueError: If the numbers of names, roles and tracks differ, or a role is not known.

    >>> import torch
    >>> song = Song(("BD",), ("kick",), (torch.zeros(1, 4),), 44_100)
    >>> song.plain_mix().tracks[0].name
    'BD'
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    tracks: tuple[Tensor, ...]
    sample_rate: int

    def __post_init__(self):
        checked_sample_rate(self.sample_rate)
        if not len(self.names) == len(self.roles) == len(self.tracks):
            raise ValueError(
                f"song: expected as many names, roles and tracks, got {len(self.names)}, "
                f"{len(self.roles)} and {len(self.tracks)}"
            )
        check_roles(self.roles, "roles[{}]")

    def __repr__(self) -> str:
        time = self.tracks[0].shape[-1] if self.tracks else 0
        seconds = time / self.sample_rate
        return f"Song({self.sample_rate} Hz, {seconds:.1f} s, tracks: {listed(self.names)})"

    @classmethod
    def of(cls, names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int) -> "Song":
        """Build a song whose roles are guessed from the names.

        Args:
            names: Name of each track.
            tracks: Audio `(channels, time)` of each track.
            sample_rate: In Hz.

        Returns:
            The song.

        >>> import torch
        >>> Song.of(["BD", "lead vox"], [torch.zeros(1, 4), torch.zeros(2, 4)], 44_100).roles
        ('kick', 'vocal')
        """
        roles = tuple(guess_role(name) for name in names)
        return cls(tuple(names), roles, tuple(tracks), sample_rate)

    def only(self, places: Iterable[int]) -> "Song":
        """Select some of the tracks.

        Args:
            places: Numbers of the tracks, in the order in which they are wanted.

        Returns:
            A song of these tracks.
        """
        names, roles, tracks = zip(
            *((self.names[i], self.roles[i], self.tracks[i]) for i in places), strict=True
        )
        return Song(names, roles, tracks, self.sample_rate)

    def plain_mix(self) -> Mix:
        """Build the mix that names the tracks and does not process them.

        Returns:
            A mix with an empty strip for each track.
        """
        return Mix(self.sample_rate, tuple(map(_track, self.names, self.roles)))


def _track(name: str, role: str) -> Track:
    return Track(name, role=role)
