"""Can the effect encoder tell what was done to music, whatever is played?

    python -m benchmarks.effect_encoder [--standard WEIGHTS] [--picture tsne.png]

Ten random settings on twenty-five made pieces that no training has heard: of each recording the
nearest one of any other piece should have its setting (chance 10 %), and so should the nearest of
one other piece's ten. A setting of a mix is a chain of effects for each of its four stems. Beside
the encoder stand statistics of mel-frequency cepstra (mean and deviation of 25 coefficients of mid
and of side, each scaled to unit deviation over all recordings), the audio features of the loss,
weighed as there, and with `--standard` the network of `dasp train effect_encoder pairs=standard`.
The picture shows the recordings of mixes as t-SNE arranges them, a colour a setting.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from dasp.controllers.console.features import BANDS
from dasp.controllers.style.embedding import load_encoder, shipped
from dasp.controllers.style.features import effect_features
from dasp.evaluation.retrieval import retrieval
from dasp.losses.features import WEIGHTS, feature
from dasp.songs.seeds import generator_for
from dasp.songs.synthetic import synthetic_song
from dasp.training.effect_examples import CLASSES, RATE, SILENT_POWER, draw_piece, under_a_setting

FIRST_SEED = 1_000_000
"""Of the made songs; no recipe has it."""

COEFFICIENTS = 25


def pieces(count: int, seed: int) -> Tensor:
    """Excerpts of made songs, their effects normalised, `(count, GROUPS, 2, time)`."""
    generator = generator_for(seed, "pieces")
    songs = (synthetic_song(seed + i, seconds=5.0, sample_rate=RATE) for i in range(count))
    return torch.stack([draw_piece(s, generator) for s in tqdm(songs, total=count, leave=False)])


def cepstra(heard: Tensor) -> Tensor:
    """Means and deviations of the cepstra of mid and side."""
    mid = heard[..., :BANDS, :]
    both = torch.stack((mid, mid + heard[..., BANDS : 2 * BANDS, :]), -3)
    k, n = torch.arange(COEFFICIENTS)[:, None], torch.arange(BANDS)
    coefficients = (math.pi / BANDS * (n + 0.5) * k).cos() @ both
    return torch.cat((coefficients.mean(-1), coefficients.std(-1)), -1).flatten(-2)


def audio_features(x: Tensor) -> Tensor:
    """What the distance of two is the loss of, `(…, numbers)`."""
    parts = [
        math.sqrt(weight) * (values := feature(name, x, RATE)) / math.sqrt(values.shape[-1])
        for name, weight in WEIGHTS.items()
    ]
    return torch.cat(parts, -1)


@torch.no_grad()
def described(stems: Tensor, settings: int, seed: int, ways: dict[str, Callable]) -> dict:
    """What each way knows of every recording, `(CLASSES, pieces, settings, size)`; and which
    stems play, `(CLASSES, pieces)`."""
    found: dict[str, list[Tensor]] = {name: [] for name in ways}
    playing = []
    generator = generator_for(seed, "settings")
    for _ in tqdm(range(settings), leave=False):
        x = under_a_setting(stems, generator)
        heard = effect_features(x, RATE)
        for name, way in ways.items():
            found[name].append(way(heard, x))
        playing.append(x.square().mean((-2, -1)) > SILENT_POWER)
    known = {name: torch.stack(columns, 2) for name, columns in found.items()}
    return {"known": known, "playing": torch.stack(playing).all(0)}


def draw_tsne(vectors: Tensor, path: Path) -> None:
    """Points of recordings, a colour a setting."""
    from matplotlib.figure import Figure
    from sklearn.manifold import TSNE

    flat = vectors.flatten(0, 1).numpy()
    points = TSNE(perplexity=12, metric="cosine", init="pca", random_state=0).fit_transform(flat)
    setting = torch.arange(vectors.shape[1]).repeat(vectors.shape[0])
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(*points.T, c=setting.numpy(), cmap="tab10", s=14)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"{vectors.shape[1]} settings on {vectors.shape[0]} pieces", loc="left")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=25)
    parser.add_argument("--settings", type=int, default=10)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--weights", type=Path, help="other weights than the package's")
    parser.add_argument("--standard", type=Path, help="weights of pairs=standard")
    parser.add_argument("--picture", type=Path, help="a picture of the mixes, by t-SNE")
    parser.add_argument("--output", type=Path, help="numbers as JSON")
    options = parser.parse_args()
    encoders = {"effect encoder": load_encoder(options.weights) if options.weights else shipped()}
    if options.standard:
        encoders["standard contrast"] = load_encoder(options.standard)
    ways: dict[str, Callable] = {
        **{name: lambda heard, x, own=encoder: own(heard) for name, encoder in encoders.items()},
        "MFCC statistics": lambda heard, x: cepstra(heard),
        "audio features": lambda heard, x: audio_features(x),
    }
    stems = pieces(options.pieces, options.seed)
    found = described(stems, options.settings, options.seed, ways)
    rows = {}
    print(f"{'':20}{'':8}  nearest   of one piece   its first five")
    for name, vectors in found["known"].items():
        if name == "MFCC statistics":
            vectors = vectors / vectors.flatten(1, 2).std(1)[:, None, None].clamp(min=1e-6)
        for i, kind in enumerate(CLASSES):
            shares = retrieval(vectors[i, found["playing"][i]])
            rows[f"{name}, {kind}"] = shares._asdict()
            print(f"{name:20}{kind:8}" + "".join(f"{100 * share:10.1f} %" for share in shares))
    if options.picture:
        draw_tsne(found["known"]["effect encoder"][0], options.picture)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
