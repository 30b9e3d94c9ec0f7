"""Every block of code in the pages runs, or says why not."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import torch

from dasp import save_audio
from dasp.cli.main import _parser
from tests.docs.pages import PAGES, ROOT, Block, blocks, name_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

IN_TESTS = {
    "README.md": "tests/test_readme.py",
    "effect_encoder.md": "tests/test_pages.py",
    "from_dasp_pytorch.md": "tests/test_pages.py",
    "fxnorm.md": "tests/test_pages.py",
    "mixing_from_python.md": "tests/test_pages.py",
    "streaming.md": "tests/streaming/test_page.py",
    "your_own_processor.md": "tests/test_pages.py",
}
"""Pages whose Python runs in a test that also looks at what comes out."""

FOLLOWED = "how_to"
"""A folder of pages of which `tests/docs/test_how_to.py` runs everything, step by step."""

COMMANDS_IN_TESTS = {"your_own_processor.md"}
"""Of these the commands run too, beside the package that the page makes."""

SHELL = ("", "bash", "console", "sh")
PROGRAMS = ("dasp", "python", "make", "pytest", "pip", "sox", "ffmpeg",
            "arecord", "torchrun")  # fmt: skip

BLOCKS = [(page, block) for page in PAGES for block in blocks(page)]


def _ids(pages: list[tuple[Path, Block]]) -> list[str]:
    return [f"{name_of(page)}:{block.line}" for page, block in pages]


def _stems(folder: Path) -> None:
    (folder / "STEMS").mkdir()
    for name in ("kick", "bass", "vocal"):
        save_audio(folder / "STEMS" / f"{name}.wav", 0.1 * torch.randn(1, 22_050), 44_100)


def _ratings(folder: Path) -> None:
    rows = [f"{mix},{0.1 * who + share:.2f}" for who in range(4) for mix, share in MIXES.items()]
    (folder / "ratings.csv").write_text("\n".join(["mix,rating", *rows]), encoding="utf-8")


MIXES = {"one": 0.1, "other": 0.5}


def _effect_and_network(folder: Path) -> dict:
    """What a reader has: a function of arrays, audio, and a network that sets its knob."""
    return {
        "my_numpy_effect": lambda x, sample_rate, drive_db: x * 10 ** (drive_db / 20),
        "x": 0.1 * torch.randn(2, 1, 1000),
        "network": lambda x: torch.full((2,), 5.0),
    }


GIVEN = {"evaluation.md": _ratings, "gradients.md": _effect_and_network, "mixing.md": _stems}
"""What lies in the folder where the Python of a page runs, and names that it takes from above."""

LONG = {"fitting.md", "matching.md"}
"""Pages whose Python takes more than a few seconds."""


def is_tried_elsewhere(page: Path) -> bool:
    return name_of(page) in IN_TESTS or page.parent.name == FOLLOWED


def runs(page: Path) -> list[Block]:
    """The Python of a page that runs here."""
    if is_tried_elsewhere(page):
        return []
    return [b for b in blocks(page) if b.language == "python" and not b.not_run]


def _as_long(page: Path):
    marks = [pytest.mark.long] if name_of(page) in LONG else []
    return pytest.param(page, id=name_of(page), marks=marks)


@pytest.mark.parametrize("page", [_as_long(page) for page in PAGES if runs(page)])
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """One block after the other, as a reader who types it."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    if name_of(page) in GIVEN:
        names |= GIVEN[name_of(page)](tmp_path) or {}
    for block in runs(page):
        code = compile(block.code, f"{page.name}:{block.line}", "exec")
        exec(code, names)


@pytest.mark.parametrize("name, test", IN_TESTS.items())
def test_pages_that_run_elsewhere_do(name, test):
    assert name in (ROOT / test).read_text(encoding="utf-8")


DATA = [(p, b) for p, b in BLOCKS if b.language in ("json", "toml") and not b.not_run]


@pytest.mark.parametrize("page, block", DATA, ids=_ids(DATA))
def test_json_and_toml_are_well_formed(page, block):
    load = json.loads if block.language == "json" else tomllib.loads
    assert load(block.code)


CHAIN = ROOT / "tests" / "processors" / "data" / "chain.json"

COMMANDS = [
    (page, block)
    for page, block in BLOCKS
    if block.language in SHELL
    and not block.not_run
    and name_of(page) not in COMMANDS_IN_TESTS
    and page.parent.name != FOLLOWED
]


@pytest.mark.parametrize("page, block", COMMANDS, ids=_ids(COMMANDS))
def test_commands_are_those_of_programs_and_dasp_takes_its_own(page, block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(CHAIN, "chain.json")
    text = re.sub(r"\\\n\s*", " ", block.code)
    for line in filter(None, (line.removeprefix("$ ").strip() for line in text.splitlines())):
        words = shlex.split(line, comments=True)
        for part in _parts(words):
            assert part[0] in PROGRAMS, line
            if part[0] == "dasp":
                _parser(part[1:]).parse_args(part[1:])


def _parts(words: list[str]) -> list[list[str]]:
    """The commands of a line: those of a pipe, without where it ends."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in ("|", "&&", ";"):
            parts.append([])
        elif word in (">", "<", "2>"):
            break
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


KNOWN = ("python", "json", "toml", "text", *SHELL)


def test_a_block_is_of_a_language_that_is_tried():
    """Directives and cells in braces run when the site is built."""
    languages = dict(zip(_ids(BLOCKS), (block.language for _, block in BLOCKS), strict=True))
    unknown = {p: w for p, w in languages.items() if w not in KNOWN and not w.startswith("{")}
    assert unknown == {}
