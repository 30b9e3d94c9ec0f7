"""Slots of instruments: a fixed order, so that a policy can have weights for each.

The order is that of the report's appendix, its words in ours: T. Aditya, A. Shayaan and N. Bharath,
"DeepMixing: music audio mixing using deep reinforcement learning", IIIT Bangalore, 2018.
"""

from collections import Counter
from collections.abc import Sequence

SLOTS = (
    "kick", "hihat", "overhead", "snare", "cymbal", "drums", "percussion", "tom", "room",
    "bass", "guitar", "guitar", "guitar", "strings", "strings",
    "keys", "keys", "synth", "synth", "pad",
    "vocal", "vocal", "backing vocal", "backing vocal",
    "brass", "effect", "other", "other", "other", "other",
)  # fmt: skip
"""The role of each slot. Those of "other" also take what finds the slots of its role taken."""


def slots_of(roles: Sequence[str]) -> tuple[int, ...]:
    """Find a slot for each track.

    Tracks beyond the last free slot share it.

    Args:
        roles: The role of each track.

    Returns:
        The number of a slot for each track.

    >>> [SLOTS[slot] for slot in slots_of(["kick", "kick", "vocal"])]
    ['kick', 'other', 'vocal']
    """
    taken: Counter[str] = Counter()

    def next_of(role: str) -> int | None:
        free = [i for i, name in enumerate(SLOTS) if name == role][taken[role] :]
        if free:
            taken[role] += 1
        return free[0] if free else None

    last = len(SLOTS) - 1
    found = []
    for role in roles:
        slot = next_of(role)
        slot = next_of("other") if slot is None else slot
        found.append(last if slot is None else slot)
    return tuple(found)
