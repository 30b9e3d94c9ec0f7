"""Find one knob of every processor again, from a sound that it made.

It starts at five places, none nearer to its answer than a quarter of its range. Gradient descent
on the distance below goes on from each, and the sound decides which was right.

    within 2 % of the range    28 of 28 processors, all within 0.05 %; docs/recipes.md has each
"""

import math
import sys

import torch
from torch.nn.functional import avg_pool1d

from dasp.losses import multi_resolution_stft
from dasp.processors import CATALOGUE, Processor
from dasp.songs.synthetic import synthesise_song

RATE = 44_100
KNOBS = {
    "fir": ("mix", {"taps": torch.tensor([0.5, -0.5])}),
    "convolution_reverb": ("mix", {"impulse_response": torch.arange(999.0).cos()[None] / 9}),
    "noise_shaped_reverb": ("mix", {"length_s": 0.5}), "delay": ("feedback", {"time_ms": 50.0}),
    "noise_gate": ("range_db", {"threshold_db": -20.0}), "tremolo": ("depth", {}),
    "limiter": ("ceiling_db", {"gain_db": 20.0}), "multiband_compressor": ("threshold_db", {}),
    "de_esser": ("threshold_db", {"freq_hz": 3000.0}), "feedback_delay_network": ("rt60_mid_s", {}),
    "chorus": ("mix", {}), "flanger": ("feedback", {}), "phaser": ("centre_freq_hz", {}),
}  # fmt: skip
"""Where the knob is not the first of all, and what else is set so that it is heard."""

ANSWER, STARTS = 0.4, torch.tensor((0.05, 0.15, 0.65, 0.8, 0.95))


def distance(name: str, y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of spectra; of shifts in time, what share of the energy has come by each moment."""
    if name != "time_shift":
        return multi_resolution_stft(y, target, fft_sizes=(256, 2048), reduction="none")
    come, due = (1e-9 + avg_pool1d(x, 16, 1).square().sum(-2).cumsum(-1) for x in (y, target))
    return (come / come[..., -1:] - due / due[..., -1:]).abs().mean(-1)


def find(processor: Processor, x: torch.Tensor, steps: int) -> tuple[str, float, int]:
    """The knob, how far off the start with the best sound ends, and how many end within 2 %."""
    knob, settings = KNOBS.get(processor.name, (processor.params[0].name, {}))
    names = [param.name for param in processor.params for _ in range(param.size)]
    others = {key: value for key, value in settings.items() if key not in names}
    known, is_knob = processor.to_controls(settings), torch.arange(len(names)) == names.index(knob)

    def sound(control: torch.Tensor) -> torch.Tensor:
        moved = processor.to_physical(torch.where(is_knob, control[:, None, None], known))
        y = processor(x.expand(len(control), 1, *x.shape), RATE, **others, **moved)
        return y.reshape(len(control), *x.shape)

    target = sound(torch.tensor([ANSWER])).expand(len(STARTS), *x.shape)
    u = torch.logit(STARTS).requires_grad_()
    optimiser = torch.optim.Adam([u], betas=(0.8, 0.99))
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.3 * math.cos(0.5 * math.pi * step / steps) ** 2
        loss = distance(processor.name, sound(u.sigmoid()), target)
        (u.grad,) = torch.autograd.grad(loss.sum(), u)
        optimiser.step()
    off = (u.detach().sigmoid() - ANSWER).abs()
    return knob, off[loss.argmin()].item(), (off < 0.02).sum().item()


def main(arguments: list[str] | None = None) -> dict[str, float]:
    quick = "--quick" in (sys.argv[1:] if arguments is None else arguments)
    torch.manual_seed(0)
    song = synthesise_song(0, seconds=0.2 if quick else 0.5, sample_rate=RATE)
    x = torch.cat([song["snare"] + song["bass"], song["guitar"]])
    x = 0.5 * x / x.abs().amax(-1, keepdim=True) + 0.003 * torch.randn(x.shape)
    errors = {}
    for name in ("gain", "low_pass", "time_shift") if quick else CATALOGUE:
        knob, errors[name], arrived = find(CATALOGUE[name], x, 25 if quick else 70)
        print(f"{name:22} {knob:18} {errors[name]:6.2%} {arrived} of {len(STARTS)}", flush=True)
    return errors


if __name__ == "__main__":
    main()
