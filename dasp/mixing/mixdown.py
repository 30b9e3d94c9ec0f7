"""A mix document to audio: strips, groups, buses and the master, as the document has them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.mixing.audible import heard_sends, is_heard
from dasp.mixing.routing import as_stereo, send_gain
from dasp.mixing.settings import Channel, Mix
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.signal._fused import is_plain
from dasp.signal.side_by_side import is_long, side_by_side


class Stem(NamedTuple):
    """A track, a group or a bus of a mix, behind its strip; silence where it is muted.

    Args:
        kind: "track", "group" or "bus".
        name: Name of the track, group or bus.
        audio: Audio `(2, time)`.
        to_master: Whether it is a part of the sum that the master strip processes; a track of a
            group is not.

    >>> Stem("bus", "reverb", torch.zeros(2, 8)).to_master
    True
    """

    kind: str
    name: str
    audio: Tensor
    to_master: bool = True


def mix_down(tracks: Sequence[Tensor], mix: Mix) -> Tensor:
    """Mix tracks into stereo.

    A strip that ends in mono goes to both sides. What is muted, or beside what is soloed, is
    silent. Differentiable in the tracks, and in settings
    that are tensors.

    Args:
        tracks: Audio `(channels, time)` of each track, of one length.
        mix: The mix, with as many tracks.

    Returns:
        Audio `(2, time)`.

    Raises:
        ValueError: If there are more or fewer tracks than in the mix, or a setting has no meaning;
            the message names the stage.

    >>> from dasp.mixing.settings import Track
    >>> mix_down([torch.ones(1, 2), torch.ones(2, 2)], Mix(44_100, (Track("a"), Track("b"))))
    tensor([[2., 2.],
            [2., 2.]])
    """
    return _through_master(_stems(tracks, mix), tracks, mix)


def mix_stems(tracks: Sequence[Tensor], mix: Mix) -> list[Stem]:
    """Process every track, group and bus of a mix through its strip.

    The stems that go to the master (tracks without a group, groups and buses) add up to the input
    of its strip: `through_master` makes the mix of them.

    Args:
        tracks: Audio `(channels, time)` of each track, of one length.
        mix: The mix, with as many tracks.

    Returns:
        The tracks, the groups and the buses, in their order.

    Raises:
        ValueError: If there are more or fewer tracks than in the mix, or a setting has no meaning;
            the message names the stage.

    >>> from dasp.mixing.settings import Channel, Track
    >>> mix = Mix(44_100, (Track("a", group="g"), Track("b")), (), (Channel("g"),))
    >>> stems = mix_stems([torch.ones(1, 3), torch.ones(2, 3)], mix)
    >>> [(stem.kind, stem.name, stem.to_master) for stem in stems]
    [('track', 'a', False), ('track', 'b', True), ('group', 'g', True)]
    """
    found = {(stem.kind, stem.name): stem for stem in _stems(tracks, mix)}
    kinds = ["track"] * len(mix.tracks) + ["group"] * len(mix.groups) + ["bus"] * len(mix.buses)
    return [found[kind, part.name] for kind, part in zip(kinds, mix.channels, strict=True)]


def through_master(stems: Iterable[Stem], tracks: Sequence[Tensor], mix: Mix) -> Tensor:
    """Sum the stems that go to the master, and process the sum through the master strip.

    Args:
        stems: Stems as `mix_stems` returns them.
        tracks: Audio `(channels, time)` of each track, for the side chains of the master strip.
        mix: The mix.

    Returns:
        Audio `(2, time)`.

    Raises:
        ValueError: If a setting of the master strip has no meaning; the message names the stage.

    >>> from dasp.mixing.settings import Track
    >>> tracks, mix = [torch.ones(1, 2)], Mix(44_100, (Track("a"),))
    >>> torch.equal(through_master(mix_stems(tracks, mix), tracks, mix), mix_down(tracks, mix))
    True
    """
    turns = _turns(mix)
    in_turn = sorted(stems, key=lambda stem: turns[stem.kind, stem.name])
    return _through_master(in_turn, tracks, mix)


def _turns(mix: Mix) -> dict[tuple[str, str], tuple[int, int]]:
    """When each stem is added, as `_stems` makes them: sums of floats know their order."""
    count = len(mix.tracks)
    last = {track.group: i for i, track in enumerate(mix.tracks)}
    return {
        **{("track", track.name): (i, 0) for i, track in enumerate(mix.tracks)},
        **{("group", c.name): (last.get(c.name, count), 1 + k) for k, c in enumerate(mix.groups)},
        **{("bus", bus.name): (count + 1, k) for k, bus in enumerate(mix.buses)},
    }


def _through_master(stems: Iterable[Stem], tracks: Sequence[Tensor], mix: Mix) -> Tensor:
    total = torch.zeros_like(as_stereo(tracks[0]))
    for stem in stems:
        if stem.to_master:
            total = _sum(total, stem.audio)
    heard = _heard(tracks, mix) if any(stage.sidechain for stage in mix.master) else {}
    return as_stereo(run_strip(total, mix.sample_rate, mix.master, heard, "master"))


def _stems(tracks: Sequence[Tensor], mix: Mix) -> Iterator[Stem]:
    """The tracks in their order, each group as soon as it is whole, then the buses.

    So that few sums are held at a time.
    """
    heard = _heard(tracks, mix)

    def run(x: Tensor, stages: Sequence[Stage], where: str) -> Tensor:
        return as_stereo(run_strip(x, mix.sample_rate, stages, heard, where))

    # One zero that is seen everywhere: silence takes no memory.
    silence = torch.zeros_like(tracks[0][:1, :1]).expand_as(as_stereo(tracks[0]))
    sums: dict[str, Tensor] = {}

    def of_channel(kind: str, channel: Channel, where: str) -> Stem:
        signal = sums.pop(channel.name, silence)
        if not channel.mute:
            signal = run(signal, channel.strip, f"{where}.strip")
        return Stem(kind, channel.name, silence if channel.mute else signal)

    def of_track(i: int, x: Tensor) -> Tensor:
        track = mix.tracks[i]
        if is_heard(mix, track) or heard_sends(mix, track):
            return run(x, track.strip, f"tracks[{i}].strip")
        return silence

    last = {track.group: i for i, track in enumerate(mix.tracks)}
    processed = _few_at_once(of_track, [heard[track.name] for track in mix.tracks])
    for i, track in enumerate(mix.tracks):
        signal = next(processed)
        sounds, sends = is_heard(mix, track), heard_sends(mix, track)
        for bus in sends:
            gain = send_gain(torch.as_tensor(track.sends_db[bus]).to(signal))
            sums[bus] = _sum(sums[bus], signal, gain) if bus in sums else signal * gain
        if sounds and track.group:
            own = track.group
            sums[own] = _sum(sums[own], signal) if own in sums else signal.clone()
        yield Stem("track", track.name, signal if sounds else silence, not track.group)
        del signal
        for k, group in enumerate(mix.groups):
            if last.get(group.name) == i:
                yield of_channel("group", group, f"groups[{k}]")
    for k, group in enumerate(mix.groups):
        if group.name not in last:
            yield of_channel("group", group, f"groups[{k}]")
    for k, channel in enumerate(mix.buses):
        yield of_channel("bus", channel, f"buses[{k}]")


def _few_at_once(
    of_track: Callable[[int, Tensor], Tensor], tracks: Sequence[Tensor]
) -> Iterator[Tensor]:
    """What becomes of each track; short ones side by side, as many as there are threads."""
    numbers, at_once = range(len(tracks)), torch.get_num_threads()
    if any(map(is_long, tracks)):
        at_once = 1  # as many are held
    for i in range(0, len(tracks), at_once):
        these = slice(i, i + at_once)
        found = side_by_side(of_track, numbers[these], tracks[these])
        while found:
            yield found.pop(0)  # which is not held here any longer


def _sum(total: Tensor, x: Tensor, gain: Tensor | None = None) -> Tensor:
    """The sum, in the memory of `total` unless somebody follows it back to what it is made of."""
    parts = (total, x) if gain is None else (total, x, gain)
    alike = total.shape == x.shape and total.dtype == x.dtype
    if alike and is_plain(*parts) and not any(part.requires_grad for part in parts):
        return total.add_(x) if gain is None else total.addcmul_(x, gain)
    return total + (x if gain is None else x * gain)


def prepared_tracks(tracks: Sequence[Tensor], mix: Mix) -> list[Tensor]:
    """Put the tracks of a mix right, as it says, before their strips.

    Args:
        tracks: Audio `(channels, time)` of each track.
        mix: The mix, with as many tracks.

    Returns:
        Audio `(channels, time)` of each track; one that needs nothing is as it was.

    Raises:
        ValueError: If there are more or fewer tracks than in the mix, or a correction does not fit;
            the message names the track.
    """
    if len(tracks) != len(mix.tracks):
        raise ValueError(f"tracks: expected the {len(mix.tracks)} of the mix, got {len(tracks)}")
    prepared = []
    for i, (track, audio) in enumerate(zip(mix.tracks, tracks, strict=True)):
        try:
            prepared.append(track.prepare.run(audio, mix.sample_rate))
        except ValueError as error:
            raise ValueError(f"tracks[{i}].prepare: {error}") from error
    return prepared


def _heard(tracks: Sequence[Tensor], mix: Mix) -> dict[str, Tensor]:
    """The tracks by their names, for their strips and for side chains."""
    prepared = prepared_tracks(tracks, mix)
    return {track.name: audio for track, audio in zip(mix.tracks, prepared, strict=True)}
