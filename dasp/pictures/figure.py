"""What the pictures share: a figure, its colours, a quiet style, and axes that people know."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, LIGHT, INK = "#1f5a92", "#d9772b", "#6b7280", "#e5e7eb", "#1f2937"

PITCHES_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


def new_figure(width: float, height: float) -> "Figure":
    """A figure of that size in inches, which needs no screen and is no part of pyplot's state."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "pictures need matplotlib, which is not installed: pip install 'dasp-audio[plot]'"
        ) from error
    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def tidy(axes: "Axes", title: str = "") -> None:
    """A light grid behind the curves, no frame, and a title on the left."""
    axes.grid(color=LIGHT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=9, color=GREY, labelcolor=INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(fontsize=9, color=INK)
    if title:
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)


def frequency_axis(
    axes: "Axes", low_hz: float = 20.0, high_hz: float = 20_000.0, pitches_hz: Sequence = PITCHES_HZ
) -> None:
    """Frequencies in equal steps of pitch along x, with the numbers that people know."""
    axes.set_xscale("log")
    axes.set_xlim(low_hz, high_hz)
    shown = [f for f in pitches_hz if low_hz <= f <= high_hz]
    axes.set_xticks(shown, [in_short(f) for f in shown])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("frequency (Hz)")


def in_short(freq_hz: float) -> str:
    """A frequency in a few letters: 200, 1k, 10k."""
    return f"{freq_hz:g}" if freq_hz < 1000 else f"{freq_hz / 1000:g}k"
