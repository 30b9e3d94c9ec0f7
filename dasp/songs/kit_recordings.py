"""Recordings of drum kits with eight microphones, and their dry and wet mixes.

A kit is a made one in a made room, or a real one by its hits. Preamps bring every microphone to
where it belongs in the mix, as a recording engineer does: "the mixing and recording engineer
maintained similar amplitude levels for each type of input and mix", say M. A. Martínez Ramírez
and others of ENST-Drums (JAES 69(3), 2021). So faders stay near 0 dB, whatever was recorded. Drums
are panned to where the audience sees them. The wet mix has equalisers, compressors and a reverb
besides, by `dasp.songs.taste`, which leave the loudness of each track and of the sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.mixing.mixdown import mix_down
from dasp.mixing.routing import SEND_OFF_DB
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import GAIN, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.songs.drum_sessions import BLEED_DB, STROKES, on_real_kit, song_with_toms
from dasp.songs.engineer import reverb_bus, sum_compressor, worked_on
from dasp.songs.kit_groove import MICROPHONES, Kit
from dasp.songs.kit_room import LOUD_DB, kit_room, play_kit
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.seeds import generator_for
from dasp.songs.taste import Treatment, draw_treatment
from dasp.units import db_to_gain, gain_to_db

SLOTS = {
    "hihat": "hihat", "kick": "kick", "overhead_L": "overhead", "overhead_R": "overhead",
    "snare": "snare", "tom_1": "tom", "tom_2": "tom", "tom_3": "tom",
}  # fmt: skip
"""The microphones and their roles, in the order of the paper."""

PLACES = {
    "hihat": 0.5, "kick": 0.0, "overhead_L": -1.0, "overhead_R": 1.0, "snare": 0.0,
    "tom_1": 0.3, "tom_2": -0.2, "tom_3": -0.6,
}  # fmt: skip
"""Pans of a kit that is as wide as can be."""

WIDTH = (0.7, 1.0)

PEAKS_DB = {
    "hihat": (-19.0, -11.0), "kick": (-9.0, -3.0), "snare": (-9.0, -3.0), "tom": (-11.0, -4.0),
    "overhead": (-16.0, -9.0),
}  # fmt: skip
"""How loud a hard stroke is in its microphone by role, in dB of full scale."""

FADER_DB = 0.5
"""Standard deviation of the faders around 0 dB."""

NO_HAT, NO_TOMS, NO_TOM, ONE_OVERHEAD = 0.1, 0.15, 0.5, 0.1
"""How likely a microphone is not there: that of the hi-hat, all toms, one of the toms, and the
second overhead."""

OWN = {
    "hihat": "oh", "kick": "kick", "snare": "snare", "tom_1": "oh", "tom_2": "oh", "tom_3": "oh",
}  # fmt: skip
"""Which of a real kit's microphones is each close one, or stands for it."""

SUM_PEAK = 0.5
"""Peak of the plain sum of all microphones."""


@dataclass(frozen=True)
class _Heard:
    """What microphones hear, `(1, time)` each, and the peak of a hard stroke in close ones."""

    tracks: dict[str, Tensor]
    peaks: Mapping[str, float]


def kit_recording(
    seed: int,
    kit: Kit | None = None,
    *,
    seconds: float = 10.0,
    sample_rate: int = 44_100,
    taste: float = 1.0,
) -> Multitrack:
    """Record a kit, and mix it twice.

    Args:
        seed: Decides on all of it.
        kit: The hits of a real kit, at `sample_rate`, or None for a made one.
        seconds: Length.
        sample_rate: In Hz, 22,050 or more.
        taste: How much of the engineer's equalisers, compressors and reverb is in the wet mix, from
            0 to 1.

    Returns:
        The recording, with mixes "dry" and "wet". The plain sum of its tracks peaks at `SUM_PEAK`.

    >>> song = kit_recording(1, seconds=2.0, sample_rate=22_050)
    >>> [mix.name for mix in song.mixes], round(sum(song.tracks).abs().max().item(), 3)
    (['dry', 'wet'], 0.5)
    """
    draw = generator_for(seed, "kit recording")
    played = song_with_toms(1000 * seed) if _chance(draw, 0.5) else 1000 * seed
    if kit is None:
        heard = _made(seed, played, seconds, sample_rate)
    else:
        heard = _real(kit, played, seconds, db_to_gain(_between(draw, *BLEED_DB)))
    tracks, places = _as_set_up(heard, draw)
    return _mixed(f"kit {seed}", tracks, places, sample_rate, draw, taste)


def _made(seed: int, played: int, seconds: float, sample_rate: int) -> _Heard:
    room = kit_room(seed, sample_rate)
    tracks = room.hear(play_kit(played, seconds, sample_rate))
    peaks = {
        name: db_to_gain(LOUD_DB[name]) * room.responses[name][i].abs().max().item()
        for i, name in enumerate(SLOTS)
        if name in LOUD_DB
    }
    return _Heard(dict(zip(SLOTS, tracks.split(1), strict=True)), peaks)


def _real(kit: Kit, played: int, seconds: float, bleed: float) -> _Heard:
    known = {
        "tom 1": "tom_1", "tom 2": "tom_2", "tom 3": "tom_3",
        "overhead left": "overhead_L", "overhead right": "overhead_R",
    }  # fmt: skip
    drums = on_real_kit(kit, played, bleed, seconds).values()
    tracks = {
        known.get(name, name): torch.stack([heard[name] for heard in drums]).sum(0)
        for name in ("hihat", "kick", "snare", *known)
    }
    channels = list(MICROPHONES)
    peaks = {
        known.get(drum, drum): max(
            hit.audio[channels.index(OWN[known.get(drum, drum)])].abs().max().item()
            for stroke in strokes
            for hit in kit.hits.get(stroke, ())
        )
        for drum, strokes in STROKES.items()
    }
    return _Heard(tracks, peaks)


def _as_set_up(heard: _Heard, draw: torch.Generator) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The microphones that are there, at the levels of their preamps, and where they are panned."""
    toms = ["tom_1", "tom_2", "tom_3"]
    if _chance(draw, NO_TOMS):
        toms = []
    elif _chance(draw, NO_TOM):
        toms.pop(1 if _chance(draw, 0.5) else 2)
    names = {"hihat": "hihat", "kick": "kick", "snare": "snare"}
    names |= {f"tom_{i}": drum for i, drum in enumerate(toms, 1)}
    if _chance(draw, NO_HAT):
        del names["hihat"]
    width = _between(draw, *WIDTH)
    tracks, places = {}, {}
    for name, drum in names.items():
        peak_db = _between(draw, *PEAKS_DB[SLOTS[drum]])
        tracks[name] = heard.tracks[drum] * (db_to_gain(peak_db) / heard.peaks[drum])
        places[name] = width * PLACES[drum]
    overheads = [heard.tracks[name] for name in ("overhead_L", "overhead_R")]
    peak = max(x.abs().max().item() for x in overheads)
    gain = db_to_gain(_between(draw, *PEAKS_DB["overhead"])) / max(peak, 1e-6)
    if _chance(draw, ONE_OVERHEAD):
        tracks["overhead"], places["overhead"] = gain / 2 * torch.stack(overheads).sum(0), 0.0
    else:
        width = _between(draw, *WIDTH)
        for name, x in zip(("overhead_L", "overhead_R"), overheads, strict=True):
            tracks[name], places[name] = gain * x, width * PLACES[name]
    return tracks, places


@torch.no_grad()
def _mixed(
    name: str,
    tracks: dict[str, Tensor],
    places: dict[str, float],
    sample_rate: int,
    draw: torch.Generator,
    taste: float,
) -> Multitrack:
    loud = torch.stack(list(tracks.values())).sum(0).abs().max().clamp(min=1e-6)
    tracks = {own: x * (SUM_PEAK / loud) for own, x in tracks.items()}
    dry, wet = [], []
    for own, x in tracks.items():
        role = SLOTS.get(own, own)
        fader_db = FADER_DB * torch.randn((), generator=draw).item()
        panner = Stage(STEREO_PANNER, {"pan": round(places[own], 3)})
        dry.append(Track(own, role=role, strip=(_gain(fader_db), panner)))
        treatment = _share_of(draw_treatment(role, draw), taste)
        signal, stages = worked_on(x, treatment, sample_rate)
        fader_db += _louder_by(x, signal, sample_rate)
        sends_db = {"reverb": round(treatment.send_reverb_db, 2)}
        wet.append(
            Track(own, role=role, strip=(*stages, _gain(fader_db), panner), sends_db=sends_db)
        )
    heard = list(tracks.values())
    dry_mix = mix_down(heard, Mix(sample_rate, tuple(dry)))
    settings = Mix(sample_rate, tuple(wet), buses=(reverb_bus(draw),))
    wet_mix = _wet(heard, settings, dry_mix, draw, taste)
    recordings = (Recording(own, SLOTS.get(own, own), x) for own, x in tracks.items())
    mixes = (Recording("dry", "drums", dry_mix), Recording("wet", "drums", wet_mix))
    return Multitrack(name, sample_rate, tuple(recordings), mixes)


def _share_of(treatment: Treatment, taste: float) -> Treatment:
    """A treatment of which only a share is done."""
    return treatment._replace(
        low_shelf_gain_db=taste * treatment.low_shelf_gain_db,
        peak_gain_db=taste * treatment.peak_gain_db,
        high_shelf_gain_db=taste * treatment.high_shelf_gain_db,
        ratio=treatment.ratio**taste,
        send_reverb_db=max(treatment.send_reverb_db + gain_to_db(max(taste, 1e-3)), SEND_OFF_DB),
    )


def _wet(
    tracks: list[Tensor], mix: Mix, dry: Tensor, draw: torch.Generator, taste: float
) -> Tensor:
    """The sum behind its compressor, as loud as the dry mix."""
    rate = mix.sample_rate
    bus = mix_down(tracks, mix)
    stage = sum_compressor(bus, rate, draw)
    stage = stage._replace(settings={**stage.settings, "ratio": stage.settings["ratio"] ** taste})
    bus = stage.processor(bus, rate, **stage.settings)
    return bus * db_to_gain(_louder_by(dry, bus, rate))


def _louder_by(x: Tensor, other: Tensor, sample_rate: int) -> float:
    """The gain in dB that makes another signal as loud as one; 0 for silence."""
    lufs, others = (measure_loudness(y, sample_rate).item() for y in (x, other))
    return lufs - others if min(lufs, others) > ABSOLUTE_GATE_LUFS else 0.0


def _gain(gain_db: float) -> Stage:
    return Stage(GAIN, {"gain_db": round(gain_db, 3)})


def _between(draw: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=draw).item()


def _chance(draw: torch.Generator, chance: float) -> bool:
    return torch.rand((), generator=draw).item() < chance
