"""What the collection of tests leaves out where numba or matplotlib are missing, and the seed."""

from importlib.util import find_spec

import pytest
import torch

collect_ignore_glob = []
if find_spec("numba") is None:
    collect_ignore_glob += ["dasp/signal/*/*_numba.py", "dasp/signal/*/_compiled.py"]
if find_spec("matplotlib") is None:
    collect_ignore_glob += ["dasp/pictures/*.py"]


@pytest.fixture(autouse=True)
def _examples_are_seeded():
    """An example of a docstring draws the same numbers every time."""
    torch.manual_seed(0)
