"""What the tank of the plate is made of at one sample rate, by name."""

from typing import NamedTuple


class Plan(NamedTuple):
    """Lengths in samples, of the halves a and b, and gains."""

    first: tuple[int, int]
    all_pass: tuple[int, int]
    second: tuple[int, int]
    swinging_gain: float
    all_pass_gain: float
    tap_gain: float
    taps: tuple[tuple[int, str, int, int, int], ...]
    """For each the side that hears it, the delay that it is in, the half, the length, the sign."""

    @property
    def delays(self) -> tuple[int, ...]:
        """All that do not move."""
        return (*self.first, *self.all_pass, *self.second)
