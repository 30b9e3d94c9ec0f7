"""`dasp listen`: a listening test as a page, its answers, and a server that collects them."""

import argparse
import csv
import io
import sys
from pathlib import Path

from scipy.stats import binomtest

from dasp.cli.numbers import count
from dasp.cli.output import add_force_option, refuse_existing, with_room
from dasp.cli.printing import print_notes, tell
from dasp.evaluation import stats
from dasp.pages import (
    KINDS,
    Answers,
    build_listening_test,
    collect,
    load_answers,
    ratings_by_criterion,
)
from dasp.pages.collector import LOOPBACK
from dasp.pages.listening_test import INSTRUCTIONS

HEAD = ("participant", "song", "criterion", "mix", "rating")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Build a listening test that opens in any browser from a folder of static "
        "files, read its answers, or serve it and collect them. The page knows no name of what "
        "made a sound: the key stays beside it."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="a page from a folder of stimuli")
    build.add_argument(
        "stimuli", type=Path, metavar="STIMULI",
        help="a folder with a folder a song, of mixes, as 'dasp eval --stimuli' writes it; in "
        "that of a song, dry/ may hold stems to be heard",
    )  # fmt: skip
    build.add_argument(
        "-o", "--output", required=True, type=Path, metavar="PAGE",
        help="the new folder; the key is written to PAGE.key.json",
    )  # fmt: skip
    build.add_argument(
        "--kind", choices=KINDS, default="ape",
        help="all on one axis; against a reference, with a hidden one and an anchor; pairs; or "
        "whether two can be told apart (default: ape)",
    )  # fmt: skip
    build.add_argument(
        "--criterion", action="append", metavar="WORD",
        help="what is asked, such as clarity; may be repeated (default: preference)",
    )  # fmt: skip
    build.add_argument("--title", default="Listening test", help="of the page")
    build.add_argument("--instructions", default=INSTRUCTIONS, help="what is read first")
    build.add_argument(
        "--trials", type=count, default=8, metavar="N",
        help="how often abx asks of each pair (default: 8)",
    )  # fmt: skip
    build.add_argument(
        "--collected", action="store_true", help="for 'dasp listen serve', which takes the answers"
    )
    results = actions.add_parser("results", help="statistics of the answers")
    results.add_argument("files", nargs="+", type=Path, metavar="JSON", help="the answers")
    results.add_argument("--key", required=True, type=Path, metavar="KEY", help="PAGE.key.json")
    results.add_argument("-o", "--output", type=Path, metavar="CSV", help="all answers, by name")
    results.add_argument(
        "--plot", type=Path, metavar="PNG", help="violins of the ratings, one picture a criterion"
    )
    add_force_option(results)
    serve = actions.add_parser("serve", help="serve a page, and keep the answers")
    serve.add_argument("page", type=Path, metavar="PAGE", help="the folder of the page")
    serve.add_argument(
        "--results", required=True, type=Path, metavar="FOLDER", help="where the answers go"
    )
    serve.add_argument(
        "--host", default=LOOPBACK,
        help="the address to listen at (default: this machine alone); another one is open to all "
        "who reach it",
    )  # fmt: skip
    serve.add_argument("--port", type=int, default=8000, help="default: 8000")


def run(args: argparse.Namespace) -> int:
    """Build, read or serve."""
    return {"build": _build, "results": _results, "serve": _serve}[args.action](args)


def _build(args: argparse.Namespace) -> int:
    key = build_listening_test(
        args.stimuli,
        args.output,
        kind=args.kind,
        criteria=args.criterion or ("preference",),
        title=args.title,
        instructions=args.instructions,
        trials=args.trials,
        collected=args.collected,
    )
    print(args.output / "index.html", key, sep="\n")
    return 0


def _results(args: argparse.Namespace) -> int:
    answers = load_answers(args.files, args.key)
    ratings = ratings_by_criterion(answers)
    pictures = {criterion: _picture(args.plot, criterion, ratings) for criterion in ratings}
    written = [args.output] if args.output else []
    refuse_existing(args, *written, *(path for path in pictures.values() if path))
    print_notes(answers.remarks)
    people = {answer.participant for answer in answers.answers}
    print(f"{len(people)} participants, {len(answers.answers)} answers")
    if answers.kind == "abx":
        _tell_apart(answers)
    for criterion, own in ratings.items() if answers.kind != "abx" else ():
        print(f"\n{criterion}")
        _statistics(own)
        if path := pictures[criterion]:
            stats.save_violins(with_room(path), own, ylabel=criterion)
            tell(str(path))
    if args.output:
        rows = [tuple(vars(answer).values()) for answer in answers.answers]
        with_room(args.output).write_text(_csv([HEAD, *rows]), encoding="utf-8", newline="")
        tell(str(args.output))
    return 0


def _picture(plot: Path | None, criterion: str, ratings: dict) -> Path | None:
    if plot is None or len(ratings) == 1:
        return plot
    word = "".join(sign if sign.isalnum() else "-" for sign in criterion)
    return plot.with_name(f"{plot.stem}-{word}{plot.suffix}")


def _statistics(ratings: dict[str, list[float]]) -> None:
    few = [name for name, own in ratings.items() if len(own) < 3]
    if few or len(ratings) < 2:
        for name, own in ratings.items():
            print(f"{name}: {len(own)} ratings, mean {sum(own) / len(own):.3f}")
        return
    result = stats.report(ratings)
    for name, median in result.medians.items():
        print(f"{name}: {result.counts[name]} ratings, median {median:.3f}")
    print(f"\n{stats.normality_table(result)}\n")
    print(f"Kruskal-Wallis H = {result.h:.3f}, p = {result.p:.3e}\n")
    print(stats.pairs_table(result))


def _tell_apart(answers: Answers) -> None:
    right = [answer.rating for answer in answers.answers]
    if right:
        p = binomtest(round(sum(right)), len(right), alternative="greater").pvalue
        print(f"{sum(right):.0f} of {len(right)} right; by chance as many with p = {p:.3g}")


def _csv(rows: list[tuple]) -> str:
    """Rows as CSV, none of whose cells a spreadsheet takes for a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def _safe(cell: object) -> object:
    is_formula = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if is_formula else cell


def _serve(args: argparse.Namespace) -> int:
    with collect(args.page, args.results, host=args.host, port=args.port) as server:
        host, port = server.server_address[:2]
        tell(f"http://{host!s}:{port}/ until Ctrl-C; answers go to {args.results}", sys.stderr)
        server.serve_forever()
    return 0
