"""The stage "delay": delays to a part of a sample."""

from dasp.estimation.unmixing.found import Found, descended
from dasp.estimation.unmixing.problem import Problem


def delay(found: Found, problem: Problem) -> Found:
    """Run the stage "delay": fit gains and delays together.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with delays.
    """
    return descended(found, ("gain", "delay"))
