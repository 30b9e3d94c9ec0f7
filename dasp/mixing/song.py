"""A song as a mixer hears it: tracks with their names, what each of them plays, and their rate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from dasp._checks import checked_sample_rate
from dasp.mixing.roles import check_roles, guess_role
from dasp.mixing.settings import Mix, Track


@dataclass(frozen=True)
class Song:
    """Tracks of one length, in an order.

    Args:
        names: What the tracks are called.
        roles: What each plays, of `dasp.mixing.roles.ROLES` or "other".
        tracks: Audio `(channels, time)` of each.
        sample_rate: In Hz.

    Raises:
        ValueError: If there are not as many of each, or a role is none.
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

    @classmethod
    def of(cls, names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int) -> "Song":
        """A song whose names alone tell what is played.

        >>> import torch
        >>> Song.of(["BD", "lead vox"], [torch.zeros(1, 4), torch.zeros(2, 4)], 44_100).roles
        ('kick', 'vocal')
        """
        roles = tuple(guess_role(name) for name in names)
        return cls(tuple(names), roles, tuple(tracks), sample_rate)

    def only(self, places: Iterable[int]) -> "Song":
        """The tracks at some places, in the order in which these are given."""
        names, roles, tracks = zip(
            *((self.names[i], self.roles[i], self.tracks[i]) for i in places), strict=True
        )
        return Song(names, roles, tracks, self.sample_rate)

    def plain_mix(self) -> Mix:
        """The mix that names the tracks, and does nothing to them."""
        return Mix(self.sample_rate, tuple(map(_track, self.names, self.roles)))


def _track(name: str, role: str) -> Track:
    return Track(name, role=role)
