"""Make one recording sound as produced as another: input and reference in, settings out.

After C. J. Steinmetz, N. J. Bryan and J. D. Reiss, "Style transfer of audio effects with
differentiable signal processing", JAES 70(9), 2022, at a size that trains on one core: one encoder
hears input and reference, and a controller sets an equaliser, a compressor and a gain. Nobody has
to say which settings are right. Of a mix, half A in a wrong timbre is the input, half B in a random
style the reference, and half A in that style the target. On songs and styles that it has not heard:

                       input   loudness match   rules   controller
    spectral distance   2.20             0.96    0.70         0.40
    octaves             6.8 dB           3.9 dB  2.5 dB       1.7 dB
    loudness            5.8 LU           0.6 LU  0.6 LU       0.7 LU
    crest factor        3.1 dB           3.1 dB  2.0 dB       1.2 dB

`dasp train style_transfer`; docs/recipes.md has more.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._bounds import at_least, between
from dasp._checks import check_choice, check_range
from dasp.analysis import measure_crest_factor, measure_loudness, measure_octave_spectrum
from dasp.controllers.by_ear import RATE, Matcher, eq_and_compressor
from dasp.grad import GRADIENTS, TCN, with_gradient
from dasp.losses import multi_resolution_stft
from dasp.processors import CATALOGUE, Param, Processor
from dasp.signal.fir import design_linear_phase_fir
from dasp.signal.stft import stft
from dasp.songs.balances import LEVEL_DB, Balances
from dasp.songs.choice import chosen_songs
from dasp.songs.multitrack import Multitrack
from dasp.training import Schedule, Task, Training, train
from dasp.training.command import program
from dasp.training.imitation import TRAINING as OF_IMITATION
from dasp.training.imitation import Pairs, imitation
from dasp.units import db_to_gain

__all__ = ["Config", "build"]

SECONDS = 2.0
"""Of each half."""

STYLE_EQ_DB = 9.0
"""The most that a style, and the wrong timbre of an input, have of each band."""

UNSEEN_SONGS = range(1000, 1010)
FFT_SIZES = (256, 1024, 4096)

TRAINING = Training(
    steps=1000,
    batch_size=8,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=100),
    clip_norm=4.0,
)


@dataclass(frozen=True)
class Config:
    """Which songs, and by which gradient the controller learns."""

    gradient: str = "autodiff"
    """One of the words of `dasp.grad.with_gradient`."""
    proxy_steps: int = 300
    """How long a network learns to imitate the strip, for the gradients that need one."""
    songs: int = 30
    """Made songs to train on."""
    data: str = ""
    """A data set in their place, `NAME:FOLDER`."""
    items: int = 200
    """Mixes to measure on."""
    training: Training = TRAINING

    def __post_init__(self):
        check_choice("gradient", self.gradient, GRADIENTS)
        for name in ("songs", "items", "proxy_steps"):
            check_range(name, getattr(self, name), low=1)


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
    strip,
    Param("eq_gain_db", -18.0, 18.0, default=0.0, bands=6),
    Param("threshold_db", -45.0, -5.0, default=-20.0),
    Param("ratio", 1.0, 10.0, default=3.0, scale="log"),
    Param("gain_db", -18.0, 18.0, default=0.0),
)


class Example(NamedTuple):
    """What is processed, what it is to sound like, and how it would, `(*batch, 1, time)` each."""

    x: Tensor
    reference: Tensor
    target: Tensor


@dataclass(frozen=True)
class Examples:
    """Two halves of a mix, the second in a style that the first has to get."""

    mixes: Balances

    def __call__(self, generator: torch.Generator) -> Example:
        """An example that is drawn with a generator."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator)

        a, b = self.mixes.draw(generator, 2 * SECONDS).chunk(2, -1)
        style = {
            "eq_gain_db": STYLE_EQ_DB * (2 * uniform(6) - 1),
            "threshold_db": -10 - 30 * uniform(),
            "ratio": 8 ** uniform(),
            "gain_db": 12 * uniform() - 6,
        }
        timbre = {"eq_gain_db": STYLE_EQ_DB * (2 * uniform(6) - 1), "ratio": 1.0}
        with torch.no_grad():
            x, target = STRIP(a, RATE, **timbre), STRIP(a, RATE, **style)
            reference = STRIP(b, RATE, **style)
        level = at_least(x.square().mean().sqrt(), 1e-5)
        return Example(x * 10 ** (LEVEL_DB / 20) / level, reference, target)


def build(config: Config) -> Task:
    """The songs, and a network that sets `STRIP`, through whatever gradient is asked for."""
    seen = chosen_songs(config.data, range(config.songs), sample_rate=RATE)
    signs = torch.Generator()
    needs_network = config.gradient in ("proxy", "half_hybrid", "full_hybrid")
    network = proxy_of_strip(seen, config) if needs_network else None
    processor = with_gradient(STRIP, config.gradient, network=network, generator=signs)

    def loss(model: Callable, batch: Example) -> Tensor:
        signs.manual_seed(int(torch.randint(2**31, ())))  # as the loop's step has it
        y = processor(batch.x, RATE, **processor.to_physical(model(batch.x, batch.reference)))
        return multi_resolution_stft(y, batch.target, fft_sizes=FFT_SIZES)

    def measure(model: Matcher) -> dict[str, dict[str, float]]:
        unseen = chosen_songs(config.data, UNSEEN_SONGS, sample_rate=RATE, unseen=True)
        generator = torch.Generator().manual_seed(config.training.seed + 1)
        draw = Examples(Balances(unseen))
        drawn = [draw(generator) for _ in range(config.items)]
        return measured(model, Example(*map(torch.stack, zip(*drawn, strict=True))))

    return Task(Matcher(STRIP.n_controls), loss, Examples(Balances(seen)), measure=measure)


def proxy_of_strip(songs: list[Multitrack], config: Config) -> TCN:
    """A network that imitates `STRIP`, for the modes that need one."""
    network = TCN(STRIP.n_controls, RATE, width=16)
    draw = Pairs(songs, 8192, STRIP.n_controls)
    training = replace(OF_IMITATION, steps=config.proxy_steps, seed=config.training.seed)
    train(imitation(network, STRIP, draw), training)
    return network.requires_grad_(False)


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


def measured(model: Matcher, mixes: Example) -> dict[str, dict[str, float]]:
    """Errors against the target, of the controller and of what it is to beat."""
    x, reference, target = mixes
    with torch.no_grad():
        outputs = {
            "input": x,
            "loudness": loudness_match(x, reference),
            "rules": rules(x, reference),
            "controller": STRIP(x, RATE, **STRIP.to_physical(model(x, reference))),
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


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
