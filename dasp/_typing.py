"""Aliases that the whole package shares."""

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor

Value: TypeAlias = float | Sequence[float] | Tensor
"""A parameter: one number for everything, one for each band, or a tensor of them."""
