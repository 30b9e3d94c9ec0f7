"""What the classic controllers set: a gain and a pan a track, and the loudness of the sum."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dasp.analysis.energy import block_energies
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.functional.limiter import limited_once
from dasp.mixing.in_range import ends, in_range
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.targets import CEILING_DB
from dasp.processors.catalogue import GAIN, LIMITER, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.signal.side_by_side import side_by_side
from dasp.signal.true_peak import peaks_between
from dasp.units import db_to_gain, gain_to_db

LOUDNESS_TOLERANCE_LU, MOST_CORRECTIONS, LEAST_SLOPE = 0.05, 8, 0.1

BETWEEN_SAMPLES_DB = 1.0
"""A peak between samples that are so far under a ceiling goes over it for a moment alone."""

PEAKS_UP_TO_DB = 3.0
"""Peaks are told apart down to so far under the ceiling, for the gains that are tried next."""


def gains_and_pans(
    song: Song,
    *,
    gains_db: Sequence[float] | Tensor | None = None,
    pans: Sequence[float] | None = None,
    time_s: Sequence[float] | Tensor | None = None,
) -> Mix:
    """Build a mix of nothing but gains and pans; what is not given stands at 0.

    Args:
        song: The tracks, their names and roles.
        gains_db: Gain of each track, or with `time_s` a row for each, `(tracks, times)`.
        pans: Pan of each track in [-1, 1].
        time_s: The times of gains that move.

    Returns:
        The mix.
    """
    gains = torch.zeros(len(song.names)) if gains_db is None else torch.as_tensor(gains_db)
    gains = gains.double().clamp(*ends(GAIN, "gain_db")).round(decimals=3)
    times = None if time_s is None else torch.as_tensor(time_s).round(decimals=4).tolist()
    pans = [0.0] * len(song.names) if pans is None else pans

    def fader(gain_db: Tensor) -> Stage:
        if times is None:
            return Stage(GAIN, {"gain_db": gain_db.item()})
        return Stage(GAIN, {}, {"time_s": times, "gain_db": gain_db.tolist()})

    return Mix(
        song.sample_rate,
        tuple(
            Track(
                name,
                role=role,
                strip=(fader(gain_db), Stage(STEREO_PANNER, {"pan": round(pan, 3) + 0.0})),
            )
            for name, role, gain_db, pan in zip(song.names, song.roles, gains, pans, strict=True)
        ),
    )


def at_loudness(
    mix: Mix, tracks: Sequence[Tensor], target_lufs: float, *, bus: Tensor | None = None
) -> Mix:
    """Bring a mix to an integrated loudness by a gain and a limiter on the sum.

    Args:
        mix: The mix.
        tracks: Audio `(channels, time)` of each track.
        target_lufs: The loudness.
        bus: The sum of the tracks behind their strips, `(2, time)`, where that is known.

    Returns:
        The mix with another master strip.
    """
    bus = mix_down(tracks, mix) if bus is None else bus
    lufs = _lufs(bus, mix.sample_rate)
    if lufs <= ABSOLUTE_GATE_LUFS:
        return mix
    limiter = Stage(LIMITER, {"ceiling_db": CEILING_DB, "true_peak": True})
    master = _master_from(bus, lufs, mix.sample_rate, target_lufs, lambda gain: (gain, limiter), {})
    return replace(mix, master=master)


def at_loudness_again(mix: Mix, tracks: Sequence[Tensor], target_lufs: float) -> Mix:
    """Bring a mix to an integrated loudness by the gain that its master strip has.

    Args:
        mix: The mix; without a gain there that may be turned it stays as it is.
        tracks: Audio `(channels, time)` of each track.
        target_lufs: The loudness.

    Returns:
        The mix.
    """
    free = [
        i
        for i, stage in enumerate(mix.master)
        if stage.processor is GAIN and not stage.locked and not stage.automation
    ]
    if not free:
        return mix
    bus = mix_down(tracks, replace(mix, master=()))
    before, after = mix.master[: free[-1]], mix.master[free[-1] + 1 :]
    inputs = {track.name: audio for track, audio in zip(mix.tracks, tracks, strict=True)}
    master = master_at_loudness(
        bus, mix.sample_rate, target_lufs, lambda gain: (*before, gain, *after), inputs
    )
    return replace(mix, master=master)


def is_silent(x: Tensor, sample_rate: float) -> bool:
    """Tell whether nothing in a signal passes the gate of a loudness meter.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        Whether it is silent.
    """
    return _lufs(x, sample_rate) <= ABSOLUTE_GATE_LUFS


def _lufs(x: Tensor, sample_rate: float) -> float:
    return measure_loudness(x, sample_rate).item() if x.any() else -math.inf


def master_at_loudness(
    bus: Tensor,
    sample_rate: int,
    target_lufs: float,
    master: Callable[[Stage], tuple[Stage, ...]],
    inputs: Mapping[str, Tensor] = {},
) -> tuple[Stage, ...]:
    """Find the gain in a master strip that gives a loudness.

    What comes behind the gain takes some of what it adds, so it is corrected by what was missed:
    by as much at first, then by the secant through the last two. Limiters, which take little and
    long, are left out of the first guess. A loudness out of reach is come near to, and where
    nothing plays the gain stays at 0 dB.

    Args:
        bus: The sum of the tracks, `(2, time)`.
        sample_rate: In Hz.
        target_lufs: The loudness.
        master: Makes the master strip of a gain.
        inputs: Audio by name, for side chains.

    Returns:
        The master strip.
    """

    lufs = _lufs(bus, sample_rate)
    return _master_from(bus, lufs, sample_rate, target_lufs, master, inputs)


def _master_from(
    bus: Tensor,
    lufs: float,
    sample_rate: int,
    target_lufs: float,
    master: Callable[[Stage], tuple[Stage, ...]],
    inputs: Mapping[str, Tensor],
) -> tuple[Stage, ...]:
    """`master_at_loudness` of a sum whose loudness is known."""

    def at(gain_db: float) -> tuple[Stage, ...]:
        return master(Stage(GAIN, {"gain_db": round(in_range(GAIN, "gain_db", gain_db), 2)}))

    quick = _GainAndLimiter(bus, lufs, sample_rate)

    def missed_db(strip: Sequence[Stage]) -> float:
        known = quick.loudness(strip)
        if known is not None:
            return target_lufs - known
        heard = run_strip(bus, sample_rate, strip, inputs)
        return target_lufs - measure_loudness(heard, sample_rate).item()

    if lufs <= ABSOLUTE_GATE_LUFS:
        return at(0.0)
    gain_db = missed_db([stage for stage in at(0.0) if stage.processor is not LIMITER])
    tried: list[tuple[float, float]] = []
    for _ in range(MOST_CORRECTIONS):
        gain_db = in_range(GAIN, "gain_db", gain_db)
        if any(gain_db == other_db for other_db, _ in tried):
            break
        tried.append((gain_db, missed_db(at(gain_db))))
        if abs(tried[-1][1]) < LOUDNESS_TOLERANCE_LU:
            break
        gain_db += tried[-1][1] / _slope(tried)
    return at(min(tried, key=lambda pair: abs(pair[1]))[0])


class _GainAndLimiter:
    """How loud a sum is behind a gain and a limiter, without all that the limiter does.

    Its true peaks are found once for all gains, and where none is near the ceiling not at all:
    what is between samples is higher than they are for moments too short to change a loudness.
    """

    def __init__(self, bus: Tensor, lufs: float, sample_rate: int):
        self.bus, self.lufs, self.sample_rate = bus, lufs, sample_rate
        self.peak_db = gain_to_db(bus.abs().max().item())
        self.peaks, self.up_to_db = bus, -math.inf

    def loudness(self, strip: Sequence[Stage]) -> float | None:
        """The loudness behind a strip, or None where it has anything else in it."""
        if not 1 <= len(strip) <= 2 or any(s.automation or s.on is not True for s in strip):
            return None
        if strip[0].processor is not GAIN:
            return None
        gain_db = float(strip[0].settings.get("gain_db", 0.0))
        if len(strip) == 1:
            return self.lufs + gain_db
        settings = {**LIMITER.defaults(), **strip[1].settings}
        gain_of_its_own = settings.pop("gain_db")
        if strip[1].processor is not LIMITER or gain_of_its_own or not settings.pop("true_peak"):
            return None
        if not settings.pop("linked"):
            return None
        ceiling_db = settings["ceiling_db"]
        if self.peak_db + gain_db < ceiling_db - BETWEEN_SAMPLES_DB:
            return self.lufs + gain_db
        if gain_db > self.up_to_db:
            self.up_to_db = gain_db + PEAKS_UP_TO_DB
            least = db_to_gain(ceiling_db - self.up_to_db)
            self.peaks = peaks_between(self.bus, self.bus.new_full(self.bus.shape[:-1], least))
        loud = db_to_gain(gain_db)
        heard = limited_once(loud * self.bus, loud * self.peaks, self.sample_rate, **settings)
        return measure_loudness(heard, self.sample_rate).item()


def _slope(tried: Sequence[tuple[float, float]]) -> float:
    """How many LU a dB of gain has made of late, between `LEAST_SLOPE` and 1."""
    if len(tried) < 2:
        return 1.0
    (before_db, missed_db), (gain_db, missing_db) = tried[-2:]
    return min(max((missed_db - missing_db) / (gain_db - before_db), LEAST_SLOPE), 1.0)


def frame_powers(tracks: Sequence[Tensor], size: int) -> Tensor:
    """Measure the mean power of all channels in frames; the last is cut where the song ends.

    Args:
        tracks: Audio `(channels, time)` of each track.
        size: Length of a frame in samples.

    Returns:
        Powers `(tracks, frames)` in float64, one frame at least.
    """
    return torch.stack(side_by_side(lambda x: block_energies(x, size).mean(0) / size, tracks))
