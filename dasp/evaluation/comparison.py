"""The mixes of a song beside one that is wanted, with baselines, and their errors over songs."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_audio, checked_sample_rate
from dasp.audio_io import load_audio
from dasp.controllers.systems import audio_of, automatic_mix
from dasp.controllers.table import NETWORKS
from dasp.desk import render
from dasp.evaluation.baselines import baselines
from dasp.evaluation.bootstrap import Interval, mean_interval
from dasp.evaluation.metrics import measure_errors
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.songs.opening import Source, open_song

Errors = dict[str, float]
"""The error of each metric, in its unit, by name."""

Judged = Tensor | Mix | str | Path
"""A mix that is judged: its audio `(channels, time)`, its settings, or its file."""


class Comparison(NamedTuple):
    """Mixes of one song beside a reference, of one rate and length.

    Args:
        reference: The mix that is wanted, `(channels, time)`.
        mixes: Audio `(channels, time)` of each mix by name.
        sample_rate: In Hz.
    """

    reference: Tensor
    mixes: dict[str, Tensor]
    sample_rate: int


def evaluate(
    mixes: Judged | Mapping[str, Judged],
    reference: Tensor | str | Path,
    sample_rate: int | None = None,
    *,
    song: Source | None = None,
    systems: Sequence[str] = (),
    seed: int = 0,
    measure: Callable[[Tensor, Tensor, float], Errors] = measure_errors,
) -> dict[str, Errors]:
    """Measure how near mixes come to a reference, and how near baselines come.

    The smaller an error, the nearer is the mix, except for the SDRs. A mix of another rate is
    resampled, one of another length is cut or ends in silence; a warning says so.

    Args:
        mixes: The mix that is judged, or several by name: audio `(channels, time)`, a file, or a
            `Mix`, which is rendered with `song`, or else with its own files. Empty for systems and
            baselines alone.
        reference: The mix that is wanted: audio `(channels, time)`, or a file.
        sample_rate: Rate in Hz of all that is given as a tensor; files have their own.
        song: The tracks, as `dasp.mix` takes them, from which baselines are mixed: mono sum,
            equal loudness, random gains and pans, rule mix, and the anchor of a listening test.
        systems: Automatic mixers that mix the song as well, of `dasp.controllers.SYSTEMS` and
            `NETWORKS`.
        seed: Seed of the random mix.
        measure: From output, reference and sample rate to errors by name.

    Returns:
        The errors of each mix by the name of the mix; one without a name is "mix".

    Raises:
        ValueError: If a sample rate or the song is missing, a mix is not audio, or a system is
            unknown.

    >>> wanted = torch.randn(2, 8000)
    >>> errors = evaluate({"quiet": 0.5 * wanted, "same": wanted}, wanted, 8000)
    >>> [round(errors[name]["loudness"], 2) for name in ("quiet", "same")]
    [6.02, 0.0]
    """
    compared = compare(mixes, reference, sample_rate, song=song, systems=systems, seed=seed)
    with torch.no_grad():
        return {
            name: measure(mix, compared.reference, compared.sample_rate)
            for name, mix in compared.mixes.items()
        }


def compare(
    mixes: Judged | Mapping[str, Judged],
    reference: Tensor | str | Path,
    sample_rate: int | None = None,
    *,
    song: Source | None = None,
    systems: Sequence[str] = (),
    seed: int = 0,
) -> Comparison:
    """Bring mixes to the rate and the length of a reference, beside baselines.

    Args:
        mixes: The mix that is judged, or several by name, as `evaluate` takes them.
        reference: The mix that is wanted: audio `(channels, time)`, or a file.
        sample_rate: Rate in Hz of all that is given as a tensor; files have their own.
        song: The tracks, as `dasp.mix` takes them, from which baselines are mixed.
        systems: Automatic mixers that mix the song as well, of `dasp.controllers.SYSTEMS` and
            `NETWORKS`.
        seed: Seed of the random mix.

    Returns:
        The reference, the mixes and the baselines.

    Raises:
        ValueError: If a sample rate or the song is missing, a mix is not audio, or a system is
            unknown.

    >>> compared = compare(torch.ones(2, 6), torch.ones(2, 8), 44_100)
    >>> compared.mixes["mix"].shape
    torch.Size([2, 8])
    """
    wanted, rate = _sound(reference, sample_rate, "reference")
    named = mixes if isinstance(mixes, Mapping) else {"mix": mixes}
    fitted = {
        name: _fitted(mix, wanted, rate, name, sample_rate, song) for name, mix in named.items()
    }
    if song is None:
        if systems:
            raise ValueError(f"song: expected the tracks that {', '.join(systems)} mix, got None")
        return Comparison(wanted, fitted, rate)
    files = [Path(file) for file in (*named.values(), reference) if isinstance(file, str | Path)]
    own_rate = sample_rate if isinstance(song, Mapping) else rate
    tracks = open_song(song, own_rate, besides=files)
    if tracks.sample_rate != rate:
        raise ValueError(f"song: expected {rate} Hz, as the reference has, got {own_rate}")
    for remark in tracks.remarks:
        warnings.warn(remark, stacklevel=2)
    time = wanted.shape[-1]
    _warn_of_length(tracks.name or "song", tracks.frames - time, rate)
    made = {name: _of_length(_made(tracks.song, name), time) for name in systems}
    heard = Song(tracks.names, tracks.roles, tracks.excerpt(0, time), rate)
    return Comparison(wanted, {**fitted, **made, **baselines(heard, seed=seed)}, rate)


def mean_errors(
    songs: Sequence[Mapping[str, Mapping[str, float]]],
) -> dict[str, dict[str, Interval]]:
    """Average the errors of each mix over songs, with 95 % bootstrap intervals.

    Args:
        songs: For each song, what `evaluate` returns. A mix counts in the songs that have it.

    Returns:
        Mean and interval of each error by the names of mix and error.

    >>> mean_errors([{"mix": {"sdr": 10.0}}, {"mix": {"sdr": 10.0}}])["mix"]["sdr"].mean
    10.0
    """
    named: dict[str, list[Mapping[str, float]]] = {}
    for song in songs:
        for name, errors in song.items():
            named.setdefault(name, []).append(errors)
    return {
        name: {metric: mean_interval([own[metric] for own in rows]) for metric in rows[0]}
        for name, rows in named.items()
    }


def _made(song: Song, system: str) -> Tensor:
    """What an automatic mixer makes of a song."""
    if system in NETWORKS:
        return audio_of(song, system).tracks[0]
    return mix_down(song.tracks, automatic_mix(song, system=system))


def _sound(audio: Tensor | str | Path, sample_rate: int | None, name: str) -> tuple[Tensor, int]:
    if isinstance(audio, str | Path):
        return load_audio(audio)
    check_audio(audio, name)
    if sample_rate is None:
        raise ValueError(f"sample_rate: expected that of {name}, in Hz, got None")
    checked_sample_rate(sample_rate)
    return audio, sample_rate


def _fitted(
    mix: Judged,
    reference: Tensor,
    reference_rate: int,
    name: str,
    sample_rate: int | None,
    song: Source | None,
) -> Tensor:
    """A mix at the rate and of the length of its reference, with a warning where it had another."""
    if isinstance(mix, Mix):
        x, rate = render(mix, song), mix.sample_rate
    else:
        x, rate = _sound(mix, sample_rate, name)
    called = str(mix) if isinstance(mix, str | Path) else name
    if rate != reference_rate:
        said = f"{called}: resampled from {rate} to {reference_rate} Hz"
        warnings.warn(said, stacklevel=2)
        x = resample(x, rate, reference_rate)
    longer = x.shape[-1] - reference.shape[-1]
    _warn_of_length(called, longer, reference_rate)
    return _of_length(x, reference.shape[-1])


def _of_length(x: Tensor, time: int) -> Tensor:
    return nnf.pad(x, (0, time - x.shape[-1]))


def _warn_of_length(name: str, longer: int, rate: int) -> None:
    if longer:
        what = "longer" if longer > 0 else "shorter"
        said = f"{name}: {abs(longer) / rate:.3f} s {what} than the reference"
        warnings.warn(said, stacklevel=2)
