import numpy as np
import pytest
import scipy.stats

from dasp.evaluation.bootstrap import mean_interval


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_are_scipys(confidence):
    values = np.random.default_rng(0).gamma(2.0, 3.0, 25)
    ours = mean_interval(values, confidence=confidence)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, confidence_level=confidence, method="percentile", n_resamples=10_000
    ).confidence_interval
    assert ours.mean == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.1)
    assert ours.high == pytest.approx(theirs.high, abs=0.1)
    assert ours == mean_interval(values, confidence=confidence)


def test_of_two_values_the_mean_is_one_of_three():
    assert mean_interval([0.0, 1.0]) == (0.5, 0.0, 1.0)


def test_nothing_has_no_mean():
    with pytest.raises(ValueError, match="at least one"):
        mean_interval([])
