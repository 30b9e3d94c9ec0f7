"""The work of `dasp normalise`: files at a loudness, below a true peak, of any length."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dasp.analysis import LoudnessMeter, album_lufs
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.audio_io import Saved, load_blocks, save_blocks
from dasp.batch.measure_file import Levels, Measured, measure_blocks, measure_file
from dasp.batch.threads import in_threads
from dasp.mixing.normalise import CLOSE_LU, RELEASE_MS, amplified, gain_into_limiter
from dasp.mixing.targets import CEILING_DB, FILE_LUFS
from dasp.processors.catalogue import LIMITER
from dasp.streaming import Stream
from dasp.streaming.file import SEGMENT_S

Attempt = Measured | Exception
"""What a file measures, or why it does not."""


@dataclass(frozen=True)
class Target:
    """What is wanted of all files."""

    lufs: float = FILE_LUFS
    true_peak_db: float = CEILING_DB
    limit: bool = False
    """Take peaks down by a limiter instead of stopping short."""
    album: bool = False
    """One gain for all files, which are one programme."""
    dual_mono: bool = False
    """Whether a single channel counts as two."""


@dataclass(frozen=True)
class Plan:
    """What is to be done to a file."""

    source: Path
    measured: Measured
    gain_db: float
    through_limiter: bool
    after: Levels
    """What the new file measures, but for the rounding of its samples."""
    note: str = ""

    def write(self, target: Path, true_peak_db: float, writing: Mapping[str, Any]) -> Saved:
        """Make the new file; `writing` is what `save_blocks` takes beside the audio."""
        info = self.measured.info
        target.parent.mkdir(parents=True, exist_ok=True)
        ceiling_db = true_peak_db if self.through_limiter else None
        with torch.inference_mode():
            return save_blocks(
                target,
                lambda: _louder(self.source, self.measured, self.gain_db, ceiling_db),
                info.sample_rate,
                frames=info.frames,
                **writing,
            )


def measure_all(sources: Sequence[Path], target: Target, workers: int) -> list[Attempt]:
    """What each file measures, so many at a time; errors stand in the places of their files."""

    def attempt(source: Path) -> Attempt:
        try:
            return measure_file(source, dual_mono=target.dual_mono)
        except (ValueError, OSError) as error:
            return error

    return in_threads(attempt, sources, workers)


def plan_all(
    sources: Sequence[Path], measured: Sequence[Measured], target: Target, workers: int
) -> list[Plan]:
    """The gain of each file, or of all; with a limiter the loudness is tried until it comes out."""
    pairs = list(zip(sources, measured, strict=True))
    groups = [pairs] if target.album else [[pair] for pair in pairs]
    plans = in_threads(lambda group: _plan_together(group, target), groups, workers)
    return list(itertools.chain.from_iterable(plans))


def _plan_together(group: list[tuple[Path, Measured]], target: Target) -> list[Plan]:
    """One gain for files that are one programme."""
    meters = _meters(measured for _, measured in group)
    loudness = album_lufs(meters) if meters else None
    if loudness is None or loudness <= ABSOLUTE_GATE_LUFS:
        why = "has no loudness" if loudness is None else "is silent"
        return [Plan(*pair, 0.0, False, pair[1].levels, f"{why}: left as it is") for pair in group]
    peaks = [m.levels.true_peak_dbtp for _, m in group if m.levels.true_peak_dbtp is not None]
    wanted_db, allowed_db = target.lufs - loudness, target.true_peak_db - max(peaks)
    if target.limit and wanted_db > allowed_db:
        return _plan_with_limiter(group, loudness, target)
    gain_db = min(wanted_db, allowed_db)
    note = ""
    if wanted_db - gain_db > CLOSE_LU:
        note = (
            f"a true peak of {target.true_peak_db:g} dBTP allows {loudness + gain_db:.1f} LUFS, "
            f"{wanted_db - gain_db:.1f} LU under what was asked for; --limit takes the peaks down"
        )
    return [
        Plan(source, measured, gain_db, False, _raised(measured.levels, gain_db),
             _silence_note(measured) or note)
        for source, measured in group
    ]  # fmt: skip


def _plan_with_limiter(
    group: list[tuple[Path, Measured]], loudness: float, target: Target
) -> list[Plan]:
    heard: dict[float, list[Measured]] = {}

    def loudness_of(gain_db: float) -> float:
        heard[gain_db] = [_heard_through_limiter(*pair, gain_db, target) for pair in group]
        return album_lufs(_meters(heard[gain_db]))

    gain_db = gain_into_limiter(loudness_of, loudness, target.lufs)
    reached = album_lufs(_meters(heard[gain_db]))
    note = ""
    if abs(target.lufs - reached) > 2 * CLOSE_LU:
        note = f"the limiter is at its end at {reached:.1f} LUFS"
    return [
        Plan(source, measured, gain_db, True, after.levels, _silence_note(measured) or note)
        for (source, measured), after in zip(group, heard[gain_db], strict=True)
    ]


def _heard_through_limiter(
    source: Path, measured: Measured, gain_db: float, target: Target
) -> Measured:
    blocks = _louder(source, measured, gain_db, target.true_peak_db)
    return Measured(
        measured.info, *measure_blocks(blocks, measured.info, dual_mono=target.dual_mono)
    )


def _louder(
    source: Path, measured: Measured, gain_db: float, ceiling_db: float | None
) -> Iterator[Tensor]:
    """The audio of a file with a gain, and through a limiter where there is a ceiling."""
    rate = measured.info.sample_rate
    blocks = load_blocks(source, max(1, round(SEGMENT_S * rate)), dtype=measured.info.dtype)
    if ceiling_db is None:
        return (amplified(block, gain_db) for block in blocks)
    stream = Stream(
        LIMITER, rate, gain_db=gain_db, ceiling_db=ceiling_db, true_peak=True,
        release_ms=RELEASE_MS,
    )  # fmt: skip
    return stream.aligned(blocks)


def _meters(measured: Iterable[Measured]) -> list[LoudnessMeter]:
    """The meters of what has a loudness."""
    return [one.meter for one in measured if one.meter is not None]


def _raised(levels: Levels, gain_db: float) -> Levels:
    """What is measured behind a gain."""
    loudness = levels.loudness
    if loudness is not None:
        loudness = loudness._replace(
            integrated_lufs=loudness.integrated_lufs + gain_db,
            max_momentary_lufs=loudness.max_momentary_lufs + gain_db,
            max_short_term_lufs=loudness.max_short_term_lufs + gain_db,
        )
    peaks = (levels.true_peak_dbtp, levels.sample_peak_dbfs)
    return Levels(levels.frames, loudness, *(p if p is None else p + gain_db for p in peaks))


def _silence_note(measured: Measured) -> str:
    loudness = measured.levels.loudness
    is_silent = loudness is None or loudness.integrated_lufs <= ABSOLUTE_GATE_LUFS
    return "is silent" if is_silent else ""
