"""The settings that turn tracks into a mix: reverse engineering of a mix.

It goes from what is certain to what is not. Levels and pans are a least-squares problem; a track
without which the mix is explained as well is absent; delays, high-passes and EQs follow from the
cross-spectra of tracks and mix (`linear_strips`), compressors from what gains cannot follow
(`compression`), a room from what is left after them. Each stage starts where the last one ended,
and is kept only if it lowers the error; a master also if the spectrum comes nearer.

Source: D. Barchiesi and J. Reiss, "Reverse engineering of a mix", JAES 58, 2010.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from dasp._checks import check_choice
from dasp.estimation.unmixing.absent import without_absent
from dasp.estimation.unmixing.compressor import compressor
from dasp.estimation.unmixing.delay import delay
from dasp.estimation.unmixing.document import REVERSED, to_document_mix
from dasp.estimation.unmixing.eq import eq
from dasp.estimation.unmixing.filters import filters
from dasp.estimation.unmixing.found import (
    Found,
    before_strips,
    parts_in_use,
    residual,
    spectra_around,
)
from dasp.estimation.unmixing.gain import gain
from dasp.estimation.unmixing.high_pass import high_pass
from dasp.estimation.unmixing.linear_strips import fit_strips
from dasp.estimation.unmixing.master import master
from dasp.estimation.unmixing.opening import open_beside_mix, song_of_tracks
from dasp.estimation.unmixing.problem import Problem
from dasp.estimation.unmixing.room import room
from dasp.losses import multi_resolution_stft
from dasp.mixing.mixdown import mix_down
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix
from dasp.signal.backends._threads import one_thread
from dasp.songs.opening import Source
from dasp.units import power_to_db

_BY_STRIPS = ("delay", "high_pass", "eq")
"""Stages in whose place filters can stand."""

DEFAULT_STAGES = ("gain", *_BY_STRIPS)
BY_SPECTRA = ("master",)
"""Stages that are kept for spectra nearer to those of the mix, whatever becomes of the waveform."""

WORTH_A_STAGE = 0.002
"""A stage is kept if it lowers the error by this share."""

MOST_POLISH = 4

EXPLAINED_DB = 6.0
"""Tracks that explain less of a mix may not be its own."""

_STAGES: dict[str, Callable[[Found, Problem], Found]] = {
    "gain": gain,
    "delay": delay,
    "high_pass": high_pass,
    "eq": eq,
    "filters": filters,
    "compressor": compressor,
    "room": room,
    "master": master,
}
"""From settings and problem to new settings, in the order in which stages are gone through."""

STAGES = tuple(stage for stage in _STAGES if stage != "filters")
"""Names to ask for; filters come in the place of delays, high-passes and EQs by their taps."""


@dataclass(frozen=True)
class StageReport:
    """The effect of one stage of `unmix` on the error.

    Args:
        name: Name of the stage.
        sdr_db: Signal-to-distortion ratio of the reconstruction after the stage, in dB, where a
            long song is heard.
        spectral_distance: `multi_resolution_stft` from the mix after the stage.
        kept: Whether the stage was kept.
    """

    name: str
    sdr_db: float
    spectral_distance: float
    kept: bool


@dataclass(frozen=True)
class Unmixed:
    """The mix that `unmix` has found.

    Args:
        mix: The mix document; `mix_down` of it is the reconstruction.
        stages: The effect of each stage on the error.
        notes: Remarks for a person: how tracks and mix were made to fit, absent tracks, reversed
            polarity, a poor fit.
        sdr_db: Signal-to-distortion ratio of the reconstruction of the whole song, in dB.

    >>> stages = (StageReport("gain", 12.0, 0.5, kept=True),)
    >>> Unmixed(Mix(44_100, ()), stages, (), sdr_db=11.8).stages[0].name
    'gain'
    """

    mix: Mix
    stages: tuple[StageReport, ...]
    notes: tuple[str, ...]
    sdr_db: float

    def __repr__(self) -> str:
        stages = ", ".join(
            f"{stage.name} {stage.sdr_db:.1f} dB{'' if stage.kept else ' (not kept)'}"
            for stage in self.stages
        )
        return f"Unmixed({self.mix}, SDR: {stages})"


def unmix(
    source: Source | list[Tensor] | tuple[Tensor, ...],
    mix: Tensor | str | Path,
    sample_rate: int | None = None,
    *,
    names: Sequence[str] = (),
    files: Sequence[str] = (),
    stages: Sequence[str] = DEFAULT_STAGES,
    filter_taps: int = 0,
    room_s: float = 0.25,
    excerpt_s: float = 8.0,
    on_stage: Callable[[str], None] = lambda name: None,
) -> Unmixed:
    """Find the settings that turn tracks into a mix.

    Torch computes on one thread meanwhile, whatever `torch.set_num_threads` says: the answer does
    not depend on the number of threads, and no thread waits, spinning, for one that other programs
    keep from running.

    Args:
        source: The song: its folder, audio `(1 or 2, time)` of each track by name, a `Song`, a
            `Multitrack`, or an earlier `Mix`, whose files are read. A list of tracks is the old
            form, which goes with the next version.
        mix: Its mix: audio `(2, time)` or `(1, time)`, of the length and rate of the tracks; or a
            file, which is resampled. Of a file and its tracks the longer is cut, with a note.
        sample_rate: In Hz. Tensors by name need it; a folder is read at it, and at the highest rate
            of its files without it.
        names: Name of each track of a list, whose roles are guessed from them.
        files: File of each track in the document, where the source has none.
        stages: Stages to go through, of `STAGES`; "gain" is always one.
        filter_taps: If above 0, length in samples of a filter for each track and side, in the place
            of delays, high-passes and EQs.
        room_s: Length in seconds of the impulse response that the stage "room" finds.
        excerpt_s: Seconds that are heard in the stages "compressor" and "master", above 0.
        on_stage: Called with the name of each stage as it begins.

    Returns:
        The mix document, the effect of each stage on the error, and notes.

    Raises:
        ValueError: If there are no tracks, the mix or all tracks are silent, the lengths or rates
            differ, or a stage is unknown.

    Source: D. Barchiesi and J. Reiss, "Reverse engineering of a mix", JAES 58, 2010.

    >>> import torch
    >>> kick, voice = torch.randn(2, 1, 4000)
    >>> tracks, mix = {"kick": kick, "voice": voice}, torch.cat((kick, 0.5 * voice))
    >>> found = unmix(tracks, mix, 44_100, stages=["gain"])
    >>> [(t.role, round(t.strip[1].settings["pan"], 2)) for t in found.mix.tracks]
    [('kick', -1.0), ('vocal', 1.0)]
    """
    if isinstance(source, list | tuple):
        source = song_of_tracks(source, names, sample_rate)
    opened = open_beside_mix(source, mix, sample_rate)
    problem = Problem.of(
        opened.song, opened.mix, files=files or opened.files,
        filter_taps=filter_taps, room_s=room_s, excerpt_s=excerpt_s,
    )  # fmt: skip
    with one_thread():
        found, reports = Found.nothing(problem), []
        best, nearest = float("inf"), float("inf")
        for stage in plan_stages(stages, filter_taps):
            on_stage(stage)
            trial = _STAGES[stage](found, problem)
            sdr_db, distance = _score(trial, problem)
            error = 10 ** (-sdr_db / 20)
            kept = error < best * (1 - WORTH_A_STAGE) or (
                stage in BY_SPECTRA and distance < nearest * (1 - WORTH_A_STAGE)
            )
            reports.append(StageReport(stage, sdr_db, distance, kept))
            if kept:
                found, best, nearest = trial, error, distance
        found = _polished(found, problem)
        document = to_document_mix(found, problem)
        sdr_db = _sdr_db(opened.song.tracks, opened.mix, document)
    notes = (*opened.notes, *_notes(found, problem, reports, sdr_db))
    return Unmixed(document, tuple(reports), notes, sdr_db)


def plan_stages(stages: Sequence[str], filter_taps: int = 0) -> list[str]:
    """List the stages of `unmix` in their order.

    Args:
        stages: The stages that are asked for, in any order.
        filter_taps: Length of the filters; above 0, filters stand for delays, high-passes and EQs.

    Returns:
        Names of the stages, "gain" first.

    Raises:
        ValueError: If a stage is unknown.

    >>> plan_stages(["eq", "room"]), plan_stages(["eq", "room"], filter_taps=64)
    (['gain', 'eq', 'room'], ['gain', 'filters', 'room'])
    """
    for stage in stages:
        check_choice("stages", stage, STAGES)
    left_out = _BY_STRIPS if filter_taps else ("filters",)
    wanted = {"gain", "filters", *stages}.difference(left_out)
    return [stage for stage in _STAGES if stage in wanted]


def _score(found: Found, problem: Problem) -> tuple[float, float]:
    """SDR in dB of the document's own rendering, and the distance of spectra in the excerpt."""
    mono = [t[:1] if m else t for t, m in zip(problem.tracks, problem.was_mono, strict=True)]
    output = mix_down(mono, to_document_mix(found, problem))
    part = problem.excerpt
    distance = multi_resolution_stft(output[..., part].float(), problem.mix[..., part].float())
    return -power_to_db(problem.share(output - problem.mix)), distance.item()


def _sdr_db(tracks: Sequence[Tensor], mix: Tensor, document: Mix) -> float:
    """SDR in dB of the rendering of the whole song."""
    output, mix = mix_down(tracks, document).double(), as_stereo(mix).double()
    return -power_to_db((output - mix).square().sum() / mix.square().sum()).item()


def _polished(found: Found, problem: Problem) -> Found:
    """Remove tracks that explain nothing, and fit the strips to the residual itself."""
    if found.by_filters:
        return found
    parts = parts_in_use(found.strips)
    found = without_absent(found, parts)
    tracks = before_strips(found, problem)
    left, error = residual(found, problem, tracks)
    for _ in range(MOST_POLISH):
        spectra = spectra_around(found, left)
        trial = replace(found, strips=fit_strips(spectra, found.strips, parts))
        left, trial_error = residual(trial, problem, tracks)
        if trial_error > error * (1 - WORTH_A_STAGE):
            break
        found, error = trial, trial_error
    return found


def _notes(
    found: Found, problem: Problem, reports: Sequence[StageReport], sdr_db: float
) -> list[str]:
    notes = []
    stretches = problem.stretches
    if not stretches.is_all:
        notes.append(
            f"found from {stretches.seconds:.0f} s of the song, in which every track plays; "
            f"SDR of the whole song: {sdr_db:.1f} dB"
        )
    gains = found.strips.gains
    for k, name in enumerate(() if found.by_filters else problem.names):
        if not gains[k].any():
            silent = problem.tracks[k].abs().max() == 0
            notes.append(f"{name}: {'silent' if silent else 'not in the mix'}")
        elif (gains[k] < -REVERSED * gains[k].abs().amax()).any():
            notes.append(f"{name}: with reversed polarity, on one side or both")
    most = max(report.sdr_db for report in reports)
    if most < EXPLAINED_DB:
        notes.append(
            f"the tracks explain little of the mix (SDR {most:.1f} dB): they may belong to another"
        )
    return notes
