"""Finished songs for a mixing console that was trained on made ones.

    python -m dasp.recipes.adapt_mixing_console base/weights.safetensors SONGS console.safetensors

Each of SONGS is a folder with `stems/`, as an artist left them: their balance is the answer, and
their effects are done. What hears stays as it is. All else learns on, with made songs and names
alone beside them so that nothing is forgotten, from what was heard of every song once, which takes
a minute. The weights are written with half as many bytes; so the package has them.
"""

import argparse
import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from dasp.analysis import measure_loudness
from dasp.controllers.dmc import CONSOLES, MixingController
from dasp.controllers.dmc_features import Heard
from dasp.controllers.dmc_mix import Trained, load_trained
from dasp.data.engineer import with_engineers_mix
from dasp.data.folders import load_song
from dasp.data.multitrack import Multitrack
from dasp.data.synthetic import synthetic_song
from dasp.mixing.console import Settings
from dasp.recipes.differentiable_mixing_console import (
    Config,
    Example,
    cached_songs,
    collate,
    engineers_answer,
    error,
    example_of,
    names_alone,
    of_console,
    some_told,
)
from dasp.training import Schedule

STEPS, BATCH_SIZE, LEARNING_RATE = 80, 6, 2e-3
FINISHED, NAMED = 0.4, 0.2
"""The shares of finished songs, and of names alone; the rest are made songs."""


class Remembered(NamedTuple):
    """A song, and what the encoder made of its tracks, for which pictures need not be kept."""

    song: Example
    embedding: Tensor


def artists_answer(song: Multitrack) -> Example:
    """The balance of stems as they stand, with nothing else to do. Of the sum nothing is known."""
    loudness = torch.stack([measure_loudness(t, song.sample_rate) for t in song.tracks])
    plain = CONSOLES["full"].to_physical(CONSOLES["full"].to_controls())
    tracks = {name: value.expand(len(loudness), *value.shape).clone()
              for name, value in plain.tracks.items()}  # fmt: skip
    tracks["gain.gain_db"] = loudness
    for name in ("compressor.threshold_db", "compressor.attack_ms", "compressor.release_ms",
                 "parametric_eq.peak_freq_hz"):  # fmt: skip
        tracks[name].fill_(torch.nan)
    buses, master = ({name: torch.nan for name in part} for part in (plain.buses, plain.master))
    return example_of(song, loudness, Settings(tracks, {}, buses, master))


def adapted(
    trained: Trained, finished: Sequence[Remembered], made: Sequence[Remembered]
) -> Trained:
    """The console after more steps. The same songs in the same order give the same."""
    model = copy.deepcopy(trained.model)
    torch.manual_seed(0)
    model.train().requires_grad_(True)
    model.encoder.requires_grad_(False)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(weights, LEARNING_RATE)
    schedule, generator = Schedule("cosine"), torch.Generator().manual_seed(0)
    for step in tqdm(range(STEPS), leave=False, disable=None):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * schedule(step, STEPS)
        drawn = [_drawn(finished, made, model, trained, generator) for _ in range(BATCH_SIZE)]
        batch = collate([song for song, _ in drawn])
        embedding = pad_sequence([heard for _, heard in drawn], batch_first=True)
        controls = model.decide(embedding, batch.heard, batch.told, mask=batch.mask)
        optimiser.zero_grad()
        error(trained.console, controls, model.role(embedding), batch).backward()
        clip_grad_norm_(weights, 5.0)
        optimiser.step()
    return Trained(model.eval().requires_grad_(False), trained.console)


def remembered(model: MixingController, song: Example) -> Remembered:
    """What the encoder makes of a song."""
    heard = Heard(*(x.float() for x in song.heard))
    with torch.no_grad():
        return Remembered(_without_pictures(song._replace(heard=heard)), model.embed(heard))


def _without_pictures(song: Example) -> Example:
    heard = song.heard
    played = heard.playing.any(-1).any(-1)[:, None, None].float()
    return song._replace(heard=Heard(played[..., None], played, heard.numbers))


def _drawn(
    finished: Sequence[Remembered],
    made: Sequence[Remembered],
    model: MixingController,
    trained: Trained,
    generator: torch.Generator,
) -> Remembered:
    """A song of one of three kinds, of which some roles are told."""
    share = torch.rand((), generator=generator).item()
    if share < NAMED:
        song = of_console(_without_pictures(names_alone(generator, 1)), trained.console)
        return Remembered(song, torch.zeros(len(song.mask), model.role.in_features))
    songs = finished if share < NAMED + FINISHED else made
    song, embedding = songs[int(torch.randint(len(songs), (), generator=generator))]
    told = some_told(song.roles, Config().unknown, generator)
    return Remembered(song._replace(told=told), embedding)


def songs_for(
    trained: Trained, folder: Path, made: int, cache: str = ""
) -> tuple[dict[str, Remembered], list[Remembered]]:
    """The finished songs of a folder by name, and made ones."""
    config = Config(cache=cache, console=_name_of(trained))

    def make(seed: int) -> Example:
        song = synthetic_song(seed, seconds=config.seconds, sample_rate=config.sample_rate)
        return engineers_answer(with_engineers_mix(song, seed))

    def read(name: str) -> Example:
        return artists_answer(load_song(folder / name))

    names = sorted(path.parent.name for path in folder.glob("*/stems"))
    finished, made = (
        [remembered(trained.model, song) for song in cached_songs(config, *which)]
        for which in (("real", names, read), ("made", range(made), make))
    )
    return dict(zip(names, finished, strict=True)), made


def _name_of(trained: Trained) -> str:
    return next(name for name, console in CONSOLES.items() if console is trained.console)


def main() -> None:
    """Read weights, learn from songs, write weights."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}")
    parser.add_argument("weights", type=Path, help="of dasp train differentiable_mixing_console")
    parser.add_argument("songs", type=Path, metavar="SONGS", help="folders with stems/")
    parser.add_argument("output", type=Path, metavar="OUT", help="a .safetensors")
    parser.add_argument("--made", type=int, default=60, help="made songs beside them")
    parser.add_argument("--cache", default="", help="as in the recipe")
    options = parser.parse_args()
    trained = load_trained(options.weights)
    finished, made = songs_for(trained, options.songs, options.made, options.cache)
    model = adapted(trained, [*finished.values()], made).model
    with safe_open(options.weights, "pt") as file:
        facts = json.loads(file.metadata()["dasp"])
    tensors = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    facts = json.dumps({**facts, "adapted": True})
    save_file(tensors, options.output, {"dasp": facts})
    options.output.chmod(0o644)


if __name__ == "__main__":
    main()
