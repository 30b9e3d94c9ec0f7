"""Dynamics along time: the levels before and behind a stage, and its gain reduction."""

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_audio
from dasp.pictures.chain import stages_of
from dasp.pictures.figure import BLUE, GREY, ORANGE, new_figure, tidy
from dasp.processors import Processor
from dasp.processors.gain_reduction import GAIN_REDUCTION, gain_reduction
from dasp.processors.stage import Stage
from dasp.units import gain_to_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOMENTS = 1200
"""Points along time at most, each with the highest level or gain reduction of its stretch."""

QUIETEST_DB = -72.0


def draw_gain_reduction(
    processor: Processor, x: Tensor, sample_rate: float, **settings: Any
) -> "Figure":
    """Draw the levels and the gain reduction of each dynamics stage of a chain along time.

    These are compressors, de-essers, expanders, limiters and noise gates. A stage hears what the
    stages before it make of `x`; its panels have the peak level of the loudest channel before it
    and behind it, and the gain reduction from 0 dB downwards.

    Args:
        processor: A dynamics processor, or a chain with at least one.
        x: Audio `(channels, time)`.
        sample_rate: In Hz.
        **settings: Values by keyword; those that are left out have their declared defaults.

    Returns:
        A figure with two panels for each dynamics stage.

    Raises:
        ValueError: If `x` has no samples, no stage is a dynamics processor, or matplotlib is not
            installed.

    >>> from dasp.processors.catalogue import COMPRESSOR
    >>> x = torch.randn(1, 8000)
    >>> figure = draw_gain_reduction(COMPRESSOR, x, 8000, threshold_db=-30.0)
    >>> figure.axes[1].get_ylabel()
    'reduction (dB)'
    """
    check_audio(x)
    if x.ndim != 2 or x.numel() == 0:
        raise ValueError(f"x: expected audio (channels, time), got shape {tuple(x.shape)}")
    x, drawn = x.detach().cpu(), []
    with torch.inference_mode():
        for name, stage in stages_of(Stage(processor, settings)):
            y = stage.run(x, sample_rate)
            if stage.processor.name in GAIN_REDUCTION and stage.on is True:
                drawn.append((name, x, y, gain_reduction(stage, x, sample_rate)))
            x = y
    if not drawn:
        raise ValueError(
            f"processor: expected a dynamics stage ({', '.join(GAIN_REDUCTION)}), "
            f"got {processor.name} without one"
        )
    figure = new_figure(9.0, 3.6 * len(drawn))
    panels = figure.subplots(2 * len(drawn), 1, sharex=True, height_ratios=[2, 1] * len(drawn))
    for place, (name, before, behind, reduction_db) in enumerate(drawn):
        levels, reduction = panels[2 * place], panels[2 * place + 1]
        _draw_levels(levels, before, behind, sample_rate)
        _draw_reduction(reduction, reduction_db, sample_rate)
        tidy(levels, f"{name}: up to {reduction_db.max().item():.1f} dB")
        tidy(reduction)
    panels[-1].set_xlim(0, drawn[0][1].shape[-1] / sample_rate)
    panels[-1].set_xlabel("time (s)")
    return figure


def highest(curve: Tensor, sample_rate: float) -> tuple[Tensor, Tensor]:
    """Times in s, and the highest value of all rows `(rows, time)` in the stretch around each."""
    loudest = curve.amax(0)
    size = math.ceil(loudest.shape[-1] / MOMENTS)
    short = -loudest.shape[-1] % size
    stretches = nnf.pad(loudest, (0, short), value=-math.inf).unflatten(0, (-1, size))
    return (torch.arange(len(stretches)) + 0.5) * (size / sample_rate), stretches.amax(-1)


def _draw_levels(axes: "Axes", before: Tensor, behind: Tensor, sample_rate: float) -> None:
    (time_s, before_db), (_, behind_db) = (
        highest(gain_to_db(signal), sample_rate) for signal in (before, behind)
    )
    axes.fill_between(
        time_s, QUIETEST_DB, before_db, color=GREY, alpha=0.3, linewidth=0, label="input"
    )
    axes.plot(time_s, behind_db, color=BLUE, linewidth=1.1, label="output")
    top = max(0.0, before_db.max().item(), behind_db.max().item())
    axes.set_ylim(QUIETEST_DB, top + 3)
    axes.set_ylabel("peak level (dB)")
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="lower right")


def _draw_reduction(axes: "Axes", reduction_db: Tensor, sample_rate: float) -> None:
    time_s, reduction = highest(reduction_db, sample_rate)
    axes.fill_between(time_s, 0, -reduction, color=ORANGE, alpha=0.35, linewidth=0)
    axes.plot(time_s, -reduction, color=ORANGE, linewidth=1.1)
    axes.set_ylim(-max(6.0, 1.15 * reduction.max().item()), 0)
    axes.set_ylabel("reduction (dB)")
