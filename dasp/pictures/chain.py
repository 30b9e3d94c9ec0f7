"""A chain as a picture: a frequency response or a level curve for each stage."""

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dasp.functional._processor import is_sidechain
from dasp.pictures.figure import BLUE, GREY, ORANGE, frequency_axis, new_figure, tidy
from dasp.processors import Processor
from dasp.processors.chain import parts_of
from dasp.processors.response import impulse_response, is_linear
from dasp.processors.stage import Stage
from dasp.processors.strip import named
from dasp.units import db_to_gain, power_to_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMPULSE_S = 2.0
"""How long a response may ring."""

INSTANTS_S = (0.0, 0.1, 0.25)
"""When impulses come, to see whether a response moves."""

LEVELS_DB = range(-80, 1, 2)
TONE_HZ, SETTLING_S = 1000.0, 2.0
"""The level curve is that of a square wave, whose level is the same at every sample."""


def draw_chain(processor: Processor, sample_rate: int, **settings: Any) -> "Figure":
    """Draw every stage of a chain: its frequency response, or its level curve.

    A stage that is linear at its settings has a frequency response, one curve for each side where
    they differ, or one for each of three instants where the response moves. Any other has the level
    of a steady tone behind it over the level before it.

    Args:
        processor: The processor, most often a chain.
        sample_rate: A whole number of Hz.
        **settings: Values by keyword; those that are left out have their declared defaults. Side
            chains are not heard.

    Returns:
        A figure with a panel for each stage; where all are linear, with one more for the chain.

    Raises:
        ValueError: If matplotlib is not installed.

    >>> from dasp.processors.catalogue import LOW_PASS
    >>> figure = draw_chain(LOW_PASS, 44_100, freq_hz=1000.0)
    >>> figure.axes[0].get_xlabel()
    'frequency (Hz)'
    """
    heard = {name: value for name, value in settings.items() if not is_sidechain(name)}
    chain = Stage(processor, heard)
    stages = stages_of(chain)
    with torch.inference_mode():
        linear = [is_linear(stage.processor, sample_rate, **stage.settings) for _, stage in stages]
        if len(stages) > 1 and all(linear):
            stages.append(("all of them", chain))
            linear.append(True)
        columns = min(3, len(stages))
        rows = math.ceil(len(stages) / columns)
        figure = new_figure(4.6 * columns, 3.3 * rows)
        for place, (name, stage) in enumerate(stages):
            axes = figure.add_subplot(rows, columns, place + 1)
            panel = _draw_response if linear[place] else _draw_levels
            panel(axes, stage, sample_rate)
            tidy(axes, name)
    return figure


def stages_of(chain: Stage) -> list[tuple[str, Stage]]:
    """The stages of a chain with their names, or one for anything else."""
    if chain.processor.name != "chain":
        return [(chain.processor.name, chain)]
    return named(parts_of(chain)[1])


def magnitudes(response: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Frequencies in Hz, and the magnitudes in dB `(channels, frequencies)` of a response.

    Powers are means over a 24th of an octave, so that what is denser than the page is level.
    """
    power = torch.fft.rfft(response.double()).abs().square()
    bins = torch.arange(power.shape[-1], dtype=torch.float64) * sample_rate / response.shape[-1]
    highest_hz = min(20_000.0, 0.49 * sample_rate)
    freq_hz = torch.logspace(math.log10(20.0), math.log10(highest_hz), 480, dtype=torch.float64)
    edges_hz = torch.stack((freq_hz * 2 ** (-1 / 48), freq_hz * 2 ** (1 / 48)))
    first, last = torch.searchsorted(bins, edges_hz).clamp(max=power.shape[-1])
    first = first.minimum(last - 1)
    total = torch.nn.functional.pad(power.cumsum(-1), (1, 0))
    return freq_hz, power_to_db((total[:, last] - total[:, first]) / (last - first))


def response_of(stage: Stage, sample_rate: int, at_s: float = 0.0) -> Tensor:
    """What comes after an impulse on both channels, `(channels, time)`."""
    return impulse_response(
        stage.processor, sample_rate, IMPULSE_S, channels=2, at_s=at_s, **stage.settings
    )


def measure_levels(stage: Stage, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Input levels in dB, and the levels `(levels,)` at which a steady tone comes out."""
    level_db = torch.tensor(LEVELS_DB, dtype=torch.float32)
    time = torch.arange(round(SETTLING_S * sample_rate))
    square = 1.0 - 2.0 * ((2 * TONE_HZ * time / sample_rate).long() % 2)
    x = db_to_gain(level_db)[:, None, None] * square.expand(2, -1)
    settled = stage.run(x, sample_rate)[..., -sample_rate // 10 :]
    return level_db, power_to_db(settled.square().mean((-2, -1)))


def _draw_response(axes: "Axes", stage: Stage, sample_rate: int) -> None:
    responses = [response_of(stage, sample_rate, at_s) for at_s in INSTANTS_S]
    still = responses[0]
    if not all(still.allclose(response, atol=1e-4) for response in responses):
        paler = ("#b9d1e6", "#6b9cc7", BLUE)
        lines = [
            (f"left, {at_s:g} s", response[:1], colour)
            for at_s, response, colour in zip(INSTANTS_S, responses, paler, strict=True)
        ]
    elif len(still) == 1 or still[0].allclose(still[1], atol=1e-4):
        lines = [("both", still[:1], BLUE)]
    else:
        lines = [("left", still[:1], BLUE), ("right", still[1:], ORANGE)]
    levels = []
    for name, line, colour in lines:
        freq_hz, (level_db,) = magnitudes(line, sample_rate)
        axes.plot(freq_hz, level_db, color=colour, linewidth=1.8, label=name)
        levels.append(level_db)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=9)
    highest = max(level_db.max().item() for level_db in levels)
    lowest = min(level_db.min().item() for level_db in levels)
    axes.set_ylim(min(-12.0, max(lowest, highest - 60) - 3), max(12.0, highest + 3))
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    frequency_axis(axes)
    axes.set_ylabel("gain (dB)")


def _draw_levels(axes: "Axes", stage: Stage, sample_rate: int) -> None:
    level_db, output_db = measure_levels(stage, sample_rate)
    axes.plot(level_db, level_db, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(level_db, output_db, color=BLUE, linewidth=2)
    axes.set_xlim(LEVELS_DB[0], 0)
    axes.set_ylim(LEVELS_DB[0], max(0.0, output_db.max().item() + 3))
    axes.set_xlabel("input level (dB)")
    axes.set_ylabel("output level (dB)")
