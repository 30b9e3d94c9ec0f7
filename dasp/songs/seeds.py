"""Many independent streams of random numbers from one seed."""

from zlib import crc32

import torch


def generator_for(seed: int, what: str) -> torch.Generator:
    """Make the generator that a seed has for one purpose, the same in every process.

    The two are hashed together: of a number that is put together from both, torch's generator on
    the CPU would only look at the lower 32 bits.

    Args:
        seed: The seed.
        what: The purpose.

    Returns:
        The generator.
    """
    return torch.Generator().manual_seed(crc32(f"{seed} {what}".encode()))
