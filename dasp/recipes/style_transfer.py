"""Make one recording sound as produced as another: input and reference in, settings out.

After C. J. Steinmetz, N. J. Bryan and J. D. Reiss, "Style transfer of audio effects with
differentiable signal processing", JAES 70(9), 2022, at a size that trains on one core: one encoder
hears input and reference, and a controller sets an equaliser, a compressor and a gain. Nobody has
to say which settings are right. Of a mix, half A in a wrong timbre is the input, half B in a random
style the reference, and half A in that style the target. On songs and styles that it has not heard:

                       input   loudness match   rules   controller
    spectral distance   2.25             0.97    0.71         0.40
    octaves             7.0 dB           4.0 dB  2.7 dB       1.7 dB
    loudness            6.1 LU           0.5 LU  0.5 LU       0.8 LU
    crest factor        3.2 dB           3.2 dB  1.8 dB       1.2 dB

`python -m dasp.recipes.style_transfer`, 266 s of one core; docs/recipes.md has more.
"""

import argparse
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from tqdm import trange

from dasp._bounds import at_least, between
from dasp.analysis import measure_crest_factor, measure_loudness, measure_octave_spectrum
from dasp.grad import GRADIENTS, TCN, with_gradient
from dasp.losses import multi_resolution_stft
from dasp.processors import CATALOGUE, Param, Processor
from dasp.recipes import train_proxy
from dasp.recipes.blind_estimation import (
    LEVEL_DB,
    RATE,
    TRAINING_SONGS,
    UNSEEN_SONGS,
    Encoder,
    Mixes,
    eq_and_compressor,
)
from dasp.signal.fir import design_linear_phase_fir
from dasp.signal.stft import stft
from dasp.units import db_to_gain

SECONDS = 2.0
"""Of each half."""

STYLE_EQ_DB = 9.0
"""The most that a style, and the wrong timbre of an input, have of each band."""

FFT_SIZES = (256, 1024, 4096)


def strip(
    x: Tensor,
    sample_rate: float,
    *,
    eq_gain_db: Tensor,
    threshold_db: Tensor,
    ratio: Tensor,
    gain_db: Tensor,
) -> Tensor:
    """What the controller steers: EQ, compressor, gain."""
    dynamics = dict(threshold_db=threshold_db, ratio=ratio)
    y = eq_and_compressor(x, sample_rate, eq_gain_db=eq_gain_db, **dynamics)
    return CATALOGUE["gain"](y, sample_rate, gain_db=gain_db)


STRIP = Processor(
    "strip",
    strip,
    params=(
        Param("eq_gain_db", -18.0, 18.0, default=0.0, bands=6),
        Param("threshold_db", -45.0, -5.0, default=-20.0),
        Param("ratio", 1.0, 10.0, default=3.0, scale="log"),
        Param("gain_db", -18.0, 18.0, default=0.0),
    ),
)


class Controller(nn.Module):
    """From what an input and a reference sound like to the controls of `STRIP`."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(
            nn.Linear(2 * self.encoder.size, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, STRIP.n_controls),
        )

    def forward(self, x: Tensor, reference: Tensor) -> Tensor:
        heard, wanted = self.encoder(x), self.encoder(reference)
        return self.head(torch.cat([heard, wanted - heard], -1)).sigmoid()


def draw(mixes: Mixes, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, references and targets, `(n, 1, time)` each."""
    dry = mixes.draw(n, 2 * SECONDS)
    style = {
        "eq_gain_db": STYLE_EQ_DB * (2 * mixes.uniform(n, 6) - 1),
        "threshold_db": -10 - 30 * mixes.uniform(n),
        "ratio": 8 ** mixes.uniform(n),
        "gain_db": 12 * mixes.uniform(n) - 6,
    }
    timbre = {"eq_gain_db": STYLE_EQ_DB * (2 * mixes.uniform(n, 6) - 1), "ratio": 1.0}
    a, b = dry.chunk(2, -1)
    with torch.no_grad():
        x, target = STRIP(a, RATE, **timbre), STRIP(a, RATE, **style)
        reference = STRIP(b, RATE, **style)
    level = at_least(x.square().mean((-2, -1), keepdim=True).sqrt(), 1e-5)
    return x * db_to_gain(LEVEL_DB) / level, reference, target


def train(
    controller: Controller,
    processor: Processor,
    mixes: Mixes,
    *,
    steps: int,
    batch: int,
    rate: float,
) -> None:
    """Adam on the spectral distance to the target, through whatever gradient `processor` has."""
    optimiser = torch.optim.Adam(controller.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    progress = trange(steps, desc="style transfer", mininterval=5.0)
    for _ in progress:
        x, reference, target = draw(mixes, batch)
        y = processor(x, RATE, **processor.to_physical(controller(x, reference)))
        loss = multi_resolution_stft(y, target, fft_sizes=FFT_SIZES)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(controller.parameters(), 4.0)
        optimiser.step()
        schedule.step()
        progress.set_postfix(loss=f"{loss.item():.2f}", refresh=False)


# What else one might do


def loudness_match(x: Tensor, reference: Tensor) -> Tensor:
    """A gain, to the loudness of the reference."""
    gap_db = measure_loudness(reference, RATE) - measure_loudness(x, RATE)
    return x * db_to_gain(gap_db)[..., None, None]


def rules(x: Tensor, reference: Tensor, taps: int = 63) -> Tensor:
    """A linear-phase EQ from one mean spectrum to the other, the threshold that comes nearest to
    the crest factor of the reference, and its loudness."""
    own, wanted = (stft(z, 1024, 256).abs().square().mean((-3, -1)) for z in (x, reference))
    gain = between(((wanted + 1e-9) / (own + 1e-9)).sqrt(), 0.06, 16.0)
    delay = taps // 2
    fir = design_linear_phase_fir(gain, taps)[..., None, :]
    y = torch.nn.functional.pad(x, (0, delay))
    y = CATALOGUE["fir"](y, RATE, taps=fir)[..., delay:]
    y = loudness_match(y, reference)
    quick = dict(ratio=3.0, attack_ms=1.0, release_ms=50.0)
    thresholds = torch.arange(0.0, -50.0, -2.0)
    compressed = torch.stack(
        [CATALOGUE["compressor"](y, RATE, threshold_db=db, **quick) for db in thresholds]
    )
    gaps_db = (measure_crest_factor(compressed, RATE) - measure_crest_factor(reference, RATE)).abs()
    nearest = gaps_db.mean(-1).argmin(0)
    return loudness_match(compressed[nearest, torch.arange(len(y))], reference)


def measure(controller: Controller, mixes: Mixes, items: int) -> dict[str, dict[str, float]]:
    """Errors against the target, of the controller and of what it is to beat."""
    x, reference, target = draw(mixes, items)
    with torch.no_grad():
        outputs = {
            "input": x,
            "loudness": loudness_match(x, reference),
            "rules": rules(x, reference),
            "controller": STRIP(x, RATE, **STRIP.to_physical(controller(x, reference))),
        }
    return {name: errors(y, target) for name, y in outputs.items()}


def errors(y: Tensor, target: Tensor) -> dict[str, float]:
    """Means over the items: spectral distance, and octaves, loudness and crest factor in dB."""
    octaves = [measure_octave_spectrum(z, RATE)[..., 1:9] for z in (y, target)]
    loudness = [measure_loudness(z, RATE) for z in (y, target)]
    crest = [measure_crest_factor(z, RATE) for z in (y, target)]
    return {
        "spectral distance": multi_resolution_stft(y, target).item(),
        "octaves (dB)": (octaves[0] - octaves[1]).abs().mean().item(),
        "loudness (LU)": (loudness[0] - loudness[1]).abs().mean().item(),
        "crest factor (dB)": (crest[0] - crest[1]).abs().mean().item(),
    }


def imitation(mixes: Mixes, steps: int, seed: int) -> TCN:
    """A proxy of `STRIP`, for the modes that need one."""
    network = TCN(STRIP.n_controls, RATE, width=16)
    tracks = [track for song in mixes.songs for track in song]
    draw = train_proxy.Draw(tracks, 8192, 1.0, seed)
    train_proxy.train(network, STRIP, draw, steps=steps, batch=8, rate=2e-3)
    return network


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Train, and measure on unseen songs and styles."""
    parser = argparse.ArgumentParser(
        prog="python -m dasp.recipes.style_transfer", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--gradient", choices=GRADIENTS, default="autodiff")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--proxy-steps", type=int, default=300)
    parser.add_argument("--songs", type=int, default=len(TRAINING_SONGS), help="to train on")
    parser.add_argument("--items", type=int, default=200, help="to measure on")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)

    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    controller, began = Controller(), time.process_time()
    mixes = Mixes(TRAINING_SONGS[: given.songs], given.seed)
    needs_network = given.gradient in ("proxy", "half_hybrid", "full_hybrid")
    processor = with_gradient(
        STRIP,
        given.gradient,
        network=imitation(mixes, given.proxy_steps, given.seed) if needs_network else None,
        generator=torch.Generator().manual_seed(given.seed),
    )
    train(
        controller,
        processor,
        mixes,
        steps=given.steps,
        batch=given.batch,
        rate=given.learning_rate,
    )
    print(f"trained in {time.process_time() - began:.0f} s of one core")
    results = measure(controller, Mixes(UNSEEN_SONGS, given.seed + 1), given.items)
    print(" " * 20 + "".join(f"{name:>12}" for name in results))
    for name in results["input"]:
        print(f"{name:20}" + "".join(f"{results[who][name]:12.2f}" for who in results))
    return results


if __name__ == "__main__":
    main()
