"""An unmixed song as a picture: the mix, its reconstruction, and what is left."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dasp.pictures.figure import BLUE, GREY, ORANGE, frequency_axis, new_figure, tidy
from dasp.signal.stft import frames
from dasp.units import power_to_db

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL_S = 0.05
QUIETEST_DB = -90.0


def draw_unmix(mix: Tensor, output: Tensor, sample_rate: float) -> "Figure":
    """Draw a mix, its reconstruction, and what the reconstruction leaves.

    Args:
        mix: Audio `(channels, time)`.
        output: What `dasp.render` makes of the settings that `dasp.unmix` has found, of the shape
            of `mix`.
        sample_rate: In Hz.

    Returns:
        A figure: above, spectra by third octaves; below, levels over time.

    Raises:
        ValueError: If matplotlib is not installed.

    >>> x = torch.randn(2, 8000)
    >>> len(draw_unmix(x, 0.9 * x, 8000).axes)
    2
    """
    mix, output = mix.detach().cpu(), output.detach().cpu()
    figure = new_figure(9.0, 6.5)
    spectra, levels = figure.subplots(2, 1)
    rows = (
        ("mix", mix, {"color": GREY, "alpha": 0.45, "linewidth": 4.5}),
        ("reconstruction", output, {"color": BLUE, "linewidth": 1.4}),
        ("rest", mix - output, {"color": ORANGE, "linewidth": 1.4}),
    )
    for name, signal, style in rows:
        spectra.plot(*_third_octaves(signal, sample_rate), label=name, **style)
        levels.plot(*_levels(signal, sample_rate), **style)
    frequency_axis(spectra, 25.0, min(20_000.0, sample_rate / 2))
    spectra.set_ylabel("level (dB)")
    spectra.legend(frameon=False, fontsize=9)
    levels.set(xlabel="time (s)", ylabel="level (dB)", xlim=(0, mix.shape[-1] / sample_rate))
    levels.set_ylim(bottom=QUIETEST_DB)
    tidy(spectra, "spectrum by third octaves")
    tidy(levels, "level over time")
    return figure


def _levels(signal: Tensor, sample_rate: float) -> tuple[Tensor, Tensor]:
    """Times in seconds, and the level of each block in dB."""
    block = max(1, round(LEVEL_S * sample_rate))
    power = frames(signal.square().mean(0), block, block).mean(-1)
    time_s = (torch.arange(len(power)) + 0.5) * (block / sample_rate)
    return time_s, power_to_db(power).clamp(min=QUIETEST_DB)


def _third_octaves(signal: Tensor, sample_rate: float) -> tuple[Tensor, Tensor]:
    """Centre frequencies in Hz, and the level of each band in dB."""
    power = torch.fft.rfft(signal).abs().square().mean(0) / signal.shape[-1] ** 2
    freq_hz = torch.linspace(0, sample_rate / 2, len(power))
    centres = 31.25 * 2 ** (torch.arange(0, 28) / 3)
    centres = centres[centres < 0.45 * sample_rate]
    edges = [torch.searchsorted(freq_hz, centres * 2 ** (side / 6)) for side in (-1, 1)]
    sums = [power[a:b].sum() for a, b in zip(*edges, strict=True)]
    return centres, power_to_db(torch.stack(sums))
