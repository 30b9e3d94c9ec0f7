"""Estimate what was done to a recording from nothing but the result.

A small network hears mixes behind an equaliser and a compressor, and says their settings. On songs
and settings that it has not heard, beside always saying the mean:

                                    estimated    the mean
    gains of the EQ                   2.3 dB       6.0 dB
    threshold                         4.5 dB       9.8 dB
    ratio                           0.72 oct     0.80 oct
    spectral distance of the sound      0.42         1.55

`python -m dasp.recipes.blind_estimation`, 156 s of one core; docs/recipes.md has more.
"""

import argparse
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from tqdm import trange

from dasp._bounds import at_least
from dasp.analysis import measure_crest_factor
from dasp.analysis.spectral import bark_filterbank
from dasp.data.synthetic import synthesise_song
from dasp.losses import multi_resolution_stft
from dasp.processors import CATALOGUE, Param, Processor
from dasp.signal.stft import stft
from dasp.units import gain_to_db

RATE, SECONDS = 24_000, 3.0
TRAINING_SONGS, UNSEEN_SONGS = range(30), range(1000, 1010)
LEVEL_DB = -20.0
"""RMS of a mix before it is processed: without a convention, no level could be told."""

FFT_SIZE, HOP, BANDS = 1024, 256, 22


def eq_and_compressor(
    x: Tensor, sample_rate: float, *, eq_gain_db: Tensor, threshold_db: Tensor, ratio: Tensor
) -> Tensor:
    """A parametric EQ of which only the gains move, and a compressor."""
    low, peaks, high = eq_gain_db.split([1, 4, 1], -1)
    gains_db = dict(
        low_shelf_gain_db=low[..., 0], peak_gain_db=peaks, high_shelf_gain_db=high[..., 0]
    )
    x = CATALOGUE["parametric_eq"](x, sample_rate, **gains_db)
    return CATALOGUE["compressor"](x, sample_rate, threshold_db=threshold_db, ratio=ratio)


STRIP = Processor(
    "eq_and_compressor",
    eq_and_compressor,
    params=(
        Param("eq_gain_db", -12.0, 12.0, default=0.0, bands=6),
        Param("threshold_db", -45.0, -5.0, default=-20.0),
        Param("ratio", 1.0, 10.0, default=3.0, scale="log"),
    ),
)


class Mixes:
    """Excerpts of songs, every time in another balance."""

    def __init__(self, songs: Sequence[int], seed: int, seconds: float = 8.0):
        made = [synthesise_song(song, seconds=seconds, sample_rate=RATE) for song in songs]
        self.songs = [torch.cat([track[:1] for track in song.values()]) for song in made]
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, n: int, seconds: float = SECONDS) -> Tensor:
        """Mixes `(n, 1, time)` at `LEVEL_DB`, of tracks within 6 dB of one level."""
        length, mixes = round(seconds * RATE), []
        for _ in range(n):
            song = self.songs[torch.randint(len(self.songs), (), generator=self.generator)]
            start = torch.randint(song.shape[-1] - length, (), generator=self.generator)
            tracks = song / at_least(song.square().mean(-1, keepdim=True).sqrt(), 1e-5)
            gains = 10 ** (0.6 * self.uniform(len(song)) - 0.3)
            mixes.append(gains @ tracks[:, start : start + length])
        x = torch.stack(mixes)[:, None]
        return x * 10 ** (LEVEL_DB / 20) / at_least(x.square().mean(-1, keepdim=True).sqrt(), 1e-5)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [0, 1], such as controls."""
        return torch.rand(shape, generator=self.generator)


class Encoder(nn.Module):
    """What a recording sounds like: numbers `(*batch, size)` of its critical bands over time."""

    def __init__(self, width: int = 48):
        super().__init__()
        self.size = 2 * BANDS + 2 * width + 2
        self.convolutions = nn.Sequential(
            nn.Conv1d(BANDS, width, 7, stride=2), nn.ReLU(), nn.Conv1d(width, width, 7), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        mono = x.mean(-2)
        magnitude = stft(mono, FFT_SIZE, HOP).abs().mT / (FFT_SIZE / 4)
        bank = bark_filterbank(magnitude.shape[-1], RATE)[:, :BANDS].to(x)
        bands = (gain_to_db(at_least(magnitude @ bank, 1e-4)) + 50) / 20
        hidden = self.convolutions(bands.mT)
        level_db = gain_to_db(at_least(mono.square().mean(-1, keepdim=True).sqrt(), 1e-4))
        crest_db = measure_crest_factor(x, RATE).mean(-1, keepdim=True)
        moments = [m for y in (bands.mT, hidden) for m in (y.mean(-1), y.std(-1))]
        return torch.cat([*moments, level_db / 20 + 1, crest_db / 10 - 1], -1)


class Estimator(nn.Module):
    """From a processed recording to the controls of `STRIP`."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(
            nn.Linear(self.encoder.size, 128), nn.ReLU(), nn.Linear(128, STRIP.n_controls)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x)).sigmoid()


def processed(x: Tensor, controls: Tensor) -> Tensor:
    """What `STRIP` makes of `x`; no gradient is asked of it."""
    with torch.no_grad():
        return STRIP(x, RATE, **STRIP.to_physical(controls))


def train(estimator: Estimator, mixes: Mixes, *, steps: int, batch: int, rate: float) -> None:
    """Adam on the absolute error of the controls."""
    optimiser = torch.optim.Adam(estimator.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    progress = trange(steps, desc="blind estimation", mininterval=5.0)
    for _ in progress:
        controls = mixes.uniform(batch, STRIP.n_controls)
        loss = (estimator(processed(mixes.draw(batch), controls)) - controls).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        progress.set_postfix(error=f"{loss.item():.3f}", refresh=False)


def measure(estimator: Estimator, mixes: Mixes, items: int) -> dict[str, dict[str, float]]:
    """Mean absolute errors of the settings, and of the sound that they make of the dry mix."""
    x, controls = mixes.draw(items), mixes.uniform(items, STRIP.n_controls)
    target, true = processed(x, controls), STRIP.to_physical(controls)
    with torch.no_grad():
        guesses = {"estimated": estimator(target), "mean": torch.full_like(controls, 0.5)}
    results = {}
    for name, guess in guesses.items():
        said, y = STRIP.to_physical(guess), processed(x, guess)
        results[name] = {
            "EQ gains (dB)": _error(said["eq_gain_db"], true["eq_gain_db"]),
            "threshold (dB)": _error(said["threshold_db"], true["threshold_db"]),
            "ratio (octaves)": _error(said["ratio"].log2(), true["ratio"].log2()),
            "spectral distance": multi_resolution_stft(y, target).item(),
        }
    return results


def _error(output: Tensor, target: Tensor) -> float:
    return (output - target).abs().mean().item()


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Train, and measure on unseen songs and settings."""
    parser = argparse.ArgumentParser(
        prog="python -m dasp.recipes.blind_estimation", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--songs", type=int, default=len(TRAINING_SONGS), help="to train on")
    parser.add_argument("--items", type=int, default=200, help="to measure on")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)

    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    estimator, began = Estimator(), time.process_time()
    mixes = Mixes(TRAINING_SONGS[: given.songs], given.seed)
    train(estimator, mixes, steps=given.steps, batch=given.batch, rate=given.learning_rate)
    print(f"trained in {time.process_time() - began:.0f} s of one core")
    results = measure(estimator, Mixes(UNSEEN_SONGS, given.seed + 1), given.items)
    for name in results["mean"]:
        print(name.ljust(20) + "".join(f"{who} {results[who][name]:6.2f}   " for who in results))
    return results


if __name__ == "__main__":
    main()
