"""What the classic controllers set: a gain and a pan a track, and the loudness of the sum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dasp.analysis.loudness import measure_loudness
from dasp.mixing.mixdown import mix_down, run_strip
from dasp.mixing.roles import guess_role
from dasp.mixing.settings import Mix, Stage, Track
from dasp.processors.catalogue import GAIN, LIMITER, STEREO_PANNER
from dasp.signal.stft import frames

CEILING_DB = -1.0
LOUDNESS_TOLERANCE_LU, MOST_CORRECTIONS = 0.05, 8


def gains_and_pans(
    names: Sequence[str],
    sample_rate: int,
    *,
    gains_db: Sequence[float] | Tensor | None = None,
    pans: Sequence[float] | None = None,
    time_s: Sequence[float] | Tensor | None = None,
) -> Mix:
    """A mix of nothing but gains and pans; what is not given stands at 0.

    With `time_s`, `gains_db` has for each track a value at each of these times, and moves.
    """
    low_db, high_db = GAIN.params[0].low, GAIN.params[0].high
    gains = torch.zeros(len(names)) if gains_db is None else torch.as_tensor(gains_db)
    gains = gains.double().clamp(low_db, high_db).round(decimals=3)
    times = None if time_s is None else torch.as_tensor(time_s).round(decimals=4).tolist()
    pans = [0.0] * len(names) if pans is None else pans

    def fader(gain_db: Tensor) -> Stage:
        if times is None:
            return Stage(GAIN, {"gain_db": gain_db.item()})
        return Stage(GAIN, {}, {"time_s": times, "gain_db": gain_db.tolist()})

    return Mix(
        sample_rate,
        tuple(
            Track(
                name,
                role=guess_role(name),
                strip=(fader(gain_db), Stage(STEREO_PANNER, {"pan": round(pan, 3) + 0.0})),
            )
            for name, gain_db, pan in zip(names, gains, pans, strict=True)
        ),
    )


def at_loudness(mix: Mix, tracks: Sequence[Tensor], target_lufs: float) -> Mix:
    """The mix with a gain and a limiter on the sum, which bring it to an integrated loudness."""
    bus = mix_down(tracks, mix)
    if not bus.any():
        return mix
    limiter = Stage(LIMITER, {"ceiling_db": CEILING_DB, "true_peak": True})
    master = master_at_loudness(bus, mix.sample_rate, target_lufs, lambda gain: (gain, limiter))
    return replace(mix, master=master)


def master_at_loudness(
    bus: Tensor,
    sample_rate: int,
    target_lufs: float,
    master: Callable[[Stage], tuple[Stage, ...]],
    inputs: Mapping[str, Tensor] = {},
) -> tuple[Stage, ...]:
    """The master strip that `master` makes of a gain, at the gain that gives a loudness.

    What comes behind the gain takes some of what it adds, so it is corrected by what was missed.
    Limiters, which take little and long, are left out of the first guess.
    """
    low_db, high_db = GAIN.params[0].low, GAIN.params[0].high

    def at(gain_db: float) -> tuple[Stage, ...]:
        return master(Stage(GAIN, {"gain_db": round(min(max(gain_db, low_db), high_db), 2)}))

    def missed_db(strip: Sequence[Stage]) -> float:
        heard = run_strip(bus, sample_rate, strip, inputs)
        return target_lufs - measure_loudness(heard, sample_rate).item()

    gain_db = missed_db([stage for stage in at(0.0) if stage.processor is not LIMITER])
    for _ in range(MOST_CORRECTIONS):
        strip = at(gain_db)
        missing_db = missed_db(strip)
        if abs(missing_db) < LOUDNESS_TOLERANCE_LU:
            break
        gain_db += missing_db
    return strip


def frame_powers(tracks: Sequence[Tensor], size: int) -> Tensor:
    """Mean power of all channels in frames of `size` samples, `(tracks, frames)`, float64.

    The last frame is cut where the song ends; there is one at least.
    """

    def powers(track: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(track.double(), (0, -track.shape[-1] % size))
        return frames(padded, size, size).square().mean((0, -1))

    rows = [powers(track) if track.shape[-1] else torch.zeros(1) for track in tracks]
    return torch.stack([row.double() for row in rows])
