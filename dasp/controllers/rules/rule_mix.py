"""A first mix by rules, with nothing to train.

In this order: a high-pass where a track has nothing below, the loudness balance of `balance`,
pans from `panning` (leads and the low end in the centre, stereo pairs to their sides), gentle
compression of the sum, and a limiter at the target loudness.

What is locked in the mix that it starts from stays as it is, and the rest is fitted to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor

from dasp.controllers.locked import locked_stages, merged, without
from dasp.controllers.rules.balance import balance
from dasp.controllers.rules.panning import spectral_pan
from dasp.controllers.rules.strips import master_at_loudness
from dasp.functional.detector import Detector, detect_level
from dasp.mixing.in_range import in_range
from dasp.mixing.mixdown import mix_down
from dasp.mixing.roles import check_roles, stereo_pairs
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.mixing.targets import CEILING_DB, MIX_LUFS
from dasp.processors.catalogue import COMPRESSOR, GAIN, HIGH_PASS, LIMITER, STEREO_PANNER
from dasp.processors.stage import Stage, setting
from dasp.processors.strip import run_strip

CENTRED_ROLES = ("kick", "snare", "bass", "vocal", "drums")
PAIR_PAN = 0.8

EMPTY_BELOW_DB = -40.0
LOWEST_HIGH_PASS_HZ, HIGHEST_HIGH_PASS_HZ = 25.0, 200.0

BUS_RATIO, BUS_ATTACK_MS, BUS_RELEASE_MS, BUS_KNEE_DB = 2.0, 30.0, 200.0, 6.0
BUS_REDUCTION_DB = 2.0


def rule_mix(song: Song, start: Mix | None = None, *, target_lufs: float = MIX_LUFS) -> Mix:
    """Mix a song by what its tracks are and by their sound.

    Args:
        song: The tracks, their names and roles.
        start: A mix of the same tracks, whose locked tracks and stages are kept, as are its roles,
            groups, buses and sends.
        target_lufs: Loudness of the mix.

    Returns:
        The mix.

    Raises:
        ValueError: If a role is not known.
    """
    start = song.plain_mix() if start is None else start
    check_roles((track.role for track in start.tracks), "tracks[{}].role")
    tracks, sample_rate = song.tracks, song.sample_rate
    roles = [track.role for track in start.tracks]
    inputs = {track.name: audio for track, audio in zip(start.tracks, tracks, strict=True)}
    kept = [locked_stages(track.strip, track.locked) for track in start.tracks]
    # What the balance and the panner listen to: tracks without their gains and pans.
    heard = [
        merged(_high_pass(audio, sample_rate), stages) if not track.locked else stages
        for audio, stages, track in zip(tracks, kept, start.tracks, strict=True)
    ]
    filtered = [
        run_strip(audio, sample_rate, without(stages, "gain", "stereo_panner"), inputs)
        for audio, stages in zip(tracks, heard, strict=True)
    ]
    fixed_db = [
        setting(stages, "gain_db", 0.0 if track.locked else None)
        for stages, track in zip(kept, start.tracks, strict=True)
    ]
    gains_db = _gains(filtered, roles, sample_rate, fixed_db)
    pans = _pans(song.names, roles, filtered, sample_rate)
    mixed = [
        replace(
            track,
            strip=track.strip
            if track.locked
            else merged(
                (
                    *_high_pass(audio, sample_rate),
                    Stage(GAIN, {"gain_db": round(gain_db, 2)}),
                    Stage(STEREO_PANNER, {"pan": round(pan, 3)}),
                ),
                stages,
            ),
        )
        for track, audio, stages, gain_db, pan in zip(
            start.tracks, tracks, kept, gains_db, pans, strict=True
        )
    ]
    mix = replace(start, sample_rate=sample_rate, tracks=tuple(mixed), master=())
    bus = mix_down(tracks, mix)
    kept_there = locked_stages(start.master)
    return replace(mix, master=_master(bus, sample_rate, target_lufs, kept_there, inputs))


def rules(song: Song, start: Mix, target_lufs: float) -> Mix:
    """Mix by `rule_mix`, as all systems are called.

    Args:
        song: The tracks, their names and roles.
        start: The mix to start from.
        target_lufs: Loudness of the mix.

    Returns:
        The mix.

    Raises:
        ValueError: If a role is not known.
    """
    return rule_mix(song, start, target_lufs=target_lufs)


def _gains(
    tracks: Sequence[Tensor],
    roles: Sequence[str],
    sample_rate: float,
    fixed_db: Sequence[float | None],
) -> list[float]:
    """The balance, moved as a whole to where the gains that are fixed fit into it."""
    gains_db = balance(tracks, roles, sample_rate)
    missed_db = [
        fixed - gain for fixed, gain in zip(fixed_db, gains_db, strict=True) if fixed is not None
    ]
    shift_db = median(missed_db) if missed_db else 0.0
    return [in_range(GAIN, "gain_db", gain_db + shift_db) for gain_db in gains_db]


def _high_pass(track: Tensor, sample_rate: float) -> tuple[Stage, ...]:
    """A high-pass an octave under the frequency that has less than -40 dB of the track below it.

    At that frequency itself it would turn the phase of what is heard, against the same sound in
    the other microphones.
    """
    power = torch.fft.rfft(track.double()).abs().square().sum(-2)
    share = power.cumsum(-1) / power.sum().clamp(min=1e-30)
    bin_hz = sample_rate / max(track.shape[-1], 1)
    freq_hz = float((share < 10 ** (EMPTY_BELOW_DB / 10)).sum() * bin_hz) / 2
    if freq_hz < LOWEST_HIGH_PASS_HZ:
        return ()
    return (Stage(HIGH_PASS, {"freq_hz": round(min(freq_hz, HIGHEST_HIGH_PASS_HZ), 1)}),)


def _pans(
    names: Sequence[str], roles: Sequence[str], tracks: Sequence[Tensor], sample_rate: float
) -> list[float]:
    """Pairs to their sides, leads and stereo tracks to the centre, the rest by their spectrum."""
    pairs = stereo_pairs(list(names))
    pans = [
        {"left": -PAIR_PAN, "right": PAIR_PAN}.get(pairs.get(i, ""), 0.0) for i in range(len(names))
    ]
    free = [
        i
        for i, role in enumerate(roles)
        if i not in pairs and role not in CENTRED_ROLES and tracks[i].shape[-2] == 1
    ]
    for i, pan in zip(free, spectral_pan([tracks[i] for i in free], sample_rate), strict=True):
        pans[i] = pan
    return pans


def _master(
    bus: Tensor,
    sample_rate: int,
    target_lufs: float,
    kept: Sequence[Stage],
    inputs: Mapping[str, Tensor],
) -> tuple[Stage, ...]:
    """Compression of the loudest moments by about 2 dB, then the gain to the target loudness."""
    if not bus.any():
        return tuple(kept)
    level_db = detect_level(bus, sample_rate, Detector("rms"))
    loud_db = torch.quantile(level_db[..., ::64].flatten(), 0.95).item()
    threshold_db = loud_db - BUS_REDUCTION_DB / (1 - 1 / BUS_RATIO)
    compressor = Stage(
        COMPRESSOR,
        {
            "threshold_db": round(in_range(COMPRESSOR, "threshold_db", threshold_db), 1),
            "ratio": BUS_RATIO,
            "attack_ms": BUS_ATTACK_MS,
            "release_ms": BUS_RELEASE_MS,
            "knee_db": BUS_KNEE_DB,
            "detector": "rms",
        },
    )
    limiter = Stage(LIMITER, {"ceiling_db": CEILING_DB, "true_peak": True})
    return master_at_loudness(
        bus,
        sample_rate,
        target_lufs,
        lambda gain: merged((compressor, gain, limiter), kept),
        inputs,
    )
