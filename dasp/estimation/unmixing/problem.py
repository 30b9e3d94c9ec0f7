"""What an unmix is given: tracks, the mix that they are in, and how closely to listen."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dasp._checks import check_audio, check_range
from dasp.analysis.excerpt import busiest_stretch
from dasp.estimation.unmixing.stretches import Stretches, choose_stretches
from dasp.mixing.routing import as_stereo
from dasp.mixing.song import Song


class Unheard(ValueError):
    """Tracks or a mix with nothing in them."""


@dataclass(frozen=True)
class Problem:
    """Tracks of one length and one number of channels, beside their mix.

    Of a long song, these are the stretches that are heard (`stretches`).

    Args:
        names: Name of each track.
        roles: Role of each track.
        files: File of each track.
        tracks: Audio `(tracks, channels, time)`, float64.
        was_mono: Whether each track came with one channel.
        mix: Audio `(2, time)`, float64.
        sample_rate: In Hz.
        stretches: Stretches of the song that tracks and mix are, and the samples that count.
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
    stretches: Stretches
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
        for name, signals in (("mix", (mix,)), ("tracks", tracks)):
            if not any(signal.any() for signal in signals):
                raise Unheard(f"{name}: expected some sound, got silence from end to end")
        was_mono = tuple(track.shape[0] == 1 for track in tracks)
        rate = song.sample_rate
        stretches = choose_stretches(tracks, rate, least_s=excerpt_s, rings_s=room_s)

        def taken(x: Tensor) -> Tensor:
            stereo = as_stereo(x) if x is mix or not all(was_mono) else x
            return stretches.cut(stereo, rate).double()

        stacked = torch.stack([taken(track) for track in tracks])
        busiest = stretches.busiest
        length = max(1, round(excerpt_s * rate))
        excerpt = busiest_stretch(stacked[..., busiest], length)
        return cls(
            names=song.names,
            roles=song.roles,
            files=tuple(files),
            tracks=stacked,
            was_mono=was_mono,
            mix=taken(mix),
            sample_rate=rate,
            stretches=stretches,
            excerpt=slice(busiest.start + excerpt.start, busiest.start + excerpt.stop),
            room_taps=round(room_s * song.sample_rate),
            filter_taps=filter_taps,
        )

    def share(self, left: Tensor) -> float:
        """Compute the share of the power of the mix that is left, where either counts.

        Args:
            left: Audio `(2, time)`.

        Returns:
            Ratio of powers, 0 or more.
        """
        left, mix = map(self.stretches.counted, (left, self.mix))
        return (left.square().sum() / mix.square().sum()).item()

    def faded(self, x: Tensor) -> Tensor:
        """Fade the stretches of a signal in and out, as `Stretches.faded` does.

        Args:
            x: Audio `(..., time)`.

        Returns:
            Audio of the shape of `x`.
        """
        return self.stretches.faded(x, self.sample_rate)
