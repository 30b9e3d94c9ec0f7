"""The settings that turn tracks into a mix: reverse engineering of a mix.

It goes from what is certain to what is not. Levels and pans are a least-squares problem; a track
without which the mix is explained as well is absent; delays, high-passes and EQs follow from the
cross-spectra of tracks and mix (`linear_strips`), compressors from what gains cannot follow
(`unmix_dynamics`), a room from what is left after them. Each stage starts where the last one
ended, and is kept only if it lowers the error; a master also if the spectrum comes nearer.

Source: D. Barchiesi and J. Reiss, "Reverse engineering of a mix", JAES 58, 2010.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, check_range, check_sample_rate
from dasp.analysis.alignment import measure_delay
from dasp.functional import time_shift
from dasp.losses import multi_resolution_stft
from dasp.mixing.cross_spectra import CrossSpectra, around, cross_spectra
from dasp.mixing.free_responses import free_responses
from dasp.mixing.least_squares import FilterFit, fit_filters
from dasp.mixing.linear_strips import (
    LinearStrips,
    fit_strips,
    linear_error,
    plain_strips,
    solve_gains,
    strip_responses,
)
from dasp.mixing.mixdown import mix_down
from dasp.mixing.roles import guess_role
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix, Track
from dasp.mixing.unmix_document import to_document_mix
from dasp.mixing.unmix_dynamics import compress, first_controls, fit_compressors
from dasp.mixing.unmix_master import MasterFit, fit_master
from dasp.mixing.unmix_starts import begin_again
from dasp.signal.fftconv import fft_convolve
from dasp.signal.iir import sosfilt

STAGES = ("gain", "delay", "high_pass", "eq", "compressor", "room", "master")
DEFAULT_STAGES = ("gain", "delay", "high_pass", "eq")
BY_SPECTRA = ("master",)
"""Stages that are kept for spectra nearer to those of the mix, whatever becomes of the waveform."""

HIGH_PASS_STARTS_HZ = (60.0, 120.0, 200.0, 350.0)
WORTH_A_PART = 0.03
"""A high-pass of a track, or its delay, stays if the error grows by this share without it."""

WORTH_A_TRACK = 0.01
"""A track is absent if the error grows by less than this share without it."""

LEAST_TRACK = 1e-6
"""Nor is a track heard that adds less than this share to the power of the mix."""

WORTH_A_STAGE = 0.002
"""A stage is kept if it lowers the error by this share."""

MOST_ROUNDS, MOST_IDLE = 24, 3
"""Of new starts, and how many of them in a row may help little; each of these tries once more."""

WORTH_A_ROUND = 0.1
NEAR_ENOUGH = 1e-10
"""An error, relative to the mix, from which on no other start is tried: a mix of 24 bits can be
explained to 1e-12, and what leaves more than this is not the answer yet."""

WORTH_DELAYS = 1e-4
"""An error from which on EQs are also looked for together with delays."""

MOST_POLISH = 4
LEAST_HIGH_PASS_HZ = 20.0

MOST_LAG_S = 0.05
LEAST_LAG_SAMPLES = 8
WORTH_A_LAG = 0.2
"""A track is moved if the error of the best responses falls by this share,"""

NO_LAGS = 1e-4
"""unless it is so small that nothing can have been moved."""


class Unheard(ValueError):
    """Tracks or a mix with nothing in them."""


@dataclass(frozen=True)
class StageReport:
    """What one stage did to the error."""

    name: str
    sdr_db: float
    spectral_distance: float
    kept: bool


@dataclass(frozen=True)
class Unmixed:
    """What came out of it."""

    mix: Mix
    """The document; `mix_down` of it is the reconstruction."""
    stages: tuple[StageReport, ...]
    notes: tuple[str, ...]
    """What a person should know: absent tracks, reversed polarity, a poor fit."""


@dataclass(frozen=True)
class Fit:
    """All that has been found so far. What is None does nothing."""

    strips: LinearStrips | None = None
    filters: FilterFit | None = None
    """In the place of strips, where short filters are asked for."""
    lag_samples: Tensor | None = None
    compressors: Tensor | None = None
    """Controls `(tracks, 4)`."""
    room: Tensor | None = None
    """Impulse responses of the bus to which all tracks go, `(2, taps)`."""
    master: MasterFit | None = None
    spectra: CrossSpectra | None = None


@dataclass(frozen=True)
class _Song:
    names: tuple[str, ...]
    files: tuple[str, ...]
    tracks: Tensor
    """`(tracks, channels, time)` float64."""
    was_mono: tuple[bool, ...]
    mix: Tensor
    sample_rate: float
    excerpt: slice
    """Where most tracks play: what cannot be fitted in a moment is fitted there."""
    room_taps: int
    taps: int


def unmix(
    tracks: Sequence[Tensor],
    mix: Tensor,
    sample_rate: int,
    *,
    names: Sequence[str] = (),
    files: Sequence[str] = (),
    stages: Sequence[str] = DEFAULT_STAGES,
    filter_taps: int = 0,
    room_s: float = 0.25,
    excerpt_s: float = 8.0,
    on_stage: Callable[[str], None] = lambda name: None,
) -> Unmixed:
    """The settings that turn `tracks` into `mix`.

    Args:
        tracks: Audio `(1 or 2, time)` each, of one length.
        mix: Audio `(2, time)` or `(1, time)`, of the same length and rate.
        sample_rate: In Hz.
        names: What the tracks are called in the document.
        files: Where they are.
        stages: Which of `STAGES` to go through; "gain" is always one.
        filter_taps: If above 0, a short filter for each track and side in the place of delays,
            high-passes and EQs.
        room_s: Length of the impulse response that the stage "room" finds.
        excerpt_s: Length of what is listened to in the stages "compressor" and "master".
        on_stage: Called with the name of each stage as it begins.

    Raises:
        ValueError: For a silent mix, or tracks that are all silent.
    """
    song = _prepared(tracks, mix, sample_rate, names, files, filter_taps, room_s, excerpt_s)
    fit, reports = Fit(), []
    best, nearest = float("inf"), float("inf")
    for stage in plan_stages(stages, filter_taps):
        on_stage(stage)
        trial = _STAGES[stage](fit, song)
        sdr_db, distance = _score(trial, song)
        error = 10 ** (-sdr_db / 20)
        kept = error < best * (1 - WORTH_A_STAGE) or (
            stage in BY_SPECTRA and distance < nearest * (1 - WORTH_A_STAGE)
        )
        reports.append(StageReport(stage, sdr_db, distance, kept))
        if kept:
            fit, best, nearest = trial, error, distance
    fit = _polished(fit, song)
    return Unmixed(_document(fit, song), tuple(reports), tuple(_notes(fit, song, reports)))


def plan_stages(stages: Sequence[str], filter_taps: int = 0) -> list[str]:
    """The stages that `unmix` goes through, in their order.

    >>> plan_stages(["eq", "room"]), plan_stages(["eq", "room"], filter_taps=64)
    (['gain', 'eq', 'room'], ['gain', 'filters', 'room'])
    """
    for stage in stages:
        check_choice("stages", stage, STAGES)
    replaced = ("delay", "high_pass", "eq") if filter_taps else ()
    rest = [stage for stage in STAGES[1:] if stage in stages and stage not in replaced]
    return ["gain", *(["filters"] if filter_taps else []), *rest]


def _prepared(tracks, mix, sample_rate, names, files, taps, room_s, excerpt_s) -> _Song:
    check_sample_rate(sample_rate)
    if not tracks:
        raise ValueError("tracks: expected at least one track")
    for i, track in enumerate((*tracks, mix)):
        name = f"tracks[{i}]" if i < len(tracks) else "mix"
        check_audio(track, name)
        if track.ndim != 2 or track.shape[0] not in (1, 2) or track.shape[-1] != mix.shape[-1]:
            raise ValueError(
                f"{name}: expected shape (1 or 2, {mix.shape[-1]}), got {tuple(track.shape)}"
            )
    check_range("filter_taps", taps, low=0)
    check_range("excerpt_s", excerpt_s, above=0.0)
    was_mono = tuple(bool(t.shape[0] == 1) for t in tracks)
    if not all(was_mono):
        tracks = [as_stereo(track) for track in tracks]
    stacked, mix = torch.stack([t.double() for t in tracks]), as_stereo(mix).double()
    for name, signal in (("mix", mix), ("tracks", stacked)):
        if signal.abs().max() == 0:
            raise Unheard(f"{name}: expected some sound, got silence from end to end")
    names = tuple(names) or tuple(f"track {i + 1}" for i in range(len(stacked)))
    return _Song(
        names, tuple(files) or names, stacked, was_mono, mix, sample_rate,
        _busiest(stacked, round(excerpt_s * sample_rate)), round(room_s * sample_rate), taps,
    )  # fmt: skip


def _busiest(tracks: Tensor, length: int) -> slice:
    """The stretch of so many samples in which most tracks have most of their sound."""
    power = tracks.square().sum(1)
    total = power.cumsum(-1)
    if length >= tracks.shape[-1]:
        return slice(0, tracks.shape[-1])
    hop = max(1, length // 8)
    inside = total[:, length::hop] - total[:, :-length:hop]
    share = inside / total[:, -1:].clamp(min=torch.finfo(total.dtype).tiny)
    start = int(share.sqrt().sum(0).argmax()) * hop
    return slice(start, start + length)


# What a fit makes of the tracks, step by step.


def _dynamic_tracks(fit: Fit, song: _Song, part: slice = slice(None)) -> Tensor:
    """Tracks that are aligned and compressed: what linear strips work on."""
    tracks = song.tracks
    if fit.lag_samples is not None:
        tracks = _shifted(tracks, fit.lag_samples, song.sample_rate)
    tracks = tracks[..., part]
    if fit.compressors is not None:
        tracks = compress(tracks, song.sample_rate, fit.compressors)
    return tracks


def _images(fit: Fit, tracks: Tensor, sample_rate: float) -> Tensor:
    """What each track contributes to the sum, `(tracks, 2, time)`."""
    if fit.filters is not None:
        return fit.filters.images(tracks)
    shaped = sosfilt(tracks, fit.strips.sections(sample_rate)[:, None])[0]
    if fit.strips.delay_samples.abs().max() > 0:
        shaped = _shifted(shaped, fit.strips.delay_samples, sample_rate)
    return shaped * fit.strips.gains[..., None]


def _shifted(tracks: Tensor, delay_samples: Tensor, sample_rate: float) -> Tensor:
    return time_shift(tracks, sample_rate, delay_samples=delay_samples)


def _in_room(x: Tensor, room: Tensor | None) -> Tensor:
    return x if room is None else x + fft_convolve(x, room.to(x))


def _score(fit: Fit, song: _Song) -> tuple[float, float]:
    """SDR in dB of the document's own rendering, and the distance of spectra in the excerpt."""
    mono = [t[:1] if m else t for t, m in zip(song.tracks, song.was_mono, strict=True)]
    output = mix_down(mono, _document(fit, song))
    error = (output - song.mix).square().sum() / song.mix.square().sum()
    part = song.excerpt
    distance = multi_resolution_stft(output[..., part].float(), song.mix[..., part].float())
    return (-10 * torch.log10(error.clamp(min=1e-16))).item(), distance.item()


# The stages.


def _with_spectra(fit: Fit, song: _Song) -> Fit:
    """Cross-spectra of the tracks as they come to the strips, which the strips do not change."""
    spectra = cross_spectra(_strip_inputs(fit, song), song.mix, song.sample_rate)
    return replace(fit, spectra=spectra)


def _strip_inputs(fit: Fit, song: _Song) -> Tensor:
    """Tracks as they come to the strips, in the room, which may as well come first."""
    tracks = _dynamic_tracks(fit, song)
    return tracks if fit.room is None else _in_room(tracks.expand(-1, 2, -1), fit.room)


def _gain(fit: Fit, song: _Song) -> Fit:
    """Least squares, with each track moved by its lag where that explains more of the mix."""
    lags = _lags(song)
    aligned = replace(fit, lag_samples=lags) if lags.abs().max() > 0 else fit
    aligned = _with_spectra(aligned, song)
    strips = plain_strips(torch.ones(len(song.tracks), 2))
    return _fitted(replace(aligned, strips=strips), ("gain",))


def _lags(song: _Song) -> Tensor:
    """Whole samples by which tracks come late in the mix, 0 where that explains no more of it.

    A few samples are left to delays and filters, which tell them from an EQ.
    """
    most = round(MOST_LAG_S * song.sample_rate)
    lags = torch.zeros(len(song.tracks), dtype=torch.float64)
    middle = song.mix[..., song.excerpt].sum(0, keepdim=True)
    error = _free_error(song, lags)
    for k, track in enumerate(song.tracks[..., song.excerpt]):
        trial = lags.clone()
        trial[k] = measure_delay(middle, track.sum(0, keepdim=True), max_delay_samples=most).round()
        if trial[k].abs() < LEAST_LAG_SAMPLES or error < NO_LAGS:
            continue
        trial_error = _free_error(song, trial)
        if trial_error < error * (1 - WORTH_A_LAG):
            lags, error = trial, trial_error
    return lags


def _free_error(song: _Song, lags: Tensor) -> float:
    """The share of the excerpt that no responses explain, so that no EQ is taken for a lag."""
    tracks, mix = song.tracks[..., song.excerpt], song.mix[..., song.excerpt]
    tracks = _shifted(tracks, lags, song.sample_rate) if lags.any() else tracks
    spectra = cross_spectra(tracks, mix, song.sample_rate)
    none, everyone = torch.zeros_like(spectra.mix), torch.ones_like(lags, dtype=torch.bool)
    H, _ = free_responses(spectra, none, everyone)
    return (spectra.error(spectra.coefficients(H)) / spectra.power).item()


def _delay(fit: Fit, song: _Song) -> Fit:
    return _fitted(fit, ("gain", "delay"))


def _high_pass(fit: Fit, song: _Song) -> Fit:
    """High-passes, one track after the other, where the mix is better explained with one."""
    spectra, strips = fit.spectra, fit.strips
    error = linear_error(spectra, strips)
    for k in range(len(song.tracks)):
        trials = []
        for freq_hz in HIGH_PASS_STARTS_HZ:
            on, hz = strips.high_pass_on.clone(), strips.high_pass_hz.clone()
            on[k], hz[k] = True, freq_hz
            trial = solve_gains(spectra, replace(strips, high_pass_on=on, high_pass_hz=hz))
            trials.append((linear_error(spectra, trial).item(), trial))
        least, trial = min(trials, key=lambda pair: pair[0])
        if least < error * (1 - WORTH_A_PART):
            strips, error = trial, least
    return _fitted(replace(fit, strips=strips), ("gain", "delay", "high_pass"))


def _eq(fit: Fit, song: _Song) -> Fit:
    """EQs: descents of all tracks together, and new starts of single tracks, in turn."""
    begun = replace(fit.strips, delay_samples=torch.zeros_like(fit.strips.delay_samples))
    parts = ("gain", "high_pass", "eq")
    found = _searched(replace(fit, strips=begun), song, parts)
    if fit.strips.delay_samples.any() and _residual(found, song)[1] > WORTH_DELAYS:
        late = replace(begun, delay_samples=fit.strips.delay_samples)
        late = _searched(replace(fit, strips=late), song, (*parts, "delay"))
        found = min(found, late, key=lambda one: _residual(one, song)[1])
    strips = _without_idle_high_passes(found.spectra, found.strips)
    return replace(found, strips=fit_strips(found.spectra, strips, _parts_of(strips)))


def _searched(fit: Fit, song: _Song, parts: tuple[str, ...]) -> Fit:
    """The least error after rounds of new starts and descents."""
    generator = torch.Generator().manual_seed(0)
    inputs, (residual, error) = _strip_inputs(fit, song), _residual(fit, song)
    idle = 0
    for i in range(MOST_ROUNDS):
        spectra = _around(fit, inputs, residual)
        strips = begin_again(spectra, fit.strips, parts, generator, tries=1 + idle)
        strips = fit_strips(spectra, solve_gains(spectra, strips), parts)
        trial = replace(fit, strips=strips, spectra=spectra)
        if i == 1:
            trial = _without_absent(trial, parts)
        trial_residual, trial_error = _residual(trial, song)
        idle = idle + 1 if trial_error > error * (1 - WORTH_A_ROUND) else 0
        if trial_error < error:
            fit, residual, error = trial, trial_residual, trial_error
        if error < NEAR_ENOUGH or idle > MOST_IDLE:
            break
    return replace(fit, spectra=_around(fit, inputs, residual))


def _residual(fit: Fit, song: _Song) -> tuple[Tensor, float]:
    """What the strips leave of the mix, and its share of the power."""
    residual = song.mix - _images(fit, _strip_inputs(fit, song), song.sample_rate).sum(0)
    return residual, (residual.square().sum() / song.mix.square().sum()).item()


def _around(fit: Fit, inputs: Tensor, residual: Tensor) -> CrossSpectra:
    return around(fit.spectra, inputs, residual, strip_responses(fit.strips, fit.spectra))


def _without_idle_high_passes(spectra: CrossSpectra, strips: LinearStrips) -> LinearStrips:
    """High-passes that are lower than a document may say, or do little, are off."""
    for k in strips.high_pass_on.nonzero()[:, 0].tolist():
        on = strips.high_pass_on.clone()
        on[k] = False
        trial = replace(strips, high_pass_on=on)
        worth = linear_error(spectra, trial) > linear_error(spectra, strips) * (1 + WORTH_A_PART)
        if not worth or strips.high_pass_hz[k] < LEAST_HIGH_PASS_HZ:
            strips = trial
    return strips


def _least(spectra: CrossSpectra, candidates: list[LinearStrips]) -> LinearStrips:
    return min(candidates, key=lambda strips: linear_error(spectra, strips).item())


def _fitted(fit: Fit, parts: tuple[str, ...]) -> Fit:
    """Parts of the strips at the least error."""
    spectra = fit.spectra
    strips = solve_gains(spectra, fit.strips)
    if parts != ("gain",):
        strips = fit_strips(spectra, strips, parts)
    return replace(fit, strips=strips)


def _polished(fit: Fit, song: _Song) -> Fit:
    """Without tracks that explain nothing, and at the least of the residual itself."""
    if fit.filters is not None:
        return fit
    parts = _parts_of(fit.strips)
    fit = _without_absent(fit, parts)
    inputs, (residual, error) = _strip_inputs(fit, song), _residual(fit, song)
    for _ in range(MOST_POLISH):
        spectra = _around(fit, inputs, residual)
        trial = replace(fit, strips=fit_strips(spectra, fit.strips, parts))
        residual, trial_error = _residual(trial, song)
        if trial_error > error * (1 - WORTH_A_STAGE):
            break
        fit, error = trial, trial_error
    return fit


def _without_absent(fit: Fit, parts: tuple[str, ...]) -> Fit:
    """Tracks that explain nothing leave, the least of them first; the others are fitted again."""
    spectra, strips = fit.spectra, fit.strips
    while (there := (strips.gains != 0).any(-1)).sum() > 1:
        error = linear_error(spectra, strips).item()
        trials = []
        for k in there.nonzero()[:, 0].tolist():
            gains = strips.gains.clone()
            gains[k] = 0
            trials.append(solve_gains(spectra, replace(strips, gains=gains)))
        trial = _least(spectra, trials)
        trial = fit_strips(spectra, trial, parts, steps=10)
        if linear_error(spectra, trial).item() > error * (1 + WORTH_A_TRACK) + LEAST_TRACK:
            break
        strips = trial
    return replace(fit, strips=strips)


def _filters(fit: Fit, song: _Song) -> Fit:
    tracks = _dynamic_tracks(fit, song)
    return replace(fit, filters=fit_filters(tracks, song.mix, taps=song.taps))


def _compressor(fit: Fit, song: _Song) -> Fit:
    """Compressors on an excerpt, then the strips behind them again, twice."""
    part = song.excerpt
    clean = replace(fit, compressors=None)
    tracks = _dynamic_tracks(clean, song, part)
    controls = first_controls(tracks)
    for _ in range(2):
        controls = fit_compressors(
            tracks, song.mix[..., part], song.sample_rate, controls,
            lambda x, fit=fit: _images(fit, x, song.sample_rate),
        )  # fmt: skip
        fit = replace(fit, compressors=controls)
        if fit.filters is not None:
            fit = _filters(fit, song)
        else:
            fit = _fitted(_with_spectra(fit, song), _parts_of(fit.strips))
    return fit


def _parts_of(strips: LinearStrips) -> tuple[str, ...]:
    """The parts of strips that do something."""
    there = {
        "gain": True,
        "delay": bool(strips.delay_samples.any()),
        "high_pass": bool(strips.high_pass_on.any()),
        "eq": bool(strips.eq_gain_db.any()),
    }
    return tuple(part for part, used in there.items() if used)


def _room(fit: Fit, song: _Song) -> Fit:
    """The impulse response, left and right, that turns the sum into what is left of the mix."""
    for _ in range(2):
        dry = _images(fit, _dynamic_tracks(fit, song), song.sample_rate).sum(0)
        found = fit_filters(dry[None], song.mix - dry, taps=song.room_taps, ridge=1e-6)
        fit = replace(fit, room=found.filters[0])
        if fit.filters is None:
            fit = _fitted(_with_spectra(fit, song), _parts_of(fit.strips))
    return fit


def _master(fit: Fit, song: _Song) -> Fit:
    part = song.excerpt
    dry = _images(fit, _dynamic_tracks(fit, song), song.sample_rate).sum(0)
    before = _in_room(dry, fit.room)[..., part]
    return replace(fit, master=fit_master(before, song.mix[..., part], song.sample_rate))


_STAGES = {
    "gain": _gain,
    "delay": _delay,
    "high_pass": _high_pass,
    "eq": _eq,
    "filters": _filters,
    "compressor": _compressor,
    "room": _room,
    "master": _master,
}


def _document(fit: Fit, song: _Song) -> Mix:
    tracks = [
        Track(name, file, guess_role(name))
        for name, file in zip(song.names, song.files, strict=True)
    ]
    return to_document_mix(fit, tracks, song.was_mono, round(song.sample_rate))


def _notes(fit: Fit, song: _Song, reports: list[StageReport]) -> list[str]:
    notes = []
    gains = fit.strips.gains
    for k, name in enumerate(song.names):
        if not gains[k].any() and fit.filters is None:
            silent = song.tracks[k].abs().max() == 0
            notes.append(f"{name}: {'silent' if silent else 'not in the mix'}")
        elif (gains[k] < -0.03 * gains[k].abs().amax()).any() and fit.filters is None:
            notes.append(f"{name}: with reversed polarity, on one side or both")
    last = max(report.sdr_db for report in reports)
    if last < 6:
        notes.append(
            f"the tracks explain little of the mix (SDR {last:.1f} dB): they may belong to another"
        )
    return notes
