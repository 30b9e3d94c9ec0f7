"""A network learns to level and compress recordings, through a chain that has no gradient.

Two layers hear the level and the crest factor of a recording, and set a gain and a compressor so
that it comes out at -20 dB with a crest factor of 12 dB. To the network the chain is a black box,
whose gradient SPSA makes of two outputs a step. On songs that it has not heard:

    before  level off by 13.4 dB, crest factor by  3.9 dB
    after   level off by  0.4 dB, crest factor by  3.0 dB
"""

import sys

import torch
from torch import Tensor, nn

from dasp.analysis import measure_crest_factor, measure_rms
from dasp.grad import spsa
from dasp.processors import CATALOGUE, chain
from dasp.songs.synthetic import synthesise_song

RATE = 24_000
WANTED_DB = torch.tensor([-20.0, 12.0])
CHAIN = chain(CATALOGUE["gain"], CATALOGUE["compressor"])


def measures(x: Tensor) -> Tensor:
    """Level and crest factor in dB, `(items, 2)`."""
    return torch.stack([measure_rms(x, RATE), measure_crest_factor(x, RATE)], -1)[:, 0]


def excerpts(seeds: range) -> Tensor:
    """A second of each track of some songs, `(tracks, 1, time)`; silent ones are left out."""
    songs = [synthesise_song(seed, seconds=3.0, sample_rate=RATE) for seed in seeds]
    x = torch.stack([t[:1, RATE : 2 * RATE] for song in songs for t in song.values()])
    return x[measure_rms(x, RATE)[:, 0] > -50]


def train(network: nn.Module, x: Tensor, steps: int) -> None:
    """Adam on the absolute errors in dB."""
    black_box = spsa(CHAIN, epsilon=1e-2, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        batch = x[torch.randint(len(x), (16,))]
        y = black_box(batch, RATE, **CHAIN.to_physical(network(measures(batch) / 20)))
        optimiser.zero_grad()
        (measures(y) - WANTED_DB).abs().mean().backward()
        optimiser.step()
        schedule.step()


def main(arguments: list[str] | None = None) -> tuple[list[float], list[float]]:
    quick = "--quick" in (sys.argv[1:] if arguments is None else arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, CHAIN.n_controls), nn.Sigmoid()
    )
    train(network, excerpts(range(2 if quick else 12)), 60 if quick else 600)
    unseen = excerpts(range(100, 102 if quick else 108))
    with torch.no_grad():
        mastered = CHAIN(unseen, RATE, **CHAIN.to_physical(network(measures(unseen) / 20)))
    errors = []
    for name, x in (("before", unseen), ("after", mastered)):
        errors.append((measures(x) - WANTED_DB).abs().mean(0).tolist())
        print("{:7} level off by {:4.1f} dB, crest factor by {:4.1f} dB".format(name, *errors[-1]))
    return tuple(errors)


if __name__ == "__main__":
    main()
