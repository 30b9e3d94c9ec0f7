"""How many kernels processors launch on a GPU: few, none for a longer signal, and no waiting."""

import pytest

from dasp.processors.catalogue import CATALOGUE
from tests.signal.gpu.launches import BUDGETS, of_defaults
from tests.signal.gpu.on_cpu import COMPILER

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on this machine")


def test_every_processor_has_a_budget():
    assert set(BUDGETS) == set(CATALOGUE)


@pytest.mark.parametrize("name", BUDGETS)
def test_budget(name):
    found = [of_defaults(name, 8192, gradient=gradient) for gradient in (False, True)]
    for launches, most in zip(found, BUDGETS[name], strict=True):
        assert launches.count <= most, launches.names
        assert launches.waits == 0


@pytest.mark.parametrize("name", BUDGETS)
def test_a_longer_signal_launches_no_more(name):
    short, long = (of_defaults(name, time, gradient=True).count for time in (4096, 12_288))
    assert long == short
