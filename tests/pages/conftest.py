"""A browser for the tests of pages, where there is one, and sounds for them to play."""

import shutil
from pathlib import Path

import pytest
import torch

from dasp import save_audio
from tests.cli.conftest import dasp  # noqa: F401

RATE = 44_100
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium):
    """A page of the browser that fails the test where a script does, or asks for another host."""
    context = chromium.new_context(accept_downloads=True)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1"))
            else faults.append(request.url)
        ),
    )
    yield page
    context.close()
    assert faults == []


def tone(freq_hz: float, seconds: float = 1.5, level: float = 0.1) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE)) / RATE
    return level * torch.sin(2 * torch.pi * freq_hz * time).expand(2, -1)


@pytest.fixture
def stimuli(tmp_path) -> Path:
    """Two songs in three mixes each, and the dry stems of the first."""
    folder = tmp_path / "stimuli"
    for song in ("rock", "jazz"):
        (folder / song).mkdir(parents=True)
        for i, name in enumerate(("reference", "wave-u-net", "forest")):
            save_audio(folder / song / f"{name}.wav", tone(300.0 * (i + 1)), RATE)
    (folder / "rock" / "dry").mkdir()
    for name in ("bass", "voice"):
        save_audio(folder / "rock" / "dry" / f"{name}.wav", tone(200.0), RATE)
    return folder
