"""The stage "room": the impulse response that turns the sum into what is left of the mix."""

from dataclasses import replace

from dasp.estimation.long_filter import fit_long_filter
from dasp.estimation.unmixing.found import Found, descended, dry_sum, heard_anew, parts_in_use
from dasp.estimation.unmixing.problem import Problem

TURNS = 2
RIDGE = 1e-6


def room(found: Found, problem: Problem) -> Found:
    """Run the stage "room": fit a response for left and right, and the strips before it, in turn.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with a room.
    """
    for _ in range(TURNS):
        dry = dry_sum(found, problem)
        left = problem.mix - dry
        found = replace(found, room=fit_long_filter(dry, left, taps=problem.room_taps, ridge=RIDGE))
        if not found.by_filters:
            found = descended(heard_anew(found, problem), parts_in_use(found.strips))
    return found
