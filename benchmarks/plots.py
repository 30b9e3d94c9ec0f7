"""The two pictures: ratios to all peers, and how cost grows."""

from pathlib import Path

from benchmarks.report import ratio, result

SERIES = ("length", "batch", "channels", "sections")


def draw(records: dict[str, dict], folder: Path) -> None:
    """Draw what the records hold into `ratios.png` and `scaling.png`."""
    works = [work for record in records.values() for work in record.get("works", ())]
    if works:
        _save(ratios(works), folder / "ratios.png")
    if "scaling" in records:
        _save(scaling(records["scaling"]["series"]), folder / "scaling.png")


def ratios(works: list[dict]):
    """A bar for each peer in each piece of work: how many times as long as dasp it takes."""
    from matplotlib.figure import Figure

    bars = []
    for work in works:
        own = result(work, "dasp")
        rows = [r for r in work["results"] if r["name"] != "dasp" and r["status"] == "ok"]
        if own["status"] == "ok":
            found = [(r["name"], ratio(own, r, "median_s")) for r in rows]
            bars += [(work["title"], None), *sorted(found, key=lambda bar: -bar[1])]
    figure = Figure(figsize=(8, 0.19 * len(bars) + 0.8), layout="constrained")
    axes = figure.add_subplot()
    for place, (label, value) in enumerate(bars):
        if value is None:
            axes.text(0, place, label, transform=axes.get_yaxis_transform(), fontsize=7,
                      va="center", weight="bold")  # fmt: skip
        else:
            axes.barh(place, value - 1, left=1, color="tab:blue" if value >= 1 else "tab:red")
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks([i for i, bar in enumerate(bars) if bar[1]], [b[0] for b in bars if b[1]])
    axes.set_ylim(len(bars), -1)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("time of the peer / time of dasp")
    return figure


def scaling(series: list[dict]):
    """Time above and memory below, against length, batch, channels and sections."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5.5), layout="constrained")
    grid = figure.subplots(2, len(SERIES), sharex="col", sharey="row")
    for one in series:
        kernel, what = one["name"].rsplit(" / ", 1)
        if what not in SERIES:
            continue
        values = [point["value"] for point in one["points"]]
        column = grid[:, SERIES.index(what)]
        for axes, field, unit in zip(column, ("median_s", "peak_bytes"), (1, 1e6), strict=True):
            heights = [(point[field] or float("nan")) / unit for point in one["points"]]
            axes.loglog(values, heights, marker="o", markersize=3, linewidth=1, label=kernel)
            axes.grid(True, alpha=0.3)
            axes.legend(fontsize=6)
        column[1].set_xlabel(one["unit"], fontsize=8)
        column[0].set_title(what, fontsize=9)
    grid[0, 0].set_ylabel("seconds")
    grid[1, 0].set_ylabel("peak memory, MB")
    return figure


def _save(figure, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})
