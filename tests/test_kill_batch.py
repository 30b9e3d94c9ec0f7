"""A batch that is killed leaves whole files, and goes on to the same bytes."""

import random
import sys

import pytest

from tests.kill_batch import kill_at_random


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_killed_at_random_moments(tmp_path):
    """A short run of `python -m tests.kill_batch`."""
    assert kill_at_random(tmp_path, 3, random.Random(1)) == 0
