"""What an unmix is given: tracks, the mix that they are in, and how closely to listen."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dasp._checks import check_audio, check_range
from dasp.analysis.excerpt import busiest_stretch
from dasp.mixing.routing import as_stereo
from dasp.mixing.song import Song


class Unheard(ValueError):
    """Tracks or a mix with nothing in them."""


@dataclass(frozen=True)
class Problem:
    """Tracks of one length and one number of channels, beside their mix.

    Args:
        names: Name of each track.
        roles: Role of each track.
        files: File of each track.
        tracks: Audio `(tracks, channels, time)`, float64.
        was_mono: Whether each track came with one channel.
        mix: Audio `(2, time)`, float64.
        sample_rate: In Hz.
        excerpt: The samples where most tracks play, on which slow stages are fitted.
        room_taps: Length in samples of the impulse response of the room.
        filter_taps: Length in samples of the filters of the stage "filters".
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    files: tuple[str, ...]
    tracks: Tensor
    was_mono: tuple[bool, ...]
    mix: Tensor
    sample_rate: int
    excerpt: slice
    room_taps: int
    filter_taps: int

    @classmethod
    def of(
        cls,
        song: Song,
        mix: Tensor,
        *,
        files: Sequence[str],
        filter_taps: int,
        room_s: float,
        excerpt_s: float,
    ) -> "Problem":
        """Check the arguments of `unmix`, and stack the tracks.

        Args:
            song: The tracks, `(1 or 2, time)` each, of one length.
            mix: Audio `(1 or 2, time)`, as long as the tracks.
            files: File of each track.
            filter_taps: Length of the filters in samples, 0 or more.
            room_s: Length of the impulse response of the room in seconds.
            excerpt_s: Length of the excerpt in seconds, above 0.

        Returns:
            Tracks and mix.

        Raises:
            Unheard: If the mix or all tracks are silent.
            ValueError: If a shape or a value is outside its range.
        """
        tracks = song.tracks
        for i, track in enumerate((*tracks, mix)):
            name = f"tracks[{i}]" if i < len(tracks) else "mix"
            check_audio(track, name)
            if track.ndim != 2 or track.shape[0] not in (1, 2) or track.shape[-1] != mix.shape[-1]:
                raise ValueError(
                    f"{name}: expected shape (1 or 2, {mix.shape[-1]}), got {tuple(track.shape)}"
                )
        check_range("filter_taps", filter_taps, low=0)
        check_range("excerpt_s", excerpt_s, above=0.0)
        was_mono = tuple(track.shape[0] == 1 for track in tracks)
        if not all(was_mono):
            tracks = tuple(as_stereo(track) for track in tracks)
        stacked, mix = torch.stack([t.double() for t in tracks]), as_stereo(mix).double()
        for name, signal in (("mix", mix), ("tracks", stacked)):
            if signal.abs().max() == 0:
                raise Unheard(f"{name}: expected some sound, got silence from end to end")
        return cls(
            names=song.names,
            roles=song.roles,
            files=tuple(files),
            tracks=stacked,
            was_mono=was_mono,
            mix=mix,
            sample_rate=song.sample_rate,
            excerpt=busiest_stretch(stacked, max(1, round(excerpt_s * song.sample_rate))),
            room_taps=round(room_s * song.sample_rate),
            filter_taps=filter_taps,
        )
