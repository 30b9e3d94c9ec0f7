"""The stage "room": the impulse response that turns the sum into what is left of the mix."""

from dataclasses import replace

from dasp.estimation.long_filter import fit_long_filter
from dasp.estimation.unmixing.found import (
    Found,
    descended,
    dry_sum,
    heard_anew,
    in_room,
    parts_in_use,
)
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
    response = found.room.new_zeros(2, problem.room_taps)
    for _ in range(TURNS):
        dry = dry_sum(found, problem)
        # What is left is known exactly, and the fades of a stretch bend only what is added.
        dry, left = map(problem.faded, (dry, problem.mix - in_room(dry, response)))
        response = response + fit_long_filter(dry, left, taps=problem.room_taps, ridge=RIDGE)
        found = replace(found, room=response)
        if not found.by_filters:
            found = descended(heard_anew(found, problem), parts_in_use(found.strips))
    return found
