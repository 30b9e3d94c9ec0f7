"""Values that fit into the range of a parameter."""

import pytest

from dasp.mixing.in_range import ends, in_range
from dasp.processors.catalogue import COMPRESSOR, PARAMETRIC_EQ


def test_a_value_outside_goes_to_the_end_and_one_inside_stays():
    low, high = ends(COMPRESSOR, "threshold_db")
    assert in_range(COMPRESSOR, "threshold_db", low - 1) == low
    assert in_range(COMPRESSOR, "threshold_db", high + 1) == high
    assert in_range(COMPRESSOR, "threshold_db", -20.5) == -20.5


def test_what_has_no_range_is_refused():
    with pytest.raises(ValueError, match=r"name: expected one of .*did you mean 'threshold_db'"):
        ends(COMPRESSOR, "threshold")
    with pytest.raises(ValueError, match="peak_freq_hz: expected one range"):
        ends(PARAMETRIC_EQ, "peak_freq_hz")
