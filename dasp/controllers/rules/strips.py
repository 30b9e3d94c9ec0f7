"""What the classic controllers set: a gain and a pan a track, and the loudness of the sum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dasp.analysis.energy import block_energies
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.mixing.in_range import ends, in_range
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.targets import CEILING_DB
from dasp.processors.catalogue import GAIN, LIMITER, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.signal.side_by_side import side_by_side

LOUDNESS_TOLERANCE_LU, MOST_CORRECTIONS, LEAST_SLOPE = 0.05, 8, 0.1


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


def at_loudness(mix: Mix, tracks: Sequence[Tensor], target_lufs: float) -> Mix:
    """Bring a mix to an integrated loudness by a gain and a limiter on the sum.

    Args:
        mix: The mix.
        tracks: Audio `(channels, time)` of each track.
        target_lufs: The loudness.

    Returns:
        The mix with another master strip.
    """
    bus = mix_down(tracks, mix)
    if is_silent(bus, mix.sample_rate):
        return mix
    limiter = Stage(LIMITER, {"ceiling_db": CEILING_DB, "true_peak": True})
    master = master_at_loudness(bus, mix.sample_rate, target_lufs, lambda gain: (gain, limiter))
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
    return not x.any() or measure_loudness(x, sample_rate).item() <= ABSOLUTE_GATE_LUFS


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

    def at(gain_db: float) -> tuple[Stage, ...]:
        return master(Stage(GAIN, {"gain_db": round(in_range(GAIN, "gain_db", gain_db), 2)}))

    def missed_db(strip: Sequence[Stage]) -> float:
        heard = run_strip(bus, sample_rate, strip, inputs)
        return target_lufs - measure_loudness(heard, sample_rate).item()

    if is_silent(bus, sample_rate):
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
