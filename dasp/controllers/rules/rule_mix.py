"""A first mix by rules, with nothing to train.

In this order: a high-pass where a track has nothing below, the loudness balance of `balance`,
pans from `panning` (leads and the low end in the centre, stereo pairs to their sides), gentle
compression of the sum, and a limiter at the target loudness.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.analysis.loudness import measure_loudness
from dasp.controllers.rules.balance import balance
from dasp.controllers.rules.panning import spectral_pan
from dasp.functional.dynamics import detect_level
from dasp.mixing.console import mix_down, run_strip
from dasp.mixing.roles import guess_role, stereo_pairs
from dasp.mixing.settings import Mix, Stage, Track
from dasp.processors.catalogue import COMPRESSOR, GAIN, HIGH_PASS, LIMITER, STEREO_PANNER

TARGET_LUFS = -18.0
CENTRED_ROLES = ("kick", "snare", "bass", "vocal", "drums")
PAIR_PAN = 0.8

EMPTY_BELOW_DB = -40.0
LOWEST_HIGH_PASS_HZ, HIGHEST_HIGH_PASS_HZ = 25.0, 200.0

BUS_RATIO, BUS_ATTACK_MS, BUS_RELEASE_MS, BUS_KNEE_DB = 2.0, 30.0, 200.0, 6.0
BUS_REDUCTION_DB = 2.0
CEILING_DB = -1.0

LOUDNESS_TOLERANCE_LU, MOST_CORRECTIONS = 0.05, 8


def rule_mix(
    names: Sequence[str],
    tracks: Sequence[Tensor],
    sample_rate: int,
    *,
    target_lufs: float = TARGET_LUFS,
) -> Mix:
    """The settings of a mix of tracks `(channels, time)`, by their names and their sound."""
    roles = [guess_role(name) for name in names]
    high_passes = [_high_pass(track, sample_rate) for track in tracks]
    filtered = [
        run_strip(track, sample_rate, stages)
        for track, stages in zip(tracks, high_passes, strict=True)
    ]
    gains_db = balance(filtered, roles, sample_rate)
    pans = _pans(names, roles, filtered, sample_rate)
    mix = Mix(
        sample_rate,
        tuple(
            Track(
                name,
                role=role,
                strip=(
                    *stages,
                    Stage(GAIN, {"gain_db": round(gain_db, 2)}),
                    Stage(STEREO_PANNER, {"pan": round(pan, 3)}),
                ),
            )
            for name, role, stages, gain_db, pan in zip(
                names, roles, high_passes, gains_db, pans, strict=True
            )
        ),
    )
    return Mix(sample_rate, mix.tracks, _master(mix_down(tracks, mix), sample_rate, target_lufs))


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
        {"left": -PAIR_PAN, "right": PAIR_PAN}.get(pairs.get(i), 0.0) for i in range(len(names))
    ]
    free = [
        i
        for i, role in enumerate(roles)
        if i not in pairs and role not in CENTRED_ROLES and tracks[i].shape[-2] == 1
    ]
    for i, pan in zip(free, spectral_pan([tracks[i] for i in free], sample_rate), strict=True):
        pans[i] = pan
    return pans


def _master(bus: Tensor, sample_rate: int, target_lufs: float) -> tuple[Stage, ...]:
    """Compression of the loudest moments by about 2 dB, then the gain to the target loudness."""
    if not bus.any():
        return ()
    level_db = detect_level(bus, sample_rate, detector="rms", linked=True)
    loud_db = torch.quantile(level_db[..., ::64].flatten(), 0.95).item()
    threshold_db = loud_db - BUS_REDUCTION_DB / (1 - 1 / BUS_RATIO)
    low, high = COMPRESSOR.params[0].low, COMPRESSOR.params[0].high
    compressor = Stage(
        COMPRESSOR,
        {
            "threshold_db": round(min(max(threshold_db, low), high), 1),
            "ratio": BUS_RATIO,
            "attack_ms": BUS_ATTACK_MS,
            "release_ms": BUS_RELEASE_MS,
            "knee_db": BUS_KNEE_DB,
            "detector": "rms",
        },
    )
    limiter = Stage(LIMITER, {"ceiling_db": CEILING_DB, "true_peak": True})
    lowest_db, highest_db = GAIN.params[0].low, GAIN.params[0].high
    gain_db = 0.0
    # The limiter takes some of what the gain adds, so the gain is corrected by what was missed.
    for _ in range(MOST_CORRECTIONS):
        master = (compressor, Stage(GAIN, {"gain_db": round(gain_db, 2)}), limiter)
        missed = target_lufs - measure_loudness(run_strip(bus, sample_rate, master), sample_rate)
        if missed.abs() < LOUDNESS_TOLERANCE_LU:
            break
        gain_db = min(max(gain_db + missed.item(), lowest_db), highest_db)
    return master
