"""The citation names the version that there is."""

from pathlib import Path

import yaml

import dasp

ROOT = Path(__file__).resolve().parents[1]


def test_the_version_is_that_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dasp.__version__
    assert citation["license"] == "Apache-2.0"
