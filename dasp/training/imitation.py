"""What a network is trained on that is to imitate a processor, so that its gradient can be used.

It matches the outputs, and what a change of the controls does to them. The second half is what
makes a gradient: it compares differences of outputs at two settings of one sound, for which a black
box needs no derivative.

Source: W. M. Czarnecki et al., "Sobolev training for neural networks", NeurIPS 2017, in finite
differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._bounds import at_most
from dasp._checks import check_range
from dasp.grad import TCN
from dasp.losses import multi_resolution_stft
from dasp.processors import Processor
from dasp.songs.multitrack import Multitrack
from dasp.training.loop import Training
from dasp.training.schedule import Schedule
from dasp.training.task import Task

FFT_SIZES = (256, 1024)

CHANGED = 0.3
"""The share of the controls that differ between the two settings of a sound."""

TRAINING = Training(
    steps=500,
    batch_size=8,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    clip_norm=1.0,
)


class Pair(NamedTuple):
    """One sound, and two settings of a processor for it.

    Args:
        x: Audio `(*batch, 1, time)`.
        here: Controls `(*batch, n_controls)`.
        there: The same but for some of them.
    """

    x: Tensor
    here: Tensor
    there: Tensor


@dataclass(frozen=True)
class Pairs:
    """Draw sounds at many levels, and settings.

    Args:
        songs: Where the sounds come from: a channel of a track of one of them.
        window: Length of a sound in samples.
        n_controls: How many controls the processor has.
        span: The middle part of each range from which controls are drawn, up to 1.

    Raises:
        ValueError: If no recording is as long as the window, or `span` is no share.
    """

    songs: Sequence[Multitrack]
    window: int
    n_controls: int
    span: float = 1.0

    def __post_init__(self):
        longest = max((song.frames for song in self.songs), default=0)
        check_range("window", self.window, low=1, high=longest, because="the longest recording")
        check_range("span", self.span, above=0.0, high=1.0)

    def __call__(self, generator: torch.Generator) -> Pair:
        """Draw a sound and two settings.

        Args:
            generator: Decides on all of it.

        Returns:
            The sound and its settings, without an axis of the batch.
        """
        x, here = self.sound(generator), self.controls(generator)
        chosen = torch.rand(here.shape, generator=generator) < CHANGED
        return Pair(x, here, torch.where(chosen, self.controls(generator), here))

    def sound(self, generator: torch.Generator) -> Tensor:
        """Draw a window with some noise, that peaks between -24 and 0 dB.

        A band that a recording leaves empty says nothing of a filter there: hence the noise.

        Args:
            generator: Decides on the place, the noise and the level.

        Returns:
            Audio `(1, window)`.
        """
        x = self._window(generator)
        x = x / x.abs().max().clamp(min=1e-3)
        uniform, normal = (
            draw(shape, generator=generator)
            for draw, shape in ((torch.rand, (2,)), (torch.randn, x.shape))
        )
        x = x + 10 ** -(1 + 2 * uniform[0]) * normal
        return x / x.abs().max() * 10 ** (-1.2 * uniform[1])

    def controls(self, generator: torch.Generator) -> Tensor:
        """Draw controls in the middle `span` of every range.

        Args:
            generator: Decides on them.

        Returns:
            Controls `(n_controls,)`.
        """
        return 0.5 + self.span * (torch.rand(self.n_controls, generator=generator) - 0.5)

    def _window(self, generator: torch.Generator) -> Tensor:
        """A part of a track that is long enough."""
        fit = [song for song in self.songs if song.frames >= self.window]
        song = fit[int(torch.randint(len(fit), (), generator=generator))]
        one = song.recordings[int(torch.randint(len(song.recordings), (), generator=generator))]
        start = int(torch.randint(song.frames - self.window + 1, (), generator=generator))
        track = replace(song, recordings=(one,)).excerpt(start, self.window)[0]
        channel = int(torch.randint(len(track), (), generator=generator))
        return track[channel : channel + 1]


def imitation(network: TCN, processor: Processor, draw: Pairs) -> Task:
    """Set a network to imitate a processor.

    Args:
        network: Is trained, at its own sample rate.
        processor: What it imitates, at the default options.
        draw: Sounds at that rate, and settings.

    Returns:
        The task, for `dasp.training.train`.
    """

    def loss(model: TCN, batch: Pair) -> Tensor:
        x, controls = torch.cat([batch.x, batch.x]), torch.cat([batch.here, batch.there])
        with torch.no_grad():
            y = processor(x, network.sample_rate, **processor.to_physical(controls))
        output = model(x, controls)
        return output_loss(output, y) + change_loss(output, y)

    return Task(network, loss, draw)


def output_loss(output: Tensor, y: Tensor) -> Tensor:
    """Compare outputs: L1 relative to the level of each item, and log short-time spectra.

    Neither grows with the ratio of two levels: items that a processor makes very quiet would
    else outshout all others.

    Args:
        output: Audio of the network, `(batch, 1, time)`.
        y: Audio of the processor.

    Returns:
        The mean over the batch, `()`.
    """
    level = (output.detach().square() + y.square()).mean((1, 2), keepdim=True).sqrt()
    spectral = multi_resolution_stft(output, y, fft_sizes=FFT_SIZES, spectral_convergence=0.0)
    return ((output - y) / (level + 1e-4)).abs().mean() + spectral


def change_loss(output: Tensor, y: Tensor) -> Tensor:
    """Compare the change between both halves of a batch, relative to the true change.

    Args:
        output: Audio of the network, `(2 * pairs, 1, time)`.
        y: Audio of the processor.

    Returns:
        The mean over the pairs, `()`.
    """
    (here, there), (y_here, y_there) = output.chunk(2), y.chunk(2)
    error = ((here - there) - (y_here - y_there)).square().mean((1, 2))
    size = (y_here - y_there).square().mean((1, 2))
    floor = 1e-6 * y_here.square().mean((1, 2)) + 1e-8
    # Items with hardly a change would outshout the others.
    return at_most((error / (size + floor) + 1e-6).sqrt(), 4.0).mean()
