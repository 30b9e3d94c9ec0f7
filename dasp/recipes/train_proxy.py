"""Train a network to imitate a processor, and measure how far its gradient can be followed.

On songs and settings that were not trained on, the mean cosine to the automatic gradient, of the
network's gradient behind the processor's own output (`full_hybrid`) and of the network alone:

    compressor, 8 controls                        0.57, 0.44
    parametric EQ, 18 controls, middle half       0.55, 0.54

`docs/gradients.md` has the commands; a run takes minutes of one core.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from dasp._checks import check_choice, check_range
from dasp.grad import GRADIENTS, TCN, save_proxy, with_gradient
from dasp.losses import multi_resolution_stft
from dasp.processors import CATALOGUE, Processor
from dasp.songs.choice import chosen_songs
from dasp.songs.multitrack import load_tracks
from dasp.training import Task, Training
from dasp.training.command import program
from dasp.training.imitation import FFT_SIZES, TRAINING, Pairs, imitation

__all__ = ["Config", "build"]

TRAINING_SONGS, UNSEEN_SONGS = range(5), range(100, 102)


@dataclass(frozen=True)
class Config:
    """What is imitated, by how large a network, and what it hears."""

    processor: str = "compressor"
    sample_rate: int = 24_000
    span: float = 1.0
    """Middle part of each range."""
    data: str = ""
    """A data set to train and measure on, `NAME:FOLDER`; made songs where none is named."""
    audio: tuple[str, ...] = ()
    """Files to train on."""
    unseen_audio: tuple[str, ...] = ()
    """Files to measure on."""
    window: int = 8192
    """Samples."""
    width: int = 16
    dilation: int = 8
    items: int = 128
    """Sounds to measure on."""
    training: Training = TRAINING

    def __post_init__(self):
        check_choice("processor", self.processor, CATALOGUE)
        check_range("items", self.items, low=1)


def build(config: Config) -> Task:
    """The recordings, and a network that changes nothing yet."""
    processor, rate = CATALOGUE[config.processor], config.sample_rate
    network = TCN(processor.n_controls, rate, width=config.width, dilation=config.dilation)

    def draw(files: Sequence[str], seeds: Sequence[int], unseen: bool) -> Pairs:
        songs = [load_tracks([file], [file], rate) for file in files] or chosen_songs(
            config.data, seeds, sample_rate=rate, unseen=unseen
        )
        return Pairs(songs, config.window, processor.n_controls, config.span)

    task = imitation(network, processor, draw(config.audio, TRAINING_SONGS, unseen=False))

    def measure(network: TCN) -> dict[str, dict[str, float]]:
        other = draw(config.unseen_audio, UNSEEN_SONGS, unseen=True)
        generator = torch.Generator().manual_seed(config.training.seed + 1)
        return {processor.name: measured(network, processor, other, config.items, generator)}

    def save(path: Path, network: TCN) -> None:
        save_proxy(path, network, processor)

    return replace(task, measure=measure, save=save)


def measured(
    network: TCN, processor: Processor, draw: Pairs, items: int, generator: torch.Generator
) -> dict[str, float]:
    """The output error in dB, and the cosine of each mode's gradient to the automatic one.

    The gradient is that of a spectral loss by the controls, from one random setting towards the
    sound of another. Values are means over the items, the error the median.
    """
    x = torch.stack([draw.sound(generator) for _ in range(items)])
    controls, others = (
        torch.stack([draw.controls(generator) for _ in range(items)]) for _ in range(2)
    )
    rate = network.sample_rate
    target = processor(x, rate, **processor.to_physical(others))

    def gradient(mode: str) -> Tensor:
        moved = with_gradient(processor, mode, network=network, generator=generator)
        at = controls.clone().requires_grad_()
        y = moved(x, rate, **moved.to_physical(at))
        loss = multi_resolution_stft(y, target, fft_sizes=FFT_SIZES, reduction="none").sum()
        return torch.autograd.grad(loss, at)[0]

    y = processor(x, rate, **processor.to_physical(controls))
    with torch.no_grad():
        error = (network(x, controls) - y).square().sum((1, 2)) / y.square().sum((1, 2))
    exact = gradient("autodiff")
    cosines = {
        mode: cosine_similarity(gradient(mode), exact, dim=-1).mean().item()
        for mode in GRADIENTS
        if mode not in ("autodiff", "half_hybrid")  # whose gradients are known from another
    }
    return {"output error (dB)": 10 * error.median().log10().item(), **cosines}


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
