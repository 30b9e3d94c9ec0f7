"""A mix as a project of REAPER, with its stock plug-ins in the places of ours.

The project is a tree of lines: `<NAME value …`, children, `>`. Groups are folders, buses are
tracks that receive sends from behind the faders. EQs and the order-2 high- and low-passes become
ReaEQ, compressors ReaComp, limiters ReaLimit, reverbs ReaVerbate; gains behind the last of the
dynamics are faders, or envelopes where they move, others are scripts. Mutes, solos (in place),
bypassed plug-ins, polarity and two channels heard as one are those of REAPER. A bus whose effect
has no place is muted: it would sound dry. What has no place is in the project's notes.

Panning is written for REAPER's own law: 0 dB in the centre, and a straight line down to nothing on
the other side. A fader and a pan together give each side the gain that it has here.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch

from dasp.file_names import in_a_text, named_from
from dasp.mixing.preparation import Preparation
from dasp.mixing.reaper_plugins import (
    RMS_MS,
    Band,
    js_volume,
    rea_comp,
    rea_eq,
    rea_limit,
    rea_verbate,
)
from dasp.mixing.reaper_reverb import impulse_response, mix_of, room_like
from dasp.mixing.routing import send_gain
from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.wet import REVERBS
from dasp.processors.stage import Stage
from dasp.signal.biquad import BUTTERWORTH_Q
from dasp.units import db_to_gain

STEP_DB = 0.5
MOST_MAKEUP_DB = 20 * math.log10(2)
DYNAMICS = ("compressor", "limiter")
SOLO_IN_PLACE = 2

Lines = list[str]


class Fader(NamedTuple):
    """A strip as REAPER has it: plug-ins, then a volume and a pan.

    Args:
        plugins: Lines of each plug-in, and whether it is on.
        volume: Gain of the fader as a factor.
        pan: Pan in [-1, 1], by REAPER's law.
        late_s: Delay of the audio in seconds.
        envelope: Times in seconds, and factors on the volume.
        is_dry: Whether an effect is lost that makes the sound of a bus.
    """

    plugins: list[tuple[Lines, bool]]
    volume: float = 1.0
    pan: float = 0.0
    late_s: float = 0.0
    envelope: Sequence[tuple[float, float]] = ()
    is_dry: bool = False


def reaper_project(
    mix: Mix,
    durations_s: Sequence[float],
    mono: Sequence[bool],
    folder: str | Path,
    formats: Sequence[str] | None = None,
) -> tuple[str, list[str]]:
    """Write a mix as a project of REAPER.

    Args:
        mix: The mix.
        durations_s: Length of each track's file in seconds.
        mono: Whether each track's file has one channel.
        folder: Where the project will stand, to which files are relative.
        formats: Format of each track's file ("FLAC", "MP3", "OGG", "OPUS"); by default the endings
            of the names tell.

    Returns:
        The text of the `.rpp` file, and one line on each thing that does not carry over.
    """
    notes: list[str] = []
    channels = _in_order(mix)
    places = {id(channel): place for place, (channel, _) in enumerate(channels)}
    kinds = formats or [Path(track.file).suffix[1:] for track in mix.tracks]
    of_track = {
        id(track): (duration_s, is_mono, _source_kind(kind))
        for track, duration_s, is_mono, kind in zip(
            mix.tracks, durations_s, mono, kinds, strict=True
        )
    }
    lines: Lines = []
    for channel, depth in channels:
        duration_s, is_mono, kind = of_track.get(id(channel), (0.0, False, ""))
        is_mono = is_mono or (isinstance(channel, Track) and channel.prepare.mono)
        fader = _fader(channel.strip, channel.name, mix.sample_rate, is_mono, notes)
        if isinstance(channel, Track):
            file = named_from(channel.file, folder)
            late_s = fader.late_s + channel.prepare.delay_samples / mix.sample_rate
            inside = _item(channel.name, file, late_s, duration_s, kind, channel.prepare)
            if channel.prepare.offset:
                notes.append(f"{channel.name}: the offset that is taken off does not carry over")
        else:
            if fader.late_s:
                notes.append(f"{channel.name}: time_shift does not carry over")
            inside = [
                _receive(places[id(track)], track.sends_db[channel.name])
                for track in mix.tracks
                if channel.name in track.sends_db  # those of a bus; a group has its own name
            ]
        number = places[id(channel)]
        dry = fader.is_dry and any(channel is bus for bus in mix.buses)
        if dry:
            notes.append(f"{channel.name}: is muted, for it would add its sends as they are")
        heard = replace(channel, mute=channel.mute or dry)
        lines += _track(f"{number} {channel.name}", heard, fader, depth, inside)
    master = _fader(mix.master, "master", mix.sample_rate, False, notes)
    if master.late_s:
        notes.append("master: time_shift does not carry over")
    if master.envelope:
        notes.append("master: the automation of gain does not carry over, its stage neither")
    project = _chunk(
        'REAPER_PROJECT 0.1 "6.80" 0',
        [
            *_chunk("NOTES 0 2", [f"|{line}" for line in _note_lines(notes)]),
            "PANLAW 1",
            f"SAMPLERATE {mix.sample_rate} 1 0",
            f"MASTER_VOLUME {_number(master.volume)} {_number(master.pan)} -1 -1 1",
            *_plugins("MASTERFXLIST", master.plugins),
            *lines,
        ],
    )
    return "\n".join(project) + "\n", notes


def _in_order(mix: Mix) -> list[tuple[Track | Channel, str]]:
    """Tracks, groups with their tracks in them, then buses; each with its place in folders."""
    flat, opens, closes = "0 0", "1 1", "2 -1"
    channels: list[tuple[Track | Channel, str]] = [(t, flat) for t in mix.tracks if not t.group]
    for group in mix.groups:
        inside = [track for track in mix.tracks if track.group == group.name]
        if inside:
            channels += [(group, opens), *((track, flat) for track in inside[:-1])]
            channels.append((inside[-1], closes))
    return channels + [(bus, flat) for bus in mix.buses]


def _fader(
    stages: Sequence[Stage], owner: str, sample_rate: int, mono: bool, notes: list[str]
) -> Fader:
    """The stages of a strip as plug-ins, a volume and a pan, with a note on all that is lost."""
    names = [stage.processor.name for stage in stages]
    last_dynamics = max((i for i, name in enumerate(names) if name in DYNAMICS), default=-1)
    plugins: list[tuple[Lines, bool]] = []
    envelope: list[tuple[float, float]] = []
    left, right, late_s, is_dry = 1.0, 1.0, 0.0, False
    for i, stage in enumerate(stages):
        name, settings = stage.processor.name, {**stage.processor.defaults(), **stage.settings}
        if not stage.on and name in ("gain", "stereo_panner", "time_shift"):
            notes.append(f"{owner}: {name} is bypassed, and does not carry over")
        elif name == "gain" and i > last_dynamics and stage.automation and not envelope:
            envelope = _envelope_points(stage.automation)
        elif stage.automation:
            is_dry = is_dry or "mix" in settings
            notes.append(
                f"{owner}: the automation of {name} does not carry over, its stage neither"
            )
        elif name == "gain" and i > last_dynamics:
            left, right = (side * db_to_gain(settings["gain_db"]) for side in (left, right))
        elif name == "gain":
            plugins.append((js_volume(settings["gain_db"]), True))
        elif name == "stereo_panner":
            if i < last_dynamics:
                notes.append(f"{owner}: the pan comes behind {names[last_dynamics]} in REAPER")
            gains = _side_gains(settings, mono)
            left, right = left * gains[0], right * gains[1]
        elif name == "time_shift":
            late_s += settings["delay_samples"] / sample_rate
        else:
            plugin = _plugin(stage, settings, sample_rate, owner, notes)
            plugins += [(plugin, stage.on is True)] if plugin else []
            is_dry = is_dry or (plugin is None and "mix" in settings)
    volume = max(left, right)
    pan = (right - left) / volume if volume else 0.0
    return Fader(plugins, volume, pan, late_s, envelope, is_dry)


def _envelope_points(automation: Mapping[str, list]) -> list[tuple[float, float]]:
    """Times and factors of a gain that moves: lines in dB, as points at most `STEP_DB` apart."""
    corners = list(zip(automation["time_s"], automation["gain_db"], strict=True))
    points = [corners[0]]
    for (start_s, start_db), (end_s, end_db) in pairwise(corners):
        steps = max(1, math.ceil(abs(end_db - start_db) / STEP_DB))
        points += [
            (start_s + k / steps * (end_s - start_s), start_db + k / steps * (end_db - start_db))
            for k in range(1, steps + 1)
        ]
    return [(time_s, db_to_gain(gain_db)) for time_s, gain_db in points]


def _side_gains(settings: dict[str, Any], mono: bool) -> tuple[float, float]:
    """The gains of left and right of `stereo_panner`."""
    pan, power = settings["pan"], settings["law_db"] / -3
    angle = (pan + 1) * math.pi / 4
    if mono:
        return math.cos(angle) ** power, math.sin(angle) ** power
    centre = math.sqrt(0.5) ** power
    return min(1.0, math.cos(angle) ** power / centre), min(1.0, math.sin(angle) ** power / centre)


def _plugin(
    stage: Stage, settings: dict[str, Any], sample_rate: int, owner: str, notes: list[str]
) -> Lines | None:
    name = stage.processor.name
    if name == "compressor":
        lost = [key for key in ("linked",) if not settings[key]]
        lost += ["sidechain"] if stage.sidechain else []
        lost += [key for key in ("sidechain_high_pass_hz", "slow_mix") if settings[key]]
        lost += (
            ["rms_time_ms"]
            if settings["detector"] == "rms" and settings["rms_time_ms"] != RMS_MS
            else []
        )
        lost += ["makeup_gain_db over 6 dB"] if settings["makeup_gain_db"] > MOST_MAKEUP_DB else []
        notes.extend(f"{owner}: {key} of the compressor does not carry over" for key in lost)
        keys = ("threshold_db", "ratio", "attack_ms", "release_ms", "knee_db", "makeup_gain_db")
        return rea_comp(
            **{key: settings[key] for key in keys},
            lookahead_ms=settings["lookahead_ms"],
            mix=settings["mix"],
            rms=settings["detector"] == "rms",
        )
    if name == "limiter":
        notes.append(f"{owner}: the limiter keeps its ceiling and gain; its release is ReaLimit's")
        return rea_limit(ceiling_db=settings["ceiling_db"], gain_db=settings["gain_db"])
    if name == "parametric_eq":
        return rea_eq(_bands(settings))
    if name in REVERBS:
        room = room_like(impulse_response(stage, sample_rate), sample_rate)
        notes.append(
            f"{owner}: {name} is ReaVerbate, which falls as fast, with a sound and a level of its "
            f"own; the impulse response beside the project is ours, for ReaVerb"
        )
        wet = mix_of(stage, settings)
        return rea_verbate(wet=wet, dry=1 - wet, room_size=room.size, damping=room.damping)
    if name in ("high_pass", "low_pass") and settings["order"] == 2:
        return rea_eq([Band(name, settings["freq_hz"], 0.0, BUTTERWORTH_Q)])
    values = ", ".join(f"{key} {value}" for key, value in stage.settings.items() if key != "taps")
    notes.append(f"{owner}: {name} does not carry over" + (f" ({values})" if values else ""))
    return None


def _bands(settings: dict[str, Any]) -> list[Band]:
    """The shelves and peaks of `parametric_eq` whose gain is not 0."""
    peaks = zip(*(settings[f"peak_{key}"] for key in ("freq_hz", "gain_db", "q")), strict=True)
    low, high = (
        Band(kind, *(settings[f"{kind}_{key}"] for key in ("freq_hz", "gain_db", "q")))
        for kind in ("low_shelf", "high_shelf")
    )
    bands = [low, *(Band("peak", *peak) for peak in peaks), high]
    return [band for band in bands if band.gain_db != 0]


def _track(
    identity: str, channel: Track | Channel, fader: Fader, depth: str, inside: Lines
) -> Lines:
    inverted = isinstance(channel, Track) and channel.prepare.inverted
    return _chunk(
        f"TRACK {_identity(identity)}",
        [
            f"NAME {_quoted(channel.name)}",
            f"VOLPAN {_number(fader.volume)} {_number(fader.pan)} -1 -1 1",
            f"MUTESOLO {int(channel.mute)} {SOLO_IN_PLACE * channel.solo} 0",
            *(["IPHASE 1"] if inverted else []),
            f"ISBUS {depth}",
            "NCHAN 2",
            "MAINSEND 1 0",
            *_envelope("VOLENV2", fader.envelope),
            *_plugins("FXCHAIN", fader.plugins),
            *inside,
        ],
    )


def _plugins(kind: str, plugins: Sequence[tuple[Lines, bool]]) -> Lines:
    lines = [
        line for plugin, on in plugins for line in (f"BYPASS {int(not on)} 0 0", *plugin, "WAK 0 0")
    ]
    return _chunk(kind, ["SHOW 0", "LASTSEL 0", "DOCKED 0", *lines]) if plugins else []


def _envelope(kind: str, points: Sequence[tuple[float, float]]) -> Lines:
    """A volume that moves, on which the fader is a trim; straight lines between its points."""
    if not points:
        return []
    lines = [f"PT {_number(time_s)} {_number(gain)} 0" for time_s, gain in points]
    return _chunk(kind, ["ACT 1", "VIS 1 1 1", "ARM 0", "DEFSHAPE 0 -1 -1", "VOLTYPE 0", *lines])


def _source_kind(format: str) -> str:
    """REAPER's name for a source of a format; WAV, AIFF and similar formats are all WAVE."""
    kinds = {"FLAC": "FLAC", "MP3": "MP3", "MPEG": "MP3", "OGG": "VORBIS", "OGA": "VORBIS"}
    return kinds.get(format.upper(), "OPUS" if format.upper() == "OPUS" else "WAVE")


def _item(
    name: str, file: str, late_s: float, duration_s: float, kind: str, prepare: Preparation
) -> Lines:
    """The audio of a track, which starts later, or inside its file where it is early."""
    return _chunk(
        "ITEM",
        [
            f"POSITION {_number(max(late_s, 0.0))}",
            f"LENGTH {_number(duration_s + min(late_s, 0.0))}",
            "LOOP 0",
            f"NAME {_quoted(name)}",
            f"SOFFS {_number(max(-late_s, 0.0))}",
            *(["CHANMODE 2"] if prepare.mono else ["CHANMODE 1"] if prepare.swapped else []),
            *_chunk(f"SOURCE {kind}", [f"FILE {_quoted(file)}"]),
        ],
    )


def _receive(place: int, send_db: float) -> str:
    """A send from behind the fader of the track at a place in the project."""
    gain = send_gain(torch.tensor(send_db)).item()
    return f"AUXRECV {place} 0 {_number(gain)} 0 0 0 0 0 0 -1:U 0 -1 ''"


def _chunk(head: str, inside: Sequence[str]) -> Lines:
    return [f"<{head}", *(f"  {line}" for line in inside), ">"]


def _note_lines(notes: Sequence[str]) -> list[str]:
    head = "Mixed with dasp. The curves of REAPER's EQ and compressor are near ours, not the same."
    return [head, *(("What is not as it was:", *notes) if notes else ())]


def _number(value: float) -> str:
    return f"{round(value, 9):.10g}"


def _quoted(text: str) -> str:
    """A text in quotes that do not occur in it."""
    quote = next((mark for mark in "\"'`" if mark not in text), None)
    return f"{quote}{text}{quote}" if quote else f"`{text.replace('`', chr(39))}`"


def _identity(text: str) -> str:
    """A number for a track, the same at every export."""
    return f"{{{uuid.uuid5(uuid.NAMESPACE_OID, in_a_text(text))}}}".upper()
