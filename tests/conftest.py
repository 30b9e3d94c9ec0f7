"""What all tests share: compiled kernels and the optional folder of real recordings."""

import logging
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

# What a test hears is not to hang on what another process has compiled by then.
os.environ.setdefault("DASP_KERNELS", "numba" if find_spec("numba") else "torch")
logging.getLogger("dasp").setLevel(logging.ERROR)  # that kernels are compiled is no news here

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_runtest_setup(item):
    if item.get_closest_marker("numba") and find_spec("numba") is None:
        pytest.skip("numba is not installed")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings beside the project; a test that needs it skips without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real recordings, ../shared/data, is not there")
    return SHARED_DATA
