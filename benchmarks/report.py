"""The report on recorded results, as Markdown: targets first, then every table, losses included."""

from dataclasses import dataclass

from benchmarks.common import PEERS
from benchmarks.mixing_time import COMMANDS
from benchmarks.neighbours import MOST
from benchmarks.scaling import LINEAR_FROM_S, SET_BYTES, growth, is_linear

BUSY = 0.7
"""A load above this, before anything was measured, is that of other work on the machine."""


@dataclass(frozen=True)
class Target:
    """How many times better than a peer a piece of work is meant to be."""

    work: str
    peer: str
    ratio: float
    field: str = "median_s"


TARGETS = (
    Target("eq_forward", "dasp-pytorch", 12),
    Target("eq_forward", "SciPy float64", 2.5),
    Target("eq_backward", "dasp-pytorch", 20),
    Target("compressor_forward", "dasp-pytorch", 5),
    Target("compressor_forward", "torchcomp", 2),
    Target("compressor_backward", "dasp-pytorch", 6),
    Target("compressor_backward", "torchcomp", 5),
    Target("reverb_forward", "dasp-pytorch", 100),
    Target("console", "dasp-pytorch", 16),
    Target("console", "dasp-pytorch", 4, "peak_bytes"),
    Target("song", "pedalboard", 1),
)
MOST_GROWTH = 1.10
MOST_ERROR_DB = -100


def render(records: dict[str, dict]) -> str:
    """The whole of RESULTS.md."""
    works = {work["name"]: work for r in records.values() for work in r.get("works", ())}
    series = records.get("scaling", {}).get("series", [])
    machine = next(iter(records.values()))["environment"]
    parts = [
        "# dasp beside its peers",
        "Written by `make bench`; `results/` holds the same numbers as JSON.",
        *_warnings(records),
        "## Targets",
        table(
            ("work", "dasp", "peer", "its cost", "ratio", "target", ""),
            [row for target in TARGETS if (row := target_row(target, works))],
        ),
        *_growth_and_accuracy(works, series),
        *_neighbours(records.get("neighbours", {}).get("neighbours", [])),
        *_mixing_time(records.get("mixing_time", {}).get("commands", [])),
        "## Against the best peer",
        "The quickest other implementation of each piece of work, whether or not it does all of "
        'it (see the tables below). A ratio below 1 is a loss. A peer that is "not the same" does '
        "other work, or less, as its note below says: beside the noise-shaped reverb SciPy has "
        "the response to convolve with, which dasp makes of noise within the same time.",
        table(("work", "dasp", "best peer", "its time", "ratio"), best_peers(works)),
        "![Ratios to all peers](results/ratios.png)",
        "## How it is measured",
        _method(records),
        "## Everything measured",
        *[_work(work, machine) for work in works.values()],
        *_scaling(series, machine["copy_bytes_per_s"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def target_row(target: Target, works: dict[str, dict]) -> tuple[str, ...] | None:
    """One row of the table of targets, or None where the work was not measured."""
    if target.work not in works:
        return None
    work = works[target.work]
    own, other = (result(work, name) for name in ("dasp", target.peer))
    title = work["title"] + (", peak memory" if target.field == "peak_bytes" else "")
    shown = seconds if target.field == "median_s" else megabytes
    achieved = ratio(own, other, target.field)
    verdict = "not measured" if achieved is None else _verdict(achieved >= target.ratio)
    return (
        title,
        shown(own.get(target.field)),
        target.peer,
        shown(other.get(target.field)) if other.get("status") == "ok" else other["status"],
        times(achieved),
        f"{target.ratio:g} x",
        verdict,
    )


def best_peers(works: dict[str, dict]) -> list[tuple[str, ...]]:
    """The rows of the table that sets dasp against the quickest of the others."""
    rows = []
    for work in works.values():
        own = result(work, "dasp")
        others = [r for r in work["results"] if r["name"] != "dasp" and r["status"] == "ok"]
        if others and own["status"] == "ok":
            best = min(others, key=lambda r: r["median_s"])
            name = best["name"] + (" (not the same)" if _different(best) else "")
            cells = (seconds(own["median_s"]), name, seconds(best["median_s"]))
            rows.append((work["title"], *cells, times(ratio(own, best, "median_s"))))
    return rows


def ratio(own: dict, other: dict, field: str) -> float | None:
    """How many times as much the other costs."""
    if not own.get(field) or not other.get(field):
        return None
    return other[field] / own[field]


def result(work: dict, name: str) -> dict:
    """The result of one contender of a piece of work."""
    (found,) = [r for r in work["results"] if r["name"] == name]
    return found


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table, or nothing where it has no rows."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def seconds(value: float | None) -> str:
    """A time in three digits.

    >>> seconds(0.00123), seconds(12.0), seconds(None)
    ('1.23 ms', '12 s', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def megabytes(value: int | None) -> str:
    """A size in millions of bytes.

    >>> megabytes(12_345_678)
    '12 MB'
    """
    return "-" if value is None else f"{value / 1e6:,.0f} MB"


def times(value: float | None) -> str:
    """A ratio in two or three digits.

    >>> times(0.456), times(12.34), times(456.0)
    ('0.46 x', '12.3 x', '456 x')
    """
    if value is None:
        return "-"
    return f"{value:.2f} x" if value < 10 else f"{value:.1f} x" if value < 100 else f"{value:.0f} x"


def _verdict(reached: bool) -> str:
    return "reached" if reached else "**not reached**"


def _different(row: dict) -> bool:
    return row["note"].startswith(("not the same", "less work"))


def _warnings(records: dict[str, dict]) -> list[str]:
    found = []
    if any(record["quick"] for record in records.values()):
        found.append(
            "> **A quick run on small signals: it shows that the harness works, no more.**"
        )
    load = max(record["environment"]["load_before"] for record in records.values())
    if load > BUSY:
        found.append(
            f"> **The machine was busy with other work (load {load:g} before the start): "
            "times are too long and scatter. Measure again on a quiet one.**"
        )
    return found


def _growth_and_accuracy(works: dict[str, dict], series: list[dict]) -> list[str]:
    parts = []
    rows = []
    for one in series:
        if points := linear_part(one):
            fields = ("in_a_set_s", "peak_bytes", "median_s")
            in_a_set, memory, repeated = (growth(points, field) for field in fields)
            shown = (f"{cell:.2f}" for cell in (in_a_set, memory, repeated))
            verdict = _verdict(max(in_a_set, memory) <= MOST_GROWTH)
            rows.append((one["name"], *shown, verdict))
    if rows:
        parts += [
            f"Cost grows with the work, from {LINEAR_FROM_S} s of audio on: the most that a unit "
            f"costs, against the same at the smallest size; the target is {MOST_GROWTH:.2f}. The "
            f"time is that of calls that work through {SET_BYTES / 1e6:.0f} MB of audio or more "
            "and keep their results, so that every call finds its audio as cold as the largest "
            "does; beside it, one call again and again, whose audio stays in the cache if it is "
            "small. The process keeps the memory of results for the next, large ones as well as "
            "small: by itself the C library keeps the small and gives the large back to the "
            "system, where to get it again can take longer than to filter an hour.",
            table(("kernel / what grows", "time", "memory", "time, same audio again", ""), rows),
        ]
    accurate = [
        (
            work["title"],
            f"{own['error_db']:.0f} dB",
            f"{MOST_ERROR_DB} dB",
            _verdict(own["error_db"] <= MOST_ERROR_DB),
        )
        for work in works.values()
        if "error_db" in (own := result(work, "dasp"))
    ]
    if accurate:
        parts += [
            "Error of dasp in float32 against an independent answer in float64, at most:",
            table(("work", "dasp", "target", ""), accurate),
        ]
    return parts


def _neighbours(rows: list[dict]) -> list[str]:
    """What work costs beside other programs."""
    if not rows:
        return []
    return [
        "Processor time of a call, of all threads together, alone and beside a process on each "
        f"core that does nothing but compute; the target is {MOST}. Threads that spin in wait for "
        "each other would show here.",
        table(
            ("work", "alone", "beside others", "ratio", ""),
            [
                (
                    row["name"], seconds(row["alone_s"]), seconds(row["beside_s"]),
                    f"{row['ratio']:.2f}", _verdict(row["ratio"] <= MOST),
                )
                for row in rows
            ],
        ),
    ]  # fmt: skip


def _mixing_time(rows: list[dict]) -> list[str]:
    """What the default mix takes, from start to end of the command."""
    if not rows:
        return []
    told = []
    for row in rows:
        _, goal = COMMANDS[row["name"]]
        reached = row["wall_s"] <= goal.wall_s and row["peak_bytes"] <= goal.peak_bytes
        told.append(
            (
                f"`{row['name']}`", seconds(row["wall_s"]), seconds(row["processor_s"]),
                megabytes(row["peak_bytes"]),
                f"{seconds(goal.wall_s)}, {megabytes(int(goal.peak_bytes))}", _verdict(reached),
            )
        )  # fmt: skip
    return [
        f"The default mix of 24 tracks of {rows[0]['seconds']:g} s at 44.1 kHz, half of them "
        "stereo, file to file with the start of the command, on two threads: wall clock, processor "
        "time of all threads, and the highest resident set.",
        table(("command", "wall", "processor", "peak memory", "target", ""), told),
    ]


def linear_part(one: dict) -> list[dict]:
    """The points of a series of lengths or batches from where its cost is to be linear."""
    return [p for p in one["points"] if is_linear(one["name"], p["value"]) and p["peak_bytes"]]


def _method(records: dict[str, dict]) -> str:
    environments = [record["environment"] for record in records.values()]
    machine = environments[0]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    lines = [
        f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}; copying runs at {machine['copy_bytes_per_s'] / 1e9:.1f} GB/s, "
        f"arithmetic at {machine['peak_operations_per_s'] / 1e9:.0f} billion operations a second "
        "(matrix products in float64).",
        f"- Float32; {machine['threads']} threads for torch and numba. Notes name the exceptions.",
        f"- Versions: {versions}.",
        "- One process; in every round each contender runs once, and every round starts with "
        "the next one. Times are medians after a warm-up, with the quartiles beside them.",
        "- Memory comes as the C library gives it to a user who has set nothing. Fresh pages take "
        "long on a virtual machine, and whether a contender finds any depends on what ran before.",
        "- Error: energy of the difference from an answer in float64 by SciPy or a written-out "
        "loop, over the energy of that answer; in the backward rows, of the input's gradient. "
        "A peer that does not do the same is marked, and its error says how different it is.",
        "- Floor: the time to read every signal that must be read and write every one that must be "
        "written, once, at the speed of copying. Arithmetic alone: the operations that the method "
        "cannot do without, at the speed of matrix products; a recursion waits for itself, and "
        "comes less near.",
        "- Peak memory: the highest resident set of a process of its own, less what it had before.",
        f"- Peers: {', '.join(PEERS)}, SciPy, and torch itself. diffFx-pytorch asks for an older "
        "torchlpc, and for torchaudio, of which no build loads beside this torch. It is installed "
        "without its dependencies, with a stand-in for torchaudio, which its defaults do not use.",
    ]
    if any(
        e["versions"] != machine["versions"] or e["cpu"] != machine["cpu"] for e in environments
    ):
        lines.append("- **Not all parts were measured with these versions on this machine.**")
    return "\n".join(lines)


def _work(work: dict, machine: dict) -> str:
    own = result(work, "dasp")
    memory = any("peak_bytes" in row for row in work["results"])
    head = ("", "median", "quartiles", "ratio to dasp", "error")
    rows = []
    for row in work["results"]:
        if row["status"] != "ok":
            rows.append((row["name"], row["status"], *("-",) * (4 + memory)))
            continue
        low, high = row["quartiles_s"]
        cells = [
            row["name"],
            seconds(row["median_s"]),
            f"{seconds(low)} to {seconds(high)}",
            times(ratio(own, row, "median_s")),
            f"{row['error_db']:.0f} dB" if row.get("error_db", -400) > -399 else "-",
        ]
        if memory:
            cells.append(megabytes(row.get("peak_bytes")))
        rows.append((*cells, row["note"]))
    head = (*head, "peak memory", "") if memory else (*head, "")
    text = f"### {work['title']}\n\n{table(head, rows)}"
    if own["status"] == "ok":
        text += f"\n\n{_floors(work, own['median_s'], machine)}"
    return text


def _floors(work: dict, own_s: float, machine: dict) -> str:
    """How far a piece of work is from what memory, and what arithmetic, would allow."""
    floor = work["least_bytes"] / machine["copy_bytes_per_s"]
    text = f"Floor {seconds(floor)}: dasp takes {own_s / floor:.1f} times that."
    if work["least_operations"]:
        floor = work["least_operations"] / machine["peak_operations_per_s"]
        text += (
            f" Arithmetic alone, {work['least_operations'] / 1e6:,.0f} million operations, "
            f"{seconds(floor)}: {own_s / floor:.1f} times that."
        )
    return text


def _scaling(series: list[dict], bandwidth: float) -> list[str]:
    if not series:
        return []
    parts = [
        "## Growth",
        "For each unit: the time of one call again and again, and in a set of other audio (see "
        "Targets); the floor, which is to read the audio and to write the result at the speed of "
        "copying; and the memory pages that the system hands out.",
        "![Time and memory against the work](results/scaling.png)",
    ]
    head = ("median", "for each", "in a set", "floor", "pages", "peak memory")
    for one in series:
        rows = []
        for point in one["points"]:
            value, in_a_set = point["value"], point.get("in_a_set_s")
            units = 1 if one["name"].endswith(("threads", "sections")) else value
            rows.append(
                (
                    f"{value:,}",
                    seconds(point["median_s"]),
                    seconds(point["median_s"] / value),
                    seconds(in_a_set and in_a_set / value),
                    seconds(2 * point["signal_bytes"] / bandwidth / units),
                    f"{point['page_faults'] / units:.1f}",
                    megabytes(point["peak_bytes"]),
                )
            )
        title = f"{one['name'][:1].upper()}{one['name'][1:]}"
        parts.append(f"### {title}\n\n{table((one['unit'], *head), rows)}")
    return parts
