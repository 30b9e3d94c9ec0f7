"""One fitting task by every gradient mode, as the table in docs/gradients.md.

`python -m benchmarks.gradient_modes --proxy compressor.safetensors`

Sixteen sounds of a compressor, of excerpts and settings that the proxy was not trained on. Adam
begins from the middle of every range and follows the log-spectral distance; each mode makes the
same number of steps, at the same rate. Judged by the processor itself: the error-to-signal ratio
of the sound at the settings that were reached, and how far those are from the true ones.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from dasp.grad import GRADIENTS, TCN, load_proxy, with_gradient
from dasp.losses import esr, multi_resolution_stft
from dasp.processors import CATALOGUE
from dasp.recipes.train_proxy import UNSEEN_SONGS
from dasp.songs.choice import made_songs
from dasp.training.imitation import Pairs

RATE, WINDOW = 24_000, 16_384
COMPRESSOR = CATALOGUE["compressor"]
CHECKPOINTS = (25, 50, 100)
SPAN = 0.8
"""True settings lie in the middle part of each range."""


def fit(x: Tensor, target: Tensor, mode: str, network: TCN, draws: int = 1) -> dict[int, Tensor]:
    """Controls `(items, n_controls)` after each of `CHECKPOINTS` steps."""
    processor = with_gradient(COMPRESSOR, mode, network=network, draws=draws, epsilon=1e-2)
    u = torch.zeros(len(x), COMPRESSOR.n_controls, requires_grad=True)
    optimiser = torch.optim.Adam([u], lr=0.1)
    reached = {}
    for step in range(1, CHECKPOINTS[-1] + 1):
        y = processor(x, RATE, **processor.to_physical(u.sigmoid()))
        loss = multi_resolution_stft(y, target, fft_sizes=(256, 1024), reduction="none")
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
        if step in CHECKPOINTS:
            reached[step] = u.detach().sigmoid()
    return reached


def main() -> None:
    """Fit by each mode, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--proxy", type=Path, required=True, help="of the compressor, at 24 kHz")
    parser.add_argument("--cases", type=int, default=16)
    given = parser.parse_args()
    torch.set_num_threads(1)
    network = load_proxy(given.proxy, COMPRESSOR, RATE)
    songs, chance = made_songs(UNSEEN_SONGS, sample_rate=RATE), torch.Generator().manual_seed(5)
    draw = Pairs(songs, WINDOW, COMPRESSOR.n_controls, SPAN)
    drawn = [draw(chance) for _ in range(given.cases)]
    x, true, _ = map(torch.stack, zip(*drawn, strict=True))

    def sound(controls: Tensor) -> Tensor:
        with torch.no_grad():
            return COMPRESSOR(x, RATE, **COMPRESSOR.to_physical(controls))

    def median_db(controls: Tensor) -> float:
        return 10 * esr(sound(controls), target, reduction="none").median().log10().item()

    target = sound(true)
    start = torch.full_like(true, 0.5)
    print(f"start {median_db(start):.1f} dB, {(start - true).abs().mean():.2f}")
    print(f"| gradient | {' | '.join(f'{n} steps' for n in CHECKPOINTS)} | settings |")
    print("| --- |" + " --- |" * (len(CHECKPOINTS) + 1))
    for name, mode, draws in rows():
        reached = fit(x, target, mode, network, draws)
        errors = " | ".join(f"{median_db(controls):.1f} dB" for controls in reached.values())
        off = (reached[CHECKPOINTS[-1]] - true).abs().mean()
        print(f"| {name} | {errors} | {off:.2f} |", flush=True)


def rows() -> list[tuple[str, str, int]]:
    """What the table calls it, the mode, and the draws of SPSA; `half_hybrid` trains as `proxy`."""
    modes = [(f"`{mode}`", mode, 1) for mode in GRADIENTS if mode != "half_hybrid"]
    return [*modes[:2], ("`spsa`, 8 draws", "spsa", 8), *modes[2:]]


if __name__ == "__main__":
    main()
