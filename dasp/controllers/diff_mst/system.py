"""A mix like a reference, by a trained network: settings of the console for tracks it never heard.

The network hears mean spectra of the tracks, their roles, and the mean spectrum of the reference;
it says equaliser, level and pan of each track, hears what they make of the spectra, and corrects
itself. The sum comes to the loudness asked for by a gain and a limiter.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from dasp._bounds import at_most
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, MOMENTARY_S
from dasp.controllers.console.mix import NEAR_AN_END, TRIM_LUFS, staged
from dasp.controllers.diff_mst.hearing import hear_tracks, loudness_of, mean_spectrum
from dasp.controllers.diff_mst.least_squares import settled
from dasp.controllers.diff_mst.network import CONSOLE, MixingStyleController, Size
from dasp.controllers.diff_mst.rounds import lost_by_db, rounds, stay_in_the_middle
from dasp.controllers.locked import work_around
from dasp.controllers.never import well_placed
from dasp.controllers.rules.strips import at_loudness
from dasp.controllers.trained_file import load_network
from dasp.mixing.console import Controls, Settings
from dasp.mixing.conversion import to_mix
from dasp.mixing.in_range import in_range
from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "diff_mst.safetensors"
RECIPE = "diff_mst"

AT_ONCE = 2**23
"""Samples of all tracks together that fit into memory a few times over."""


@torch.no_grad()
def diff_mst(
    song: Song,
    start: Mix,
    target_lufs: float,
    *,
    references: Sequence[Tensor],
    weights: Path | None = None,
) -> Mix:
    """Find the settings of a song's mix that make it sound like references.

    Args:
        song: The tracks, their names and roles.
        start: The mix to start from; what is locked in it stays.
        target_lufs: Loudness of the mix.
        references: Finished mixes of any music at the rate of the song, `(channels, time)` each;
            of several the mean spectrum is followed.
        weights: A file that `dasp train diff_mst` has left; without one those of the package.

    Returns:
        The mix.

    Raises:
        ValueError: If there is no reference, or one is silent, shorter than 0.4 s or not finite.
    """
    model = shipped() if weights is None else load_trained(weights)
    wanted = spectrum_of(references, song.sample_rate)
    heard = hear_tracks(song.tracks, song.roles, song.sample_rate)
    *_, said = rounds(model, heard, wanted)
    last = settled(said, heard, wanted)
    settings = CONSOLE.to_physical(Controls(tracks=_to_the_ends(last.controls)))
    own = {
        name: at_most(value, 0.45 * song.sample_rate) if name.endswith("_hz") else value
        for name, value in settings.tracks.items()
    }
    trim_db = torch.where(heard.playing, TRIM_LUFS - heard.loudness, 0.0)
    level_db = own["gain.gain_db"] + lost_by_db(last.behind, heard.playing)
    level_db = staged(level_db.double(), heard.playing) + trim_db
    gain_db = [round(in_range(GAIN, "gain_db", db), 2) for db in level_db.tolist()]
    own["gain.gain_db"] = torch.tensor(gain_db)
    settings = settings._replace(tracks=own)
    found = to_mix(CONSOLE, settings, song.sample_rate, start.tracks)
    mix = keep_routing(found, start)
    if stay_in_the_middle(heard, wanted).any():
        mix = well_placed(mix, song)
    bus = _side_by_side(song, settings) if mix == found else None
    return work_around(
        at_loudness(mix, song.tracks, target_lufs, bus=bus), song, start, target_lufs
    )


def _side_by_side(song: Song, settings: Settings) -> Tensor | None:
    """The sum of the tracks of a short song, which take half of the time in a few large batches."""
    if sum(track.numel() for track in song.tracks) > AT_ONCE:
        return None
    buses = []
    for channels in (1, 2):
        own = [i for i, track in enumerate(song.tracks) if track.shape[-2] == channels]
        if own:
            of_these = Settings(tracks={key: value[own] for key, value in settings.tracks.items()})
            audio = torch.stack([song.tracks[i] for i in own])
            buses.append(CONSOLE(audio, song.sample_rate, of_these))
    return torch.stack(buses).sum(0)


def spectrum_of(references: Sequence[Tensor], sample_rate: int) -> Tensor:
    """Measure the mean spectrum of references, all as loud as each other.

    Args:
        references: Audio `(channels, time)` of each.
        sample_rate: In Hz.

    Returns:
        `(3, BANDS)`, as `mean_spectrum` does.

    Raises:
        ValueError: If there is no reference, or one is silent, shorter than 0.4 s or not finite.
    """
    if not references:
        raise ValueError("references: expected one or more, got none")
    for i, reference in enumerate(references):
        if reference.shape[-1] < MOMENTARY_S * sample_rate:
            got = reference.shape[-1] / sample_rate
            raise ValueError(f"references[{i}]: expected at least {MOMENTARY_S} s, got {got:.3f} s")
        if not reference.isfinite().all():
            raise ValueError(f"references[{i}]: expected finite samples")
    spectra = torch.stack([mean_spectrum(x, sample_rate) for x in references])
    for i, loudness in enumerate(loudness_of(spectra).tolist()):
        if loudness <= ABSOLUTE_GATE_LUFS:
            raise ValueError(f"references[{i}]: expected music, got silence")
    return (spectra / spectra[:, :2].sum((-2, -1))[:, None, None]).mean(0)


def load_trained(path: str | Path = WEIGHTS) -> MixingStyleController:
    """Read a network from the weights that `dasp train diff_mst` wrote.

    Args:
        path: The file; that of the package where none is given.

    Returns:
        The network, ready for use.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    model, _ = load_network(
        path, RECIPE, lambda config: MixingStyleController(Size(**config["size"]), CONSOLE)
    )
    return model


shipped = cache(load_trained)
"""`load_trained` of the file of the package, which is read once."""


def _to_the_ends(controls: Tensor | None) -> Tensor | None:
    """Controls as near to an end as where they began stand there: a sigmoid comes no nearer."""
    if controls is None:
        return None
    nearer = NEAR_AN_END + 1e-3
    controls = torch.where(controls < nearer, 0.0, controls)
    return torch.where(controls > 1 - nearer, 1.0, controls)
