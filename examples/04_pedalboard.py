"""Turn the drive of a pedalboard effect until it sounds as it did, by SPSA and by a proxy.

The effect is a black box: it has outputs, and no gradient. The drive is 26 dB, and 8 dB at the
start; error of the sound in the end (pedalboard 0.9.26, `pip install dasp-audio[plugin]`):

    spsa  -62.3 dB      proxy  -78.4 dB      full_hybrid  -68.8 dB

What is left hangs on how a processor rounds; the drive is 26.0 dB with each.
"""

import importlib.util
import math
import sys

import torch

from dasp.grad import TCN, external_plugin, with_gradient
from dasp.losses import esr, multi_resolution_stft
from dasp.processors import Processor
from dasp.songs.choice import made_songs
from dasp.songs.synthetic import synthesise_song
from dasp.training import Schedule, Training, train
from dasp.training.imitation import Pairs, imitation

RATE = 24_000
START, ANSWER = torch.tensor([0.2]), torch.tensor([0.65])


def distortion() -> Processor:
    """A soft clipper with one knob, its drive from 0 to 40 dB."""
    import pedalboard

    return external_plugin(pedalboard.Distortion)


def turn_knobs(effect: Processor, x: torch.Tensor, steps: int) -> torch.Tensor:
    """Controls that make the effect sound like the answer."""
    target = effect(x, RATE, **effect.to_physical(ANSWER.expand(len(x), -1)))
    u = torch.logit(START).requires_grad_()
    optimiser = torch.optim.Adam([u], lr=0.2)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.2 * math.cos(0.5 * math.pi * step / steps)
        y = effect(x, RATE, **effect.to_physical(u.sigmoid().expand(len(x), -1)))
        optimiser.zero_grad()
        multi_resolution_stft(y, target, fft_sizes=(256, 1024)).backward()
        optimiser.step()
    return u.detach().sigmoid()


def main(arguments: list[str] | None = None) -> dict[str, float]:
    quick = "--quick" in (sys.argv[1:] if arguments is None else arguments)
    if not importlib.util.find_spec("pedalboard"):
        print("pedalboard is not installed: pip install dasp-audio[plugin]")
        return {}
    torch.set_num_threads(1)
    torch.manual_seed(0)
    effect, steps = distortion(), 40 if quick else 100
    song = synthesise_song(50, seconds=4.0, sample_rate=RATE)
    heard = slice(RATE, RATE + 4000 if quick else 2 * RATE)
    x = torch.stack([song[name][:, heard] for name in ("bass", "guitar", "vocal")])
    x = 0.5 * x / x.abs().amax(-1, keepdim=True).clamp(min=1e-3)
    target = effect(x, RATE, **effect.to_physical(ANSWER.expand(len(x), -1)))
    network = TCN(effect.n_controls, RATE, width=8)
    draw = Pairs(made_songs(range(2), sample_rate=RATE), 2048, effect.n_controls)
    falling, n = Schedule("cosine", warm_up_steps=2 if quick else 20), 20 if quick else 200
    train(imitation(network, effect, draw), Training(0, n, 8, 5e-3, falling, clip_norm=1.0))
    network.requires_grad_(False)
    errors = {}
    for mode in ("spsa", "proxy", "full_hybrid"):
        found = turn_knobs(with_gradient(effect, mode, network=network), x, steps)
        with torch.no_grad():
            y = effect(x, RATE, **effect.to_physical(found.expand(len(x), -1)))
        errors[mode] = 10 * esr(y, target).log10().item()
        drive_db = effect.to_physical(found)["drive_db"].item()
        print(f"{mode:12} {errors[mode]:6.1f} dB, drive {drive_db:4.1f} dB")
    return errors


if __name__ == "__main__":
    main()
