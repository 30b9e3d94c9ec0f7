"""The statistics of a listening test: which mixes people prefer, and how sure that is.

Ratings are first tested for normality (Shapiro and Wilk). They rarely are normal, so that all
mixes are compared by ranks (Kruskal and Wallis), then each pair (Mann and Whitney), with p-values
multiplied by the number of pairs (Bonferroni). The layout is that of M. A. Martínez Ramírez,
D. Stoller and D. Moffat, "A deep learning approach to intelligent drum mixing with the
Wave-U-Net", JAES 69, 2021, tables 3 and 4.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.stats

from dasp._texts import decoded

STARS = ((1e-4, "***"), (1e-3, "**"), (1e-2, "*"))
"""What the table of pairs shows for a corrected p under each of these."""


class Normality(NamedTuple):
    """The result of Shapiro and Wilk's test.

    Args:
        w: The statistic W.
        p: The p value; a small one says that the ratings are not normal.
    """

    w: float
    p: float


class Pair(NamedTuple):
    """The comparison of two mixes.

    Args:
        first: Name of the first mix.
        second: Name of the second mix.
        u: Mann and Whitney's U.
        p: The p value, corrected by Bonferroni, at most 1.
        effect: Rank-biserial correlation in [-1, 1]: the share of pairs of ratings in which the
            first is higher, less the share in which it is lower.
    """

    first: str
    second: str
    u: float
    p: float
    effect: float


@dataclass(frozen=True)
class Report:
    """The statistics of a listening test.

    Args:
        counts: Number of ratings of each mix.
        medians: Median rating of each mix.
        normality: Shapiro and Wilk's test of each mix.
        h: Kruskal and Wallis's H.
        p: The p value of H.
        pairs: The comparison of each two mixes.
    """

    counts: dict[str, int]
    medians: dict[str, float]
    normality: dict[str, Normality]
    h: float
    p: float
    pairs: tuple[Pair, ...]

    def pair(self, first: str, second: str) -> Pair:
        """Return the comparison of two mixes.

        Args:
            first: Name of one mix.
            second: Name of the other mix.

        Returns:
            The comparison, in the order in which it was made.
        """
        return next(pair for pair in self.pairs if {pair.first, pair.second} == {first, second})


def report(ratings: Mapping[str, Sequence[float]]) -> Report:
    """Compute the statistics of a listening test.

    Args:
        ratings: Ratings of each mix by its name; two mixes or more, three ratings or more each.

    Returns:
        Counts, medians, tests of normality, and comparisons.

    Raises:
        ValueError: If there are too few mixes or ratings, or a rating is not finite.

    >>> ratings = {"ours": [0.7, 0.8, 0.9], "anchor": [0.1, 0.0, 0.2]}
    >>> report(ratings).pairs[0].effect
    1.0
    """
    groups = {name: np.asarray(values, dtype=float) for name, values in ratings.items()}
    if len(groups) < 2:
        raise ValueError(f"ratings: expected at least two mixes, got {len(groups)}")
    for name, values in groups.items():
        if len(values) < 3 or not np.isfinite(values).all():
            raise ValueError(f"ratings: expected three numbers or more for {name!r}")
    h, p = scipy.stats.kruskal(*groups.values())
    return Report(
        counts={name: len(values) for name, values in groups.items()},
        medians={name: float(np.median(values)) for name, values in groups.items()},
        normality={
            name: Normality(*map(float, scipy.stats.shapiro(values)))
            for name, values in groups.items()
        },
        h=float(h),
        p=float(p),
        pairs=_pairs(groups),
    )


def _pairs(groups: Mapping[str, np.ndarray]) -> tuple[Pair, ...]:
    names = list(combinations(groups, 2))

    def compare(first: str, second: str) -> Pair:
        a, b = groups[first], groups[second]
        u, p = scipy.stats.mannwhitneyu(a, b, alternative="two-sided")
        effect = 2 * u / (len(a) * len(b)) - 1
        return Pair(first, second, float(u), min(1.0, float(p) * len(names)), float(effect))

    return tuple(compare(*pair) for pair in names)


def load_ratings(path: str | Path) -> dict[str, list[float]]:
    """Read the ratings of a listening test from a CSV file.

    The file has either the columns `mix` and `rating`, with one rating a row (other columns, such
    as the participant and the song, are ignored), or one column a mix. Empty cells are ignored.

    Args:
        path: The file.

    Returns:
        Ratings of each mix by its name.

    Raises:
        ValueError: If a rating is no number; the message names the line.
    """
    with io.StringIO(decoded(Path(path).read_bytes()), newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        long = {"mix", "rating"} <= set(columns)
        ratings: dict[str, list[float]] = {} if long else {name: [] for name in columns}
        for row in reader:
            cells = [(row["mix"], row["rating"])] if long else [(c, row[c]) for c in columns]
            for name, cell in cells:
                if cell and cell.strip():
                    place = f"{path}: line {reader.line_num}"
                    ratings.setdefault(name, []).append(_number(cell, place))
    return ratings


def _number(cell: str, place: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{place}: expected a number, got {cell!r}") from None


def normality_table(result: Report) -> str:
    """Format Shapiro and Wilk's test of each mix in Markdown.

    Args:
        result: The statistics.

    Returns:
        A table.
    """
    names = list(result.normality)
    rows = [
        ["W", *(f"{result.normality[name].w:.3f}" for name in names)],
        ["p", *(f"{result.normality[name].p:.2e}" for name in names)],
    ]
    return _markdown(["Shapiro-Wilk", *names], rows)


def pairs_table(result: Report) -> str:
    """Format the comparison of each two mixes in Markdown, with the effect size.

    Args:
        result: The statistics.

    Returns:
        A table: *** p < .0001, ** p < .001, * p < .01, o no difference.
    """
    names = list(result.counts)

    def cell(first: str, second: str) -> str:
        if first == second:
            return "."
        pair = result.pair(first, second)
        effect = pair.effect if pair.first == first else -pair.effect
        return f"{stars(pair.p)} ({effect:+.2f})"

    rows = [[first, *(cell(first, second) for second in names)] for first in names]
    return _markdown(["", *names], rows)


def stars(p: float) -> str:
    """Format the significance of a difference.

    Args:
        p: The corrected p value.

    Returns:
        "***", "**", "*" or "o".

    >>> [stars(p) for p in (1e-9, 5e-4, 0.009, 0.02)]
    ['***', '**', '*', 'o']
    """
    return next((mark for limit, mark in STARS if p < limit), "o")


def save_violins(
    path: str | Path, ratings: Mapping[str, Sequence[float]], *, ylabel: str = "rating"
) -> None:
    """Draw the distribution of each mix's ratings, with medians and quartiles.

    Args:
        path: The new picture, whose ending decides on the format.
        ratings: Ratings of each mix by its name.
        ylabel: Label of the axis of ratings.

    Raises:
        ImportError: If matplotlib is missing: `pip install "dasp-audio[plot]"`.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('a picture needs matplotlib: pip install "dasp-audio[plot]"') from error
    figure = Figure(figsize=(1.1 * len(ratings) + 1.5, 4), layout="constrained")
    axes = figure.subplots()
    values = [np.asarray(v, dtype=float) for v in ratings.values()]
    axes.violinplot(values, showmedians=True, quantiles=[[0.25, 0.75]] * len(values))
    axes.set_xticks(range(1, len(values) + 1), list(ratings), rotation=30, ha="right")
    axes.set_ylabel(ylabel)
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
