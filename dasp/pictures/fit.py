"""A fit as a picture: spectra, the gain over time, and what is left unexplained."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dasp.functional.time_shift import time_shift
from dasp.pictures.chain import magnitudes, response_of, stages_of
from dasp.pictures.figure import BLUE, GREY, ORANGE, frequency_axis, new_figure, tidy
from dasp.processors.response import is_linear
from dasp.processors.stage import Stage
from dasp.signal.stft import frames, stft
from dasp.units import gain_to_db, power_to_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dasp.estimation.fitting import Fit

LEVEL_S = 0.05
QUIETEST_DB = -100.0
LOWEST_HZ = 50.0
FFT_SIZE, MOST_FRAMES = 2048, 800

RECORDED: dict[str, Any] = {"color": GREY, "alpha": 0.45, "linewidth": 4.5, "label": "recorded"}
FITTED: dict[str, Any] = {"color": ORANGE, "linewidth": 1.3, "label": "fitted"}
"""A broad line and a thin one over it, so that both are seen where they agree."""


def draw_fit(found: "Fit", dry: Tensor, processed: Tensor, sample_rate: int) -> "Figure":
    """Draw how near the settings that `fit` has found come to the recording.

    Args:
        found: What `fit` returns.
        dry: Audio `(channels, time)`.
        processed: The recording that was fitted, of the shape of `dry`.
        sample_rate: A whole number of Hz.

    Returns:
        A figure with three panels: output over input for each frequency, and over time; and the
        spectrogram of what is left.

    Raises:
        ValueError: If matplotlib is not installed.

    >>> from dasp.estimation import fit
    >>> from dasp.processors.catalogue import GAIN
    >>> dry = torch.randn(1, 8000)
    >>> figure = draw_fit(fit(dry, 0.5 * dry, 8000, GAIN, rounds=1), dry, 0.5 * dry, 8000)
    >>> figure.axes[1].get_ylabel()
    'gain (dB)'
    """
    dry, processed = dry.detach().cpu(), processed.detach().cpu()
    with torch.inference_mode():
        moved = time_shift(dry, sample_rate, delay_samples=found.lag_samples)
        output = found.processor(moved, sample_rate, **found.settings)
        figure = new_figure(9.0, 9.0)
        response, gain, residual = figure.subplots(3, 1)
        _draw_response(response, dry, processed, output, sample_rate, found)
        _draw_gain(gain, moved, processed, output, sample_rate)
        _draw_residual(residual, processed - output, processed, sample_rate, figure)
    return figure


def _draw_response(
    axes: "Axes", dry: Tensor, processed: Tensor, output: Tensor, sample_rate: int, found: "Fit"
) -> None:
    """What became of each frequency, and the response of the linear stages alone."""
    freq_hz, before = magnitudes(dry.mean(0, keepdim=True), sample_rate)
    for x, style in ((processed, RECORDED), (output, FITTED)):
        ratio = magnitudes(x.mean(0, keepdim=True), sample_rate)[1] - before
        axes.plot(freq_hz, ratio[0], **style)
    chain = Stage(found.processor, found.settings)
    stages = [
        stage
        for _, stage in stages_of(chain)
        if is_linear(stage.processor, sample_rate, **stage.settings)
    ]
    if stages:
        levels = [magnitudes(response_of(s, sample_rate)[:1], sample_rate)[1] for s in stages]
        total = torch.stack(levels).sum(0)
        axes.plot(freq_hz, total[0], color=BLUE, linewidth=2, label="linear stages")
    frequency_axis(axes)
    axes.set_ylabel("gain (dB)")
    axes.legend(frameon=False, fontsize=8)
    tidy(axes, "output over input")


def _draw_gain(
    axes: "Axes", dry: Tensor, processed: Tensor, output: Tensor, sample_rate: int
) -> None:
    """Level of the output over that of the input, twenty times a second."""
    before, *after = (_levels(x, sample_rate) for x in (dry, processed, output))
    time_s = (torch.arange(len(before)) + 0.5) * LEVEL_S
    heard = before > before.max() - 60
    for level, style in zip(after, (RECORDED, FITTED), strict=True):
        axes.plot(time_s, torch.where(heard, level - before, torch.nan), **style)
    axes.set_xlim(0, dry.shape[-1] / sample_rate)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("gain (dB)")
    axes.legend(frameon=False, fontsize=8)
    tidy(axes, "gain over time")


def _levels(x: Tensor, sample_rate: int) -> Tensor:
    size = round(LEVEL_S * sample_rate)
    return power_to_db(frames(x.square().mean(0), size, size).mean(-1))


def _draw_residual(
    axes: "Axes", error: Tensor, processed: Tensor, sample_rate: int, figure: "Figure"
) -> None:
    """The spectrogram of the error, in dB under the loudest of the recording."""
    time = error.shape[-1]
    hop = max(FFT_SIZE // 8, time // MOST_FRAMES)
    level, loudest = (gain_to_db(stft(x.mean(0), FFT_SIZE, hop)) for x in (error, processed))
    time_s = torch.arange(level.shape[-1]) * (hop / sample_rate)
    freq_hz = torch.arange(level.shape[-2]) * (sample_rate / FFT_SIZE)
    picture = axes.pcolormesh(
        time_s.numpy(), freq_hz.numpy(), (level - loudest.max()).numpy(),
        cmap="magma", vmin=QUIETEST_DB, vmax=0,
        shading="nearest", rasterized=True,
    )  # fmt: skip
    axes.set_xlim(0, time / sample_rate)
    axes.set_yscale("log")
    axes.set_ylim(LOWEST_HZ, sample_rate / 2)
    axes.set_yticks([100, 1000, 10_000], ["100", "1k", "10k"])
    axes.set_yticks([], minor=True)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("frequency (Hz)")
    figure.colorbar(picture, ax=axes, label="level (dB)")
    tidy(axes, "residual, under the loudest of the recording")
    axes.grid(visible=False)
