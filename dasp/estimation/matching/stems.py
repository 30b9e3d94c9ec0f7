"""A mix like another one whose stems there are: each track like the stem that plays its role.

Several tracks of a role meet several stems of it in pairs, those that sound alike, where there are
as many of both. Where there are not, each of the tracks has the strip with which all of them
together come near to the sum of the stems, and they keep the balance and the places that they had.
The tracks that have a stem are as loud beside each other as the stems are, and all of them together
as loud as before: so what has no stem stays beside them where it was.
"""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from dasp._texts import listed
from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, MOMENTARY_S
from dasp.estimation.matching.console import MixMatch, is_free
from dasp.estimation.matching.match import Match, Progress, match
from dasp.estimation.matching.pieces import Heard, hear, measure_whole
from dasp.estimation.matching.style import style_errors
from dasp.mixing.fader import turned_up
from dasp.mixing.mixdown import mix_down, prepared_tracks, run_strip
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.mixing.targets import MIX_LUFS
from dasp.processors.catalogue import STEREO_PANNER
from dasp.processors.chain import parts_of
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip
from dasp.units import db_to_gain

HEARD_S = 6.0


@dataclass(frozen=True)
class _Part:
    """Tracks that are to sound like a stem, or like the sum of some."""

    tracks: tuple[int, ...]
    stems: tuple[int, ...]


def match_stems(
    song: Song,
    start: Mix,
    reference: Song,
    *,
    excerpt_s: float = HEARD_S,
    on_step: Progress = lambda distance: None,
) -> MixMatch:
    """Bring each track of a mix to the style of the stem that plays its role.

    A track whose role has a stem gets the EQ, dynamics, place and level of it, in the place of the
    strip that it had. Others stay as they are, and so do tracks with anything locked, and sends.

    Args:
        song: The tracks, in the order of the mix.
        start: The mix to start from.
        reference: The stems, with the levels at which they are in their mix, at the rate of the
            song.
        excerpt_s: Seconds that are heard of each, where it is loudest.
        on_step: Called after each step with the smallest distance so far.

    Returns:
        The mix, whose loudness is not brought to anything, and how far it was and is from the sum
        of the stems; the notes say of each track what it was matched to.

    Raises:
        ValueError: If the rates differ, or nothing is to be heard in any stem.
    """
    if reference.sample_rate != song.sample_rate:
        raise ValueError(
            f"reference: expected stems at {song.sample_rate} Hz, got {reference.sample_rate} Hz"
        )
    with torch.inference_mode(False), torch.enable_grad():
        tracks = [track.clone().float() for track in prepared_tracks(song.tracks, start)]
        stems = [stem.clone().float() for stem in reference.tracks]
        return _matched(song, start, tracks, replace(reference, tracks=tuple(stems)), excerpt_s,
                        on_step)  # fmt: skip


def _matched(
    song: Song,
    start: Mix,
    tracks: Sequence[Tensor],
    reference: Song,
    excerpt_s: float,
    on_step: Progress,
) -> MixMatch:
    rate = song.sample_rate
    whole = _sum(map(as_stereo, reference.tracks))
    target = hear(whole, rate, "the sum of the stems", seconds=12.0, pieces=3)
    scale = db_to_gain(MIX_LUFS - target.whole.lufs)
    stems = [scale * stem for stem in reference.tracks]
    free = [
        i for i, track in enumerate(start.tracks) if is_free(track) and _sounds(tracks[i], rate)
    ]
    sounding = [i for i, stem in enumerate(stems) if _sounds(stem, rate)]
    parts = _parts(start, tracks, free, reference, sounding)
    heard = {i: as_stereo(run_strip(tracks[i], rate, start.tracks[i].strip)) for i in free}
    strips: dict[int, Strip] = {}
    notes = []
    for part in parts:
        role = start.tracks[part.tracks[0]].role
        other = _sum(as_stereo(stems[i]) for i in part.stems)
        if len(part.tracks) == 1:
            (own,) = part.tracks
            found = match(tracks[own], rate, other, role=role, excerpt_s=excerpt_s, on_step=on_step)
            strips[own] = _placed(_stages(found), tracks[own], other)
        else:
            both = _sum(heard[i] for i in part.tracks)
            found = match(both, rate, other, role=role, excerpt_s=excerpt_s, on_step=on_step)
            for i in part.tracks:
                strips[i] = (*start.tracks[i].strip, *_stages(found))
        notes.append(_told(start, reference, part, found.before, found.after))
    after = {i: as_stereo(run_strip(tracks[i], rate, strip)) for i, strip in strips.items()}
    if after:
        lufs = [_lufs(_sum(sounds[i] for i in after), rate) for sounds in (heard, after)]
        strips = {i: turned_up(strip, round(lufs[0] - lufs[1], 2)) for i, strip in strips.items()}
    made = tuple(
        replace(track, strip=strips.get(i, track.strip)) for i, track in enumerate(start.tracks)
    )
    mix = replace(start, tracks=made)
    notes += _left_alone(start, reference, free, strips)
    errors = [_errors(song, one, target, rate) for one in (start, mix)]
    return MixMatch(mix, errors[0], errors[1], tuple([*notes, *target.notes]))


def _sum(sounds: Iterable[Tensor]) -> Tensor:
    return reduce(operator.add, sounds)


def _sounds(audio: Tensor, rate: int) -> bool:
    return audio.shape[-1] >= MOMENTARY_S * rate and _lufs(audio, rate) > ABSOLUTE_GATE_LUFS


def _lufs(audio: Tensor, rate: int) -> float:
    return measure_loudness(audio, rate).item()


def _parts(
    mix: Mix,
    tracks: Sequence[Tensor],
    free: Sequence[int],
    reference: Song,
    sounding: Sequence[int],
) -> list[_Part]:
    """What is to sound like what, role by role."""
    parts = []
    for role in dict.fromkeys(mix.tracks[i].role for i in free):
        own = [i for i in free if mix.tracks[i].role == role]
        others = [i for i in sounding if reference.roles[i] == role]
        if len(own) == len(others):
            spectra = [
                torch.stack([measure_whole(x, mix.sample_rate).spectrum for x in sounds])
                for sounds in ([tracks[i] for i in own], [reference.tracks[i] for i in others])
            ]
            apart = (spectra[0][:, None] - spectra[1]).square().sum(-1)
            for i, k in zip(*linear_sum_assignment(apart.numpy()), strict=True):
                parts.append(_Part((own[i],), (others[k],)))
        elif others:
            parts.append(_Part(tuple(own), tuple(others)))
    return parts


def _stages(found: Match) -> Strip:
    """The chain of a match without the limiter at its end."""
    return parts_of(found.chain)[1][:-1]


def _placed(strip: Strip, track: Tensor, other: Tensor) -> Strip:
    """A strip at whose end a mono track is put where the energy of a stem is."""
    if track.shape[-2] == 2:
        return strip
    left, right = other.square().sum(-1).tolist()
    pan = 4 / math.pi * math.atan2(math.sqrt(right), math.sqrt(left)) - 1
    # Wherever a panner puts a mono track, the loudness of both sides is that of the one channel.
    return (*strip, Stage(STEREO_PANNER, {"pan": round(pan, 3)}))


def _told(
    mix: Mix,
    reference: Song,
    part: _Part,
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> str:
    own = listed([mix.tracks[i].name for i in part.tracks])
    others = listed([reference.names[i] for i in part.stems])
    return (
        f"{own}: like {others}, spectrum {before['spectrum']:.1f} to {after['spectrum']:.1f} dB, "
        f"crest factor {before['crest']:.1f} to {after['crest']:.1f} dB"
    )


def _left_alone(
    mix: Mix, reference: Song, free: Sequence[int], strips: Mapping[int, Strip]
) -> list[str]:
    """What stays as it was, and why."""
    notes = []
    for i, track in enumerate(mix.tracks):
        if i not in free:
            notes.append(f"{track.name}: stays as it is: locked, moving, or silent")
        elif i not in strips:
            notes.append(
                f"{track.name}: stays as it is: no stem of the reference plays {track.role}"
            )
    roles = {track.role for track in mix.tracks}
    unused = [
        name for name, role in zip(reference.names, reference.roles, strict=True)
        if role not in roles
    ]  # fmt: skip
    if unused:
        notes.append(f"nothing here plays the roles of {listed(unused)}")
    return notes


def _errors(song: Song, mix: Mix, target: Heard, rate: int) -> dict[str, float]:
    """How far a mix at the loudness of mixes is from the sum of the stems at that loudness."""
    with torch.no_grad():
        sound = mix_down(song.tracks, replace(mix, master=()))
        sound = sound * db_to_gain(target.whole.lufs - _lufs(sound, rate))
        own = hear(sound, rate, "mix", seconds=12.0, pieces=3)
    return style_errors(own.style, target.style)
