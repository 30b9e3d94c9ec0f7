"""What the pages on mixing from Python and on one's own processor say is true: their code runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of a page, in their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [code for kind, code in fences if kind == language]


def test_mixing_from_python(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks("mixing_from_python.md", "python"):
        exec(block, names)
    assert names["gain_db"].grad > 0
    assert names["errors"]["mine"]["spectrum"] < names["errors"]["mono sum"]["spectrum"]
    assert names["gains"].abs()[0, 1].item() == pytest.approx(0.5**0.5)
    written = {"mix.wav", "mix.json", "console.png", "unmix.png"}
    assert written <= {path.name for path in tmp_path.iterdir()}


def test_stems_normalised_by_their_effects(capsys):
    (block,) = blocks("fxnorm.md", "python")
    exec(block, {})
    assert float(capsys.readouterr().out) == pytest.approx(-29.73, abs=0.05)


def test_code_for_another_library():
    (block,) = blocks("from_dasp_pytorch.md", "python")
    names: dict = {}
    exec(block, names)
    assert names["y"].shape == names["x"].shape


def test_what_was_done_to_a_recording():
    names: dict = {}
    (block,) = blocks("effect_encoder.md", "python")
    exec(block, names)
    assert names["likeness"].shape == () and -1 <= names["likeness"] <= 1


COMMANDS = """
import json, shlex, sys
from dasp.cli.main import main

python, commands = json.loads(sys.stdin.read())
names = {}
for block in python:
    exec(block, names)
assert names["TONE"].name == "tone" and sys.modules["my_tone"].__file__.startswith(sys.argv[1])
for command in commands:
    assert main(shlex.split(command)[1:]) == 0, command
"""


def test_a_processor_of_ones_own(tmp_path):
    """The package of the page, as an installer leaves it, in a process of its own."""
    package, *python = blocks("your_own_processor.md", "python")
    (declared,) = blocks("your_own_processor.md", "toml")
    (commands,) = blocks("your_own_processor.md", "")
    point = re.search(r'^\[project.entry-points."(.+)"\]\n(\w+) = "(.+)"$', declared, re.MULTILINE)
    assert point is not None
    group, name, value = point.groups()
    site = tmp_path / "site"
    info = site / "my_tone-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "my_tone.py").write_text(package)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-tone\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, str(site)],
        input=json.dumps([python, commands.splitlines()]),
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "freq_hz" in done.stdout and {"out.wav", "chained.wav"} <= set(os.listdir(tmp_path))
