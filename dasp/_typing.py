"""Aliases that the whole package shares."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from torch import Tensor

Value: TypeAlias = float | Sequence[float] | np.ndarray | Tensor
"""A parameter: one number for everything, one for each band, or a tensor or an array of them."""
