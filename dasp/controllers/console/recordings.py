"""Which tracks are microphones of one recording: they hear each other.

Parts that were recorded one after the other share rhythm and key, and are not coherent. In a room
every microphone hears every drum, and what it hears of others is the same sound, later and
coloured, which is what coherence measures.
"""

from torch import Tensor

COHERENT = 0.3
"""Coherence from which on two tracks are one recording. Microphones of one drum kit have 0.37
and more with the nearest of the others, parts of a song up to 0.26."""


def recordings(coherence: Tensor) -> list[list[int]]:
    """Group the tracks of each recording, of one microphone or more.

    Args:
        coherence: What `measure_coherence` measures, `(tracks, tracks)`.

    Returns:
        The numbers of the tracks of each recording.

    >>> import torch
    >>> recordings(torch.tensor([[0.0, 0.1, 0.5], [0.1, 0.0, 0.2], [0.5, 0.2, 0.0]]))
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    for i, row in enumerate((coherence > COHERENT).tolist()):
        linked = [group for group in groups if any(row[j] for j in group)]
        rest = [group for group in groups if group not in linked]
        groups = [*rest, sorted([i, *(j for group in linked for j in group)])]
    return sorted(groups)
