"""Look through the tracks of a song, and put right what has one answer.

Caution comes first: what is not beyond doubt is told, and left as it is. No file is changed; what
is done stands in the mix, with its reason, and can be taken back.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from dasp._suggestion import did_you_mean
from dasp.analysis.excerpt import busiest_stretch
from dasp.mixing.preparation import Preparation
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.preparation.click import click_track
from dasp.preparation.copies import bounces, duplicates
from dasp.preparation.finding import Finding
from dasp.preparation.one_source import Pair, delays, pairs, turned_over
from dasp.preparation.one_track import corrected, muted, of_one_track
from dasp.preparation.takes import Take, takes
from dasp.signal.side_by_side import side_by_side

LONGEST_S = 20.0
"""How much is heard of a song to compare its tracks, where most plays."""


class Prepared(NamedTuple):
    """A mix whose tracks are put right, and what was found.

    Args:
        mix: The mix.
        findings: What was found, in the order of the tracks; `done` says what was done.
    """

    mix: Mix
    findings: tuple[Finding, ...]


def prepare_song(
    song: Song,
    start: Mix | None = None,
    *,
    part: bool = False,
    parts_by_word: Collection[str] = (),
) -> Prepared:
    """Find the faults of a song's tracks, and put those right that are beyond doubt.

    Silent tracks, tracks that repeat another one, bounces of the others, click tracks and takes
    that are not meant are muted; an offset is taken off, two channels of one are heard as one, and
    of tracks that hear one source those are turned over that cancel the others, and those moved
    that come late. Takes of one part that play together become doubles. Clipping and noise are
    told.

    Args:
        song: The tracks, their names and roles.
        start: A mix of these tracks; those that are locked or muted stay as they are.
        part: Whether this is a part of a song, in which a track may be silent for once.
        parts_by_word: Names of tracks of which a person has told what they play: none of them is a
            click track, a bounce, or a take that is not meant.

    Returns:
        `start` with its tracks put right, and what was found.

    >>> import torch
    >>> x = 0.1 * torch.sin(0.3 * torch.arange(16_000))[None]
    >>> song = Song.of(["kick", "vocal", "vocal copy"], [0 * x, x, 0.5 * x], 8000)
    >>> for finding in prepare_song(song).findings:
    ...     print(finding)
    kick: silent: its peak is -160 dBFS; muted
    vocal copy: vocal again, sample by sample; muted
    """
    start = song.plain_mix() if start is None else start
    rate = song.sample_rate

    def by_itself(track: Track, audio: Tensor) -> tuple[Track, list[Finding]]:
        if track.locked or track.mute:
            return track, []
        mended, found = of_one_track(track, audio, rate)
        if part and mended.mute:
            return track, []
        if track.name not in parts_by_word and (
            why := click_track(track.name, track.role, audio, rate)
        ):
            return muted(track, why), [*found, Finding(track.name, "click", why, True)]
        return mended, found

    looked_through = side_by_side(by_itself, start.tracks, song.tracks)
    tracks = [track for track, _ in looked_through]
    findings = [finding for _, found in looked_through for finding in found]
    if all(track.mute for track in tracks):
        return Prepared(start, ())  # nothing plays at all, which mixers tell

    def heard() -> list[int]:
        return [i for i, track in enumerate(tracks) if not (track.mute or track.locked)]

    def mute(i: int, kind: str, why: str) -> None:
        tracks[i] = muted(tracks[i], why)
        findings.append(Finding(tracks[i].name, kind, why, True))

    places = heard()
    names = [tracks[i].name for i in places]
    for j, (_, why) in duplicates(names, [song.tracks[i] for i in places]).items():
        mute(places[j], "duplicate", why)
    places = heard()
    excerpt = _excerpt(song, tracks, places)
    names, roles = ([getattr(tracks[i], key) for i in places] for key in ("name", "role"))
    for j, (sure, why) in bounces(names, roles, excerpt, rate).items():
        if names[j] in parts_by_word:
            continue
        if sure:
            mute(places[j], "bounce", why)
        else:
            findings.append(Finding(names[j], "bounce", why, False))
    places = heard()
    own = takes([tracks[i].name for i in places], [song.tracks[i] for i in places], rate)
    for j, take in own.items():
        i, of = places[j], tracks[places[take.of]].name
        what, why = _of_take(take, of, tracks[i].name in parts_by_word)
        if what == "mute":
            tracks[i] = muted(tracks[i], why)
        elif what == "double":
            tracks[i] = corrected(tracks[i], "double", why, double_of=of)
        findings.append(Finding(tracks[i].name, "take", why, bool(what)))
    places = heard()
    kept = {tracks[i].name for i in places}
    excerpt = [x for name, x in zip(names, excerpt, strict=True) if name in kept]
    names, roles = ([getattr(tracks[i], key) for i in places] for key in ("name", "role"))
    related = list(pairs(names, roles, excerpt, rate))
    for j, pair in turned_over(related, len(places)).items():
        why = f"polarity turned: {_beside(pair, j, names, rate)}"
        tracks[places[j]] = corrected(tracks[places[j]], "polarity", why, inverted=True)
        findings.append(Finding(names[j], "polarity", why, True))
    for j, (late, pair) in delays(related, len(places)).items():
        ms = 1000 * late / rate
        why = f"moved {late:.4g} samples ({ms:.2g} ms) earlier: {_beside(pair, j, names, rate)}"
        tracks[places[j]] = corrected(tracks[places[j]], "delay", why, delay_samples=-late)
        findings.append(Finding(names[j], "delay", why, True))
    order = {track.name: i for i, track in enumerate(tracks)}
    findings.sort(key=lambda finding: order[finding.track])
    return Prepared(replace(start, tracks=tuple(tracks)), tuple(findings))


def undo(mix: Mix, names: Sequence[str]) -> Mix:
    """Take preparations back.

    Args:
        mix: The mix.
        names: Names of tracks, whose preparation goes, or with a colon and one of
            `dasp.mixing.preparation.CORRECTIONS` behind it, as in "kick out:polarity", that alone.

    Returns:
        The mix. A track that was muted by it is heard again.

    Raises:
        ValueError: If there is no such track or correction.

    >>> track = Track("a", mute=True, prepare=Preparation(because={"mute": "silent"}))
    >>> undo(Mix(44_100, (track,)), ["a"]).tracks[0] == Track("a")
    True
    """
    for text in names:
        known = [track.name for track in mix.tracks]
        has_colon = ":" in text and text not in known
        name, _, correction = text.rpartition(":") if has_colon else (text, "", "")
        if name not in known:
            raise ValueError(f"undo: the mix has no track {name!r}{did_you_mean(name, known)}")
        mix = replace(
            mix,
            tracks=tuple(
                _undone(track, correction) if track.name == name else track for track in mix.tracks
            ),
        )
    return mix


def _undone(track: Track, correction: str) -> Track:
    was_muted = "mute" in track.prepare.because and correction in ("", "mute")
    prepare = track.prepare.without(correction) if correction else Preparation()
    return replace(track, prepare=prepare, mute=track.mute and not was_muted)


def _of_take(take: Take, of: str, is_part: bool) -> tuple[str, str]:
    """What is done with a take, nothing or one of `CORRECTIONS`, and why."""
    alike = f"their envelopes correlate by {take.correlation:.2f}"
    if not take.together:
        return "", f"a take beside {of} by its name, but {alike}; mute it if it is not meant"
    if not (take.meant or is_part):
        return "mute", f"a take that is not meant, by its name, beside {of}: {alike}; muted"
    return "double", f"a take beside {of}: {alike}; a double, which shares its level"


def _excerpt(song: Song, tracks: Sequence[Track], places: Sequence[int]) -> list[Tensor]:
    """The stretch of the tracks in which most play, without offsets."""
    if not places:
        return []
    size, rate = round(LONGEST_S * song.sample_rate), song.sample_rate
    audio = [song.tracks[i] for i in places]
    if audio[0].shape[-1] > size:
        mono = (x.mean(0, keepdim=True) for x in audio)
        part = busiest_stretch(mono, size, hop=rate)
        audio = [x[..., part] for x in audio]
    return [
        replace(tracks[i].prepare, mono=False).run(x, rate)
        for i, x in zip(places, audio, strict=True)
    ]


def _beside(pair: Pair, j: int, names: Sequence[str], rate: int) -> str:
    other = pair.i if pair.j == j else pair.j
    later_ms = round((pair.delay if pair.j == j else -pair.delay) * 1000 / rate, 2) + 0.0
    return (
        f"correlation with {names[other]} {pair.correlation:+.2f} at {later_ms:+.2f} ms, coherence "
        f"{pair.coherence:.2f}"
    )
