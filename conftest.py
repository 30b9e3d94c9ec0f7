"""What the collection of tests leaves out where numba or matplotlib are missing, and the seed."""

import gc
from importlib.util import find_spec

import pytest
import torch

collect_ignore_glob = []
if find_spec("numba") is None:
    collect_ignore_glob += ["dasp/signal/*/*_numba.py", "dasp/signal/*/_compiled.py"]
if find_spec("matplotlib") is None:
    collect_ignore_glob += ["dasp/pictures/*.py"]


# For devices that are not there `torch.manual_seed` notes the stack of its caller each time, in
# case they are used later: half of what a small test costs.
seed = torch.manual_seed if torch.cuda.is_available() else torch.default_generator.manual_seed


@pytest.fixture(autouse=True)
def _seeded():
    """A test, or an example of a docstring, draws the same numbers every time."""
    seed(0)


def pytest_collection_finish():
    """What was collected stays to the end: the search for garbage does not go through it again."""
    gc.collect()
    gc.freeze()
