"""The stage "delay": delays to a part of a sample."""

from dasp.estimation.unmixing.found import Found, descended
from dasp.estimation.unmixing.problem import Problem


def delay(found: Found, problem: Problem) -> Found:
    """Gains and delays together at the least error."""
    return descended(found, ("gain", "delay"))
