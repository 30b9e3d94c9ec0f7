"""Numbers in the pages have a command beside them, and every command in the pages can be run."""

import contextlib
import io
import re
import shlex
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name_of

STARTS = ("python -m ", "python examples/", "pytest ", "make ", "dasp ")


def commands(text: str) -> list[str]:
    """What a reader may type: lines of code, and code within lines."""
    text = re.sub(r"\\\n\s*", " ", text)
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in fenced for line in block.splitlines()]
    lines += [line for line in rest.splitlines() if line.startswith("    ")]
    spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", rest)]
    found = [line.strip().split("  #")[0] for line in (*lines, *spans)]
    return list(dict.fromkeys(c.rstrip(".,;") for c in found if c.startswith(STARTS)))


def words(command: str) -> list[str]:
    """The words of a command, up to where another one begins."""
    return shlex.split(re.split(r" [|&;>]", command)[0], comments=True)


def documented() -> list[tuple[str, str]]:
    """Every command with its page."""
    return [(name_of(p), c) for p in PAGES for c in commands(p.read_text(encoding="utf-8"))]


def helped(main, arguments: list[str]) -> str:
    """What a program says when it is asked for help."""
    said, before = io.StringIO(), sys.argv
    sys.argv = ["program", *arguments, "--help"]
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main()
    finally:
        sys.argv = before
    return said.getvalue()


def check_options(text: str, options: list[str], command: str) -> None:
    """Every long option is one of those that help tells."""
    known = set(re.findall(r"--[a-z][\w-]*", text))
    unknown = {word.split("=")[0] for word in options if word.startswith("--")} - known
    assert not unknown, f"{command}: {unknown} are not among {sorted(known)}"


def check_tests(paths: list[str], command: str) -> None:
    """Files of tests are there, and hold what is chosen by name."""
    files = [ROOT / path for path in paths if path.startswith("tests/")]
    assert files, command
    assert [file for file in files if not file.exists()] == [], command
    if "-k" in paths:
        chosen = paths[paths.index("-k") + 1].split(" or ")
        names = re.findall(r"def (test\w+)", "".join(f.read_text(encoding="utf-8") for f in files))
        assert all(any(word in name for name in names) for word in chosen), command


def check_module(name: str, rest: list[str], command: str) -> None:
    """A module that can be run is there, and takes the options."""
    if name == "pytest":
        return check_tests(rest, command)
    if name == "dasp":
        return check_dasp(rest, command)
    assert find_spec(name), command
    options = [word for word in rest if word.startswith("--")]
    if options:
        check_options(helped(import_module(name).main, []), options, command)
    return None


def check_dasp(rest: list[str], command: str) -> None:
    """A command of `dasp`, with its options."""
    from dasp.cli.main import main

    if rest and re.fullmatch(r"[a-z-]+", rest[0]):
        own = rest[:2] if rest[0] in ("train", "listen") else rest[:1]  # with options of its own
        text = helped(lambda: main(sys.argv[1:]), [word for word in own if word[0] != "-"])
        assert text, command
        check_options(text, rest[1:], command)


@pytest.mark.parametrize(("page", "command"), documented(), ids=lambda value: value[:60])
def test_a_command_of_the_pages_is_there_and_has_its_options(page, command, monkeypatch):
    monkeypatch.chdir(ROOT)
    first, *rest = words(command)
    if first == "python" and rest[0] == "-m":
        check_module(rest[1], rest[2:], command)
    elif first == "python":
        assert (ROOT / rest[0]).is_file(), command
    elif first == "pytest":
        check_tests(rest, command)
    elif first == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert rest[0] in targets, command
    else:
        check_dasp(rest, command)


def sections(page: Path) -> list[str]:
    """A page by its headings, behind what stands above the first."""
    return re.split(r"^##+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def tables_of_numbers(text: str) -> list[str]:
    """Tables of which more than a third of the cells hold a decimal number or a percentage."""
    tables = re.findall(r"^(?:\|.*\|\n)+", text, re.MULTILINE)
    found = []
    for table in tables:
        rows = [row.strip("|\n").split("|")[1:] for row in table.splitlines()[2:]]
        cells = [cell for row in rows for cell in row if cell.strip()]
        numbers = [cell for cell in cells if re.search(r"\d\.\d|\d ?%", cell)]
        if len(numbers) > len(cells) / 3:
            found.append(table)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_table_of_numbers_has_its_command_in_the_same_section(page):
    above, *rest = sections(page)
    for section in (above, *rest):
        tables = tables_of_numbers(section)
        assert not tables or commands(section) or commands(above), tables[0]


def test_the_table_of_examples_has_the_numbers_of_their_first_lines():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\d\d_\w+\.py)` \|.*\| (.*) \|$", page, re.MULTILINE)
    assert len(rows) == len(list((ROOT / "examples").glob("*.py")))
    for name, numbers in rows:
        head = (ROOT / "examples" / name).read_text(encoding="utf-8").split('"""')[1]
        told = re.findall(r"\d+\.\d+", numbers)
        assert told and [number for number in told if number not in head] == [], name
