"""A match: a mix before, its reference, and the mix after."""

from typing import TYPE_CHECKING

from dasp.analysis.spectral import octave_centres_hz
from dasp.estimation.matching import Match
from dasp.pictures.figure import BLUE, GREY, ORANGE, frequency_axis, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {
    "mix": {"color": GREY, "linestyle": "--", "label": "before"},
    "reference": {"color": ORANGE, "label": "reference"},
    "match": {"color": BLUE, "label": "after"},
}


def draw_match(found: Match) -> "Figure":
    """Draw how a mix comes to a reference.

    Args:
        found: The match.

    Returns:
        A figure with four panels: third-octave levels at one loudness, the side in octaves,
        dynamics, and loudness with crest factor.

    Raises:
        ValueError: If matplotlib is not installed.

    >>> import torch
    >>> from dasp.estimation import match
    >>> mix = 0.1 * torch.randn(2, 22_050)
    >>> len(draw_match(match(mix, 22_050, mix, dynamics="none")).axes)
    4
    """
    figure = new_figure(10.0, 7.0)
    spectrum, width, dynamics, level = figure.subplots(2, 2).flat
    for name, look in LOOKS.items():
        style = found.styles[name]
        spectrum.plot(octave_centres_hz(3), style["spectrum"], **look)
        width.plot(octave_centres_hz(1), style["width"], **look)
    for axes, title in ((spectrum, "spectrum at one loudness"), (width, "side over mid")):
        frequency_axis(axes)
        axes.set_ylabel("level (dB)")
        tidy(axes, title)
    spectrum.legend(frameon=False, fontsize=8)
    bands = ("all", "low", "mid", "high")
    _bars(
        dynamics, [f"{kind} {band}" for kind in ("mean", "loud") for band in bands],
        {name: found.styles[name]["dynamics"].tolist() for name in LOOKS},
    )  # fmt: skip
    tidy(dynamics, "over the mean level, over the mean power (dB)")
    dynamics.tick_params(axis="x", rotation=45)
    _bars(
        level, ["loudness (LUFS)", "crest factor (dB)"],
        {
            name: [found.styles[name][group].item() for group in ("loudness", "crest")]
            for name in LOOKS
        },
    )  # fmt: skip
    tidy(level, "loudness and peaks, where it is loudest")
    return figure


def _bars(axes: "Axes", names: list[str], values: dict[str, list[float]]) -> None:
    """Groups of three bars."""
    for i, (name, heights) in enumerate(values.items()):
        places = [place + 0.27 * (i - 1) for place in range(len(heights))]
        axes.bar(places, heights, 0.25, color=LOOKS[name]["color"])
    axes.set_xticks(range(len(names)), names)
