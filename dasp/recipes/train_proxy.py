"""Train a network to imitate a processor, and measure how far its gradient can be followed.

On songs and settings that were not trained on, the mean cosine to the automatic gradient, of the
network's gradient behind the processor's own output (`full_hybrid`) and of the network alone:

    compressor, 8 controls                        0.55, 0.41    203 s on one core
    parametric EQ, 18 controls, middle half       0.66, 0.58    110 s
    parametric EQ, 18 controls, whole ranges      0.40, 0.41    162 s

`docs/gradients.md` has the commands.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity
from tqdm import trange

from dasp._bounds import at_most
from dasp.audio_io import load_audio
from dasp.data.synthetic import synthesise_song
from dasp.grad import GRADIENTS, TCN, save_proxy, with_gradient
from dasp.losses import multi_resolution_stft
from dasp.processors import CATALOGUE, Processor
from dasp.signal.resample import resample

FFT_SIZES = (256, 1024)
TRAINING_SONGS, UNSEEN_SONGS = range(5), range(100, 102)


def recordings(files: Sequence[str], songs: Sequence[int], sample_rate: int) -> list[Tensor]:
    """Mono recordings: those of the files, or every track of songs that are made from seeds."""
    tracks = []
    for file in files:
        x, rate = load_audio(file)
        tracks.append(resample(x, rate, sample_rate))
    for seed in () if files else songs:
        tracks += synthesise_song(seed, seconds=8.0, sample_rate=sample_rate).values()
    return [channel for track in tracks for channel in track]


class Draw:
    """Everything that is drawn: windows of audio at many levels, and controls."""

    def __init__(self, tracks: list[Tensor], window: int, span: float, seed: int):
        self.tracks = [track for track in tracks if len(track) > window]
        self.window, self.span = window, span
        self.generator = torch.Generator().manual_seed(seed)

    def audio(self, n: int) -> Tensor:
        """Windows `(n, 1, window)` with some noise, that peak between -24 and 0 dB.

        A band that a recording leaves empty says nothing of a filter there: hence the noise.
        """
        windows = []
        for _ in range(n):
            track = self.tracks[self._integer(len(self.tracks))]
            start = self._integer(len(track) - self.window)
            windows.append(track[start : start + self.window])
        x = torch.stack(windows)[:, None]
        x = x / x.abs().amax(-1, keepdim=True).clamp(min=1e-3)
        x = x + 10 ** -(1 + 2 * self._uniform(n, 1, 1)) * self._normal(x.shape)
        return x / x.abs().amax(-1, keepdim=True) * 10 ** (-1.2 * self._uniform(n, 1, 1))

    def controls(self, n: int, processor: Processor) -> Tensor:
        """Uniform in the middle `span` of every range."""
        return 0.5 + self.span * (self._uniform(n, processor.n_controls) - 0.5)

    def changed(self, controls: Tensor, processor: Processor) -> Tensor:
        """The same controls but for about a third of them, which are drawn anew."""
        chosen = self._uniform(*controls.shape) < 0.3
        return torch.where(chosen, self.controls(len(controls), processor), controls)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator)

    def _normal(self, shape: torch.Size) -> Tensor:
        return torch.randn(shape, generator=self.generator)

    def _integer(self, end: int) -> int:
        return torch.randint(end, (), generator=self.generator).item()


def train(
    network: TCN, processor: Processor, draw: Draw, *, steps: int, batch: int, rate: float
) -> None:
    """Match the outputs, and what a change of the controls does to them.

    The second half is what makes a gradient: it compares differences of outputs at two settings
    of one sound, the finite form of W. M. Czarnecki et al., "Sobolev training for neural
    networks", NeurIPS 2017, for which a black box needs no derivative.
    """
    optimiser = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    progress = trange(steps, desc=f"proxy of {processor.name}", mininterval=1.0)
    for _ in progress:
        x, here = draw.audio(batch), draw.controls(batch, processor)
        x, controls = torch.cat([x, x]), torch.cat([here, draw.changed(here, processor)])
        with torch.no_grad():
            y = processor(x, network.sample_rate, **processor.to_physical(controls))
        output = network(x, controls)
        loss = output_loss(output, y) + change_loss(output, y)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        progress.set_postfix(loss=f"{loss.item():.2f}", refresh=False)
    network.requires_grad_(False)


def output_loss(output: Tensor, y: Tensor) -> Tensor:
    """L1 relative to the level of each item, and the logarithms of short-time spectra.

    Neither grows with the ratio of two levels: items that a processor makes very quiet would
    else outshout all others.
    """
    level = (output.detach().square() + y.square()).mean((1, 2), keepdim=True).sqrt()
    spectral = multi_resolution_stft(output, y, fft_sizes=FFT_SIZES, spectral_convergence=0.0)
    return ((output - y) / (level + 1e-4)).abs().mean() + spectral


def change_loss(output: Tensor, y: Tensor) -> Tensor:
    """The error of the change between both halves of a batch, relative to the true change."""
    (here, there), (y_here, y_there) = output.chunk(2), y.chunk(2)
    error = ((here - there) - (y_here - y_there)).square().mean((1, 2))
    size = (y_here - y_there).square().mean((1, 2))
    floor = 1e-6 * y_here.square().mean((1, 2)) + 1e-8
    # Items with hardly a change would outshout the others.
    return at_most((error / (size + floor) + 1e-6).sqrt(), 4.0).mean()


def measure(network: TCN, processor: Processor, draw: Draw, items: int) -> dict[str, float]:
    """The output error in dB, and the cosine of each mode's gradient to the automatic one.

    The gradient is that of a spectral loss by the controls, from one random setting towards the
    sound of another. Values are means over the items, the error the median.
    """
    x, controls = draw.audio(items), draw.controls(items, processor)
    rate = network.sample_rate
    target = processor(x, rate, **processor.to_physical(draw.controls(items, processor)))

    def gradient(mode: str) -> Tensor:
        moved = with_gradient(processor, mode, network=network, generator=draw.generator)
        at = controls.clone().requires_grad_()
        y = moved(x, rate, **moved.to_physical(at))
        loss = multi_resolution_stft(y, target, fft_sizes=FFT_SIZES, reduction="none").sum()
        return torch.autograd.grad(loss, at)[0]

    y = processor(x, rate, **processor.to_physical(controls))
    error = (network(x, controls) - y).square().sum((1, 2)) / y.square().sum((1, 2))
    exact = gradient("autodiff")
    cosines = {
        mode: cosine_similarity(gradient(mode), exact, dim=-1).mean().item()
        for mode in GRADIENTS
        if mode not in ("autodiff", "half_hybrid")  # whose gradients are known from another
    }
    return {"output error (dB)": 10 * error.median().log10().item(), **cosines}


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Train, measure on unseen audio and settings, save."""
    parser = argparse.ArgumentParser(
        prog="python -m dasp.recipes.train_proxy", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--processor", choices=CATALOGUE, default="compressor")
    parser.add_argument("--sample-rate", type=int, default=24_000)
    parser.add_argument("--span", type=float, default=1.0, help="middle part of each range")
    parser.add_argument("--audio", nargs="*", default=(), help="files to train on; else made songs")
    parser.add_argument("--unseen-audio", nargs="*", default=(), help="files to measure on")
    parser.add_argument("--window", type=int, default=8192, help="samples")
    parser.add_argument("--batch", type=int, default=8, help="pairs of settings")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--dilation", type=int, default=8)
    parser.add_argument("--items", type=int, default=128, help="to measure on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="where the proxy goes, .safetensors")
    given = parser.parse_args(arguments)

    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    rate, processor = given.sample_rate, CATALOGUE[given.processor]
    network = TCN(processor.n_controls, rate, width=given.width, dilation=given.dilation)
    seen = recordings(given.audio, TRAINING_SONGS, rate)
    unseen = recordings(given.unseen_audio, UNSEEN_SONGS, rate)
    began = time.process_time()
    train(
        network,
        processor,
        Draw(seen, given.window, given.span, given.seed),
        steps=given.steps,
        batch=given.batch,
        rate=given.learning_rate,
    )
    results = {"CPU time (s)": time.process_time() - began}
    results |= measure(
        network, processor, Draw(unseen, given.window, given.span, given.seed + 1), given.items
    )
    for name, value in results.items():
        print(f"{name:20} {value:8.2f}")
    if given.output:
        save_proxy(given.output, network, processor)
    return results


if __name__ == "__main__":
    main()
