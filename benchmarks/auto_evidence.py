"""What the default system judges by, fitted and tested: `python -m benchmarks.auto_evidence`.

Prints the numbers of `dasp.controllers.auto`, and how they do on what they were not fitted to:

- the balance of finished stems, by the stems of six released songs, each left out in turn,
- whether somebody has worked on the tracks, by made songs of both kinds, tested on recordings,
- whether the levels of tracks are a balance, by the same six songs, each left out in turn: as they
  are, against levels at random.

What was heard of the stems is kept in results/auto_evidence.json, from which
`python -m benchmarks.mixing_systems` fits the balance anew without the song that is mixed.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.recordings import FOLDER as DATA
from benchmarks.recordings import recordings
from dasp.analysis import measure_loudness
from dasp.controllers.auto.evidence import WORKED_ON, correlation, hear_evidence
from dasp.controllers.auto.finished import Finished, combined, low_share
from dasp.controllers.console.features import busiest_part, side_share
from dasp.songs.brought import BroughtSongs
from dasp.songs.multitrack import load_folder
from dasp.songs.synthetic import SyntheticSongs

FOUND = Path(__file__).resolve().parent / "results" / "auto_evidence.json"

RIDGE = 3.0
"""How much the two numbers of a balance are held towards 0: as much as three songs of stems that
differ by 1 in what they are fitted to."""

FIRST_SEED = 1_100_000
RANDOM_DB, DRAWS = 22.0, 10


class Stems(NamedTuple):
    """What is heard of the stems of a released song, and the levels that the artist gave them."""

    roles: list[str]
    side: Tensor
    low: Tensor
    artist_lufs: Tensor


def main() -> None:
    """Hear the recordings, fit, test and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.auto_evidence")
    parser.add_argument("--songs", type=int, default=30, help="made songs of each kind")
    options = parser.parse_args()
    with torch.inference_mode():
        heard = {name: _hear(name) for name in tqdm(released_names(), disable=None)}
        kept = {name: [s.roles, *(x.tolist() for x in s[1:])] for name, s in heard.items()}
        FOUND.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        _balance_of_finished(heard)
        _worked_on(options.songs)
        _balanced(heard)


def released_names() -> list[str]:
    """The released songs whose stems there are."""
    folders = sorted(recordings().glob("song_*/stems"))
    return [folder.parent.name.removeprefix("song_") for folder in folders]


def kept_stems() -> dict[str, Stems]:
    """What an earlier run has heard of the stems of each song."""
    kept = json.loads(FOUND.read_text(encoding="utf-8"))
    return {
        name: Stems(roles, *(torch.tensor(x, dtype=torch.float64) for x in others))
        for name, (roles, *others) in kept.items()
    }


def fitted(songs: Sequence[Stems]) -> Finished:
    """Fit the balance of finished stems by ridge regression, each song with one vote."""
    a, b = RIDGE * torch.eye(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    # In units in which both are about as large: a tenth of the side, a third of the lows.
    units = torch.tensor([10.0, 3.0], dtype=torch.float64)
    for song in songs:
        x = torch.stack((song.side, song.low), -1) * units
        x, y = x - x.mean(0), song.artist_lufs - song.artist_lufs.mean()
        a, b = a + x.mT @ x / len(y), b + x.mT @ y / len(y)
    return Finished(*(torch.linalg.solve(a, b) * units).tolist())


def left_out(name: str, heard: dict[str, Stems]) -> Finished:
    """Fit the balance to all songs but one."""
    return fitted([song for other, song in heard.items() if other != name])


def logistic_fit(x: Tensor, y: Tensor, hold: float = 0.1) -> tuple[float, float]:
    """Fit a constant and a slope of a logit to answers of 0 and 1, held towards 0 a little.

    Both answers count the same, however often there are examples of each.
    """
    a = torch.stack((torch.ones_like(x), x), -1)
    votes = torch.where(y > 0.5, 1 / y.mean(), 1 / (1 - y.mean())) / 2
    weights = torch.zeros(2, dtype=torch.float64)
    for _ in range(50):
        p = torch.sigmoid(a @ weights)
        slope = a.mT @ (votes * (p - y)) + hold * weights
        bend = (a.mT * (votes * p * (1 - p))) @ a + hold * torch.eye(2, dtype=torch.float64)
        weights = weights - torch.linalg.solve(bend, slope)
    constant, slope_ = weights.tolist()
    return constant, slope_


def _hear(name: str) -> Stems:
    song = load_folder(DATA / f"song_{name}" / "stems")
    parts = [busiest_part(x, song.sample_rate) for x in song.tracks]
    side, low = (
        torch.stack([measure(x, song.sample_rate) for x in parts]).double()
        for measure in (side_share, low_share)
    )
    lufs = torch.stack([measure_loudness(x, song.sample_rate) for x in song.tracks]).double()
    return Stems(list(song.roles), side, low, lufs)


def _balance_of_finished(heard: dict[str, Stems]) -> None:
    print("the balance of finished stems: mean error of their levels, LU")
    for name, song in heard.items():
        found = levels(song, left_out(name, heard))
        error = found - song.artist_lufs
        error = (error - error.median()).abs().mean().item()
        even = (song.artist_lufs - song.artist_lufs.median()).abs().mean().item()
        print(f"  {name}: {error:.2f} when left out; at one loudness {even:.2f}")
    print(f"  fitted to all: {fitted(list(heard.values()))}")


def levels(song: Stems, finished: Finished) -> Tensor:
    """The levels that the stems of a song are given."""
    playing = torch.ones(len(song.roles), dtype=torch.bool)
    return combined(song.side, song.low, song.roles, playing, finished)


def _worked_on(count: int) -> None:
    shares, answers = [], []
    for songs in (SyntheticSongs, BroughtSongs):
        for made in tqdm(songs(count, FIRST_SEED, 8.0), disable=None):
            kinds = made.details.get("brought", ("dry",) * len(made.names))
            evidence = hear_evidence(made.song)
            inside = [i for i, kind in enumerate(kinds) if kind != "left out"]
            share = evidence.stereo.sum() / evidence.playing.sum()
            shares += [share.double()] * len(inside)
            answers += [float(kinds[i] == "produced") for i in inside]
    x, y = torch.stack(shares), torch.tensor(answers, dtype=torch.float64)
    found = logistic_fit(x, y)
    right = ((found[0] + found[1] * x > 0) == (y > 0.5)).double().mean().item()
    print(
        f"worked on: {found}, right for {100 * right:.1f} % of the made tracks; shipped {WORKED_ON}"
    )
    folders = sorted([*DATA.glob("song_*/stems"), *DATA.glob("song_*/dry"), *DATA.glob("*/tracks")])
    for folder in folders:
        evidence = hear_evidence(load_folder(folder).song)
        print(f"  {folder.parent.name}/{folder.name}: {evidence.worked_on:.3f}")


def _balanced(heard: dict[str, Stems]) -> None:
    draw = torch.Generator().manual_seed(0)
    rows: list[tuple[str, float, float]] = []
    for name, song in heard.items():
        wanted = levels(song, left_out(name, heard))
        rows.append((name, correlation(song.artist_lufs, wanted), 1.0))
        for _ in range(DRAWS):
            levels_db = RANDOM_DB * torch.rand(len(wanted), generator=draw, dtype=torch.float64)
            rows.append((name, correlation(levels_db, wanted), 0.0))
    print("levels that are a balance: likelihood of the artist's, and the highest of ten at random")
    for name in heard:
        found = _of_correlation([row for row in rows if row[0] != name])
        own, *others = (
            1 / (1 + 2.718281828 ** -(found[0] + found[1] * x)) for n, x, _ in rows if n == name
        )
        print(f"  {name}: {own:.2f}, {max(others):.2f}")
    print(f"  fitted to all: {_of_correlation(rows)}")


def _of_correlation(rows: Sequence[tuple[str, float, float]]) -> tuple[float, float]:
    _, x, y = zip(*rows, strict=True)
    return logistic_fit(torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64))


if __name__ == "__main__":
    main()
