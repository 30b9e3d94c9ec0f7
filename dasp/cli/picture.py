"""What all pictures share: a figure, its colours, and a quiet style."""

BLUE, ORANGE, GREY, LIGHT, INK = "#1f5a92", "#d9772b", "#6b7280", "#e5e7eb", "#1f2937"


def new_figure(width: float, height: float):
    """A matplotlib figure, in inches, which needs no screen."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "pictures need matplotlib, which is not installed: pip install 'dasp-audio[plot]'"
        ) from error
    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def tidy(axes) -> None:
    """A light grid behind the curves, and no frame."""
    axes.grid(color=LIGHT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, color=GREY)
