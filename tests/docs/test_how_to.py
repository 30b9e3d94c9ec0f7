"""The pages that tell how to do a thing: their code and commands run, in the order of the page."""

import re
import shlex
from pathlib import Path

import pytest

from dasp.cli.main import main
from tests.docs.pages import DOCS, blocks

LEAVES = {
    "how_to/export.md": ("mix.rpp", "page/index.html", "out/kick.wav"),
    "how_to/fit_a_hardware_recording.md": ("fitted.json", "fit.json", "again.wav"),
    "how_to/match_a_reference.md": (
        "master.wav",
        "master.json",
        "report.json",
        "again.wav",
        "like.wav",
    ),
    "how_to/mix_and_steer.md": ("mix.json", "console.png", "voice.wav", "half.wav", "same.wav"),
    "how_to/prepare_stems.md": ("prepared.json", "together.wav", "mix.wav", "again.json"),
    "how_to/process_a_folder.md": (
        "chain.json",
        "out/kick.wav",
        "out/dasp-batch.jsonl",
        "loud/kick.wav",
    ),
    "how_to/processor_in_a_model.md": (),
    "how_to/run_a_listening_test.md": ("stimuli", "page/index.html", "page.key.json"),
    "how_to/stream_in_blocks.md": ("out.wav", "again.wav"),
    "how_to/train_on_your_multitracks.md": (),
}
"""Every page, and what lies in the folder when it was followed."""

ELSEWHERE = ("dasp train adapt_mixing_console", "dasp mix STEMS/ -o mix.wav --system console --w")
"""Trainings of minutes, which tests of their recipes begin; and what needs their outcome."""


def test_every_page_is_followed():
    pages = [f"how_to/{page.name}" for page in (DOCS / "how_to").glob("*.md")]
    assert sorted((*LEAVES, "how_to/index.md")) == sorted(pages)


@pytest.mark.long
@pytest.mark.parametrize("page", LEAVES)
def test_a_page_can_be_followed(page, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "STEMS").mkdir()
    names: dict = {"__name__": "page"}
    for block in blocks(DOCS / page):
        if block.language == "python" and not block.not_run:
            exec(compile(block.code, f"{page}:{block.line}", "exec"), names)
        elif block.language == "toml":
            Path("STEMS/session.toml").write_text(block.code, encoding="utf-8")
        elif block.language == "bash" and not block.not_run:
            follow(block.code)
    assert [name for name in LEAVES[page] if not (tmp_path / name).exists()] == []


def follow(commands: str) -> None:
    for line in re.sub(r"\\\n\s*", " ", commands).splitlines():
        if line and not line.startswith(ELSEWHERE):
            assert main(shlex.split(line)[1:]) in (None, 0), line
