"""Known mixes: what an engineer of a stated taste does with a song, and how that sounds.

Every track goes through a gain, an EQ, a compressor and a panner, and by a send to a reverb; the
sum goes through a compressor and a limiter. `dasp.songs.taste` has the ranges that a seed
draws from. Levels are loudnesses behind the strip, and thresholds lie under the loud moments of
what the compressor hears, so that the mix does not depend on how loud a track was recorded.
"""

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.mixing.in_range import in_range
from dasp.mixing.mixdown import mix_down
from dasp.mixing.roles import LEAST_PAIR_PAN, stereo_pairs
from dasp.mixing.routing import SEND_OFF_DB
from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.targets import CEILING_DB, MIX_LUFS
from dasp.processors import Processor
from dasp.processors.catalogue import (
    COMPRESSOR,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    LIMITER,
    PARAMETRIC_EQ,
    STEREO_PANNER,
)
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.signal.stft import frames
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.seeds import generator_for
from dasp.songs.taste import REVERB, SUM, Treatment, draw_between, draw_treatment, eased
from dasp.units import db_to_gain, gain_to_db

LEAD_LUFS = -30.0
"""Loudness of a lead vocal before the master, which leaves faders room for faint recordings."""

MOMENT_S, LOUD_SHARE, PAUSE_DB = 0.1, 0.9, 30.0


def with_engineers_mix(song: Multitrack, seed: int) -> Multitrack:
    """Let the engineer mix a song: a mix "engineer", and its settings in `details["mix"]`.

    Args:
        song: The song.
        seed: Of the engineer's taste.

    Returns:
        The same song with its mix.

    >>> from dasp.songs.synthetic import synthetic_song
    >>> song = with_engineers_mix(synthetic_song(0, seconds=1.0, sample_rate=22_050), 0)
    >>> song.mix("engineer").shape, song.details["mix"].tracks[0].name
    (torch.Size([2, 22050]), 'kick')
    """
    mix, audio = _work(song, seed)
    return replace(
        song,
        mixes=(*song.mixes, Recording("engineer", "mix", audio)),
        details={**song.details, "mix": mix},
    )


def engineers_mix(song: Multitrack, seed: int) -> Mix:
    """Find the settings of the engineer's mix alone.

    A `Console` whose strips have these stages can be set so (`dasp.mixing.conversion.from_mix`).

    Args:
        song: The song.
        seed: Of the engineer's taste. The same song and seed give the same settings in any process.

    Returns:
        The mix.
    """
    return _work(song, seed)[0]


class _Treated(NamedTuple):
    """A track behind EQ and compressor, and what is done to it in all."""

    signal: Tensor
    strip: tuple[Stage, ...]
    sends_db: dict[str, float]


@torch.no_grad()
def _work(song: Multitrack, seed: int) -> tuple[Mix, Tensor]:
    """The mix and its sound, for which no EQ and no compressor runs twice."""
    rate = song.sample_rate
    draw = generator_for(seed, "engineer")
    treatments = _treatments(song, draw)
    treated = [_treated(*pair, rate) for pair in zip(song.tracks, treatments, strict=True)]
    tracks = tuple(
        Track(recording.name, role=recording.role, strip=strip, sends_db=sends_db)
        for recording, (_, strip, sends_db) in zip(song.recordings, treated, strict=True)
    )
    mix = Mix(rate, tracks, buses=(reverb_bus(draw),))
    left_to_do = tuple(
        replace(track, strip=tuple(s for s in track.strip if s.processor in (GAIN, STEREO_PANNER)))
        for track in tracks
    )
    heard = [
        signal if kind != "left out" else torch.zeros_like(signal)
        for (signal, _, _), kind in zip(treated, _kinds(song), strict=True)
    ]
    bus = mix_down(heard, replace(mix, tracks=left_to_do))
    bus, master = _mastered(bus, rate, draw)
    return replace(mix, master=master), bus


def _treatments(song: Multitrack, draw: torch.Generator) -> list[Treatment]:
    """One draw a track; of a stereo pair the second side is the mirror image of the first."""
    kinds = _kinds(song)
    sides = stereo_pairs(list(song.names))
    so_far: Counter[tuple[str, str]] = Counter()
    pairs: dict[tuple[str, int], Treatment] = {}
    treatments = []
    for i, role in enumerate(song.roles):
        side = sides.get(i, "")
        nth = so_far[role, side]
        so_far[role, side] += 1
        treatment = draw_treatment(role, draw, nth=nth)
        if kinds[i] != "dry":
            treatments.append(eased(treatment))
            continue
        if side:
            treatment = pairs.setdefault((role, nth), treatment)
            away = max(abs(treatment.pan), LEAST_PAIR_PAN)
            treatment = treatment._replace(pan=-away if side == "left" else away)
        treatments.append(treatment)
    return treatments


def _kinds(song: Multitrack) -> tuple[str, ...]:
    """What each track is, as `dasp.songs.brought` says; of other songs all are dry."""
    return song.details.get("brought", ("dry",) * len(song.names))


def worked_on(audio: Tensor, treatment: Treatment, rate: int) -> tuple[Tensor, tuple[Stage, ...]]:
    """Equalise a track and compress it.

    Args:
        audio: The track, `(channels, time)`.
        treatment: How.
        rate: Sample rate in Hz.

    Returns:
        The track, and the stages it went through: an equaliser, and a compressor where there is
        to be one.
    """
    stages: tuple[Stage, ...] = (_eq(treatment),)
    signal = run_strip(audio, rate, stages)
    if treatment.ratio > 1:
        compressor = _compressor(signal, rate, **_dynamics(treatment))
        signal = run_strip(signal, rate, (compressor,))
        stages += (compressor,)
    return signal, stages


def _treated(audio: Tensor, treatment: Treatment, rate: int) -> _Treated:
    """The fader stands in front of the compressor, whose threshold moves with it: what it does is
    the same at every gain, and is heard before the gain is known."""
    panner = Stage(STEREO_PANNER, {"pan": round(treatment.pan, 3)})
    signal, (eq, *compressor) = worked_on(audio, treatment, rate)
    gain_db = _gain_to(LEAD_LUFS + treatment.level_lu, signal, rate, GAIN)
    fader = Stage(GAIN, {"gain_db": gain_db})
    strip = (fader, eq, *(_moved(stage, gain_db) for stage in compressor), panner)
    send_db = round(treatment.send_reverb_db, 2)
    return _Treated(signal, strip, {"reverb": send_db} if send_db > SEND_OFF_DB else {})


def _mastered(bus: Tensor, rate: int, draw: torch.Generator) -> tuple[Tensor, tuple[Stage, ...]]:
    """The sum behind its strip, and the strip."""
    compressor = sum_compressor(bus, rate, draw)
    bus = run_strip(bus, rate, (compressor,))
    gain_db = _gain_to(MIX_LUFS, bus, rate, LIMITER)
    limiter = Stage(LIMITER, {"gain_db": gain_db, "ceiling_db": CEILING_DB})
    return run_strip(bus, rate, (limiter,)), (compressor, limiter)


def sum_compressor(bus: Tensor, rate: int, draw: torch.Generator) -> Stage:
    """Choose the compressor of a sum.

    Args:
        bus: The sum, `(2, time)`.
        rate: Sample rate in Hz.
        draw: Source of the numbers.

    Returns:
        The compressor.
    """
    return _compressor(bus, rate, **draw_between(SUM, draw))


def _eq(treatment: Treatment) -> Stage:
    """Both shelves, and one of the four peaks: one that reaches its frequency."""
    plain = PARAMETRIC_EQ.defaults()
    peaks = {param.name: list(plain[param.name]) for param in PARAMETRIC_EQ.params if param.bands}
    band = 1 if treatment.peak_freq_hz < 1000 else 2
    peaks["peak_gain_db"][band] = round(treatment.peak_gain_db, 2)
    peaks["peak_freq_hz"][band] = round(treatment.peak_freq_hz, 1)
    shelves = {
        "low_shelf_gain_db": round(treatment.low_shelf_gain_db, 2),
        "high_shelf_gain_db": round(treatment.high_shelf_gain_db, 2),
    }
    return Stage(PARAMETRIC_EQ, shelves | peaks)


def _dynamics(treatment: Treatment) -> dict[str, float]:
    return {
        name: getattr(treatment, name)
        for name in ("ratio", "over_threshold_db", "attack_ms", "release_ms")
    }


def _compressor(
    x: Tensor,
    rate: int,
    *,
    ratio: float,
    over_threshold_db: float,
    attack_ms: float,
    release_ms: float,
) -> Stage:
    """One whose threshold lies so far under the loud moments of what it is for."""
    settings = {
        "threshold_db": _loud_moments_db(x, rate) - over_threshold_db,
        "ratio": ratio,
        "attack_ms": attack_ms,
        "release_ms": release_ms,
    }
    return Stage(COMPRESSOR, {name: round(value, 2) for name, value in settings.items()})


def _moved(compressor: Stage, gain_db: float) -> Stage:
    """A compressor that does to a louder signal what it did to this one."""
    threshold_db = round(compressor.settings["threshold_db"] + gain_db, 2)
    return compressor._replace(settings={**compressor.settings, "threshold_db": threshold_db})


def reverb_bus(draw: torch.Generator) -> Channel:
    """Choose the room that sends go to, in which lows ring longer than highs.

    Args:
        draw: Source of the numbers.

    Returns:
        A bus called "reverb".
    """
    rt60_s = draw_between(REVERB, draw)["rt60_s"]
    times = {"rt60_low_s": 1.2 * rt60_s, "rt60_mid_s": rt60_s, "rt60_high_s": 0.5 * rt60_s}
    settings = {name: round(time_s, 3) for name, time_s in times.items()}
    return Channel("reverb", (Stage(FEEDBACK_DELAY_NETWORK, {**settings, "mix": 1.0}),))


def _gain_to(lufs: float, x: Tensor, rate: int, processor: Processor) -> float:
    """The gain in dB that gives a signal a loudness, within what a processor has."""
    loudness = measure_loudness(x, rate).item()
    if loudness <= ABSOLUTE_GATE_LUFS:
        return 0.0
    return round(in_range(processor, "gain_db", lufs - loudness), 2)


def _loud_moments_db(x: Tensor, rate: int) -> float:
    """The peak level that one in ten of the moments in which a signal plays goes over."""
    moment = round(MOMENT_S * rate)
    peaks = frames(pad(x, (0, -x.shape[-1] % moment)), moment, moment).abs().amax((0, -1))
    playing = peaks[peaks > db_to_gain(-PAUSE_DB) * peaks.amax()]
    return gain_to_db(torch.quantile(playing, LOUD_SHARE).item()) if len(playing) else 0.0
