"""What is handed out holds what it needs: the source distribution its tests, the wheel its data."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, MADE, ROOT

TESTED_WITH = ("tests", "docs", "examples", "benchmarks")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[set[str], set[str]]:
    """The files in the source distribution, and in a wheel that is made of it."""
    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.split(".")[0]) < 77:
        pytest.skip("setuptools is older than 77")
    folder = tmp_path_factory.mktemp("built")
    script = f"from setuptools import build_meta as b; b.build_%s({str(folder)!r})"
    run = {"check": True, "capture_output": True}
    subprocess.run([sys.executable, "-c", script % "sdist"], cwd=_copy(folder / "source"), **run)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    source = {str(p.relative_to(unpacked)) for p in unpacked.rglob("*") if p.is_file()}
    subprocess.run([sys.executable, "-c", script % "wheel"], cwd=unpacked, **run)
    (wheel,) = folder.glob("*.whl")
    return source, set(zipfile.ZipFile(wheel).namelist())


def _copy(target: Path) -> Path:
    """The project's own files elsewhere, so that building leaves nothing beside them."""
    for file in _files():
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (target / file).write_bytes((ROOT / file).read_bytes())
    return target


def _files() -> list[str]:
    alone = [p for p in ROOT.iterdir() if p.is_file() and not p.name.startswith(".")]
    within = [
        p for folder in ("dasp", *TESTED_WITH) for p in (ROOT / folder).rglob("*") if p.is_file()
    ]
    made = {"__pycache__", *(str(DOCS / folder) for folder in MADE)}
    return [
        str(p.relative_to(ROOT))
        for p in (*alone, *within)
        if not made & {*p.parts, *map(str, p.parents)}
    ]


@pytest.mark.long
def test_the_source_distribution_is_whole(built):
    source, _ = built
    assert [file for file in _files() if file not in source] == []


@pytest.mark.long
def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(built):
    _, wheel = built
    package = {file for file in _files() if file.startswith("dasp/")}
    assert {
        "dasp/py.typed",
        "dasp/signal/backends/cuda/cascade.cu",
    } <= package
    assert package <= wheel
    assert {name.split("/")[0].split("-")[0] for name in wheel} == {"dasp", "dasp_audio"}
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
