"""Steps of dynamics processors on a GPU, each with its adjoint.

What a sample asks for depends on nothing else, and is a thread a sample; the smoother is a thread a
row, whose steps are few enough for that. The functions are those of `dynamics_numba`.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch
from dasp.signal.backends.dynamics_values import COLUMNS, Curve, Kind, Output, Smoother
from dasp.units import SILENCE_DB

STRIP = 64
"""Samples of a row of which a thread adds up the gradients."""


def ballistics(keep: bool, x: Tensor, *smoother: Tensor) -> tuple[Tensor, tuple]:
    y = _followed(_plain(x), _Values(smoother, Smoother))
    return y, (y,)


def ballistics_adjoint(grad: Tensor, y: Tensor, x: Tensor, *smoother: Tensor):
    values = _Values(smoother, Smoother)
    dx, sums = _followed_back(_plain(grad), y, _plain(x), values)
    return dx, *values.gradients(sums)


def reduction_db(keep: bool, key: Tensor, *values_and_options) -> tuple[Tensor, tuple]:
    *tensors, db_per_decade, sign = values_and_options
    values = _Values(tensors, Curve, Smoother)
    target_db = _target(_plain(key), values, db_per_decade, sign)
    y = _followed(target_db, values)
    return y, (y, target_db)


def reduction_db_adjoint(
    grad: Tensor, y: Tensor, target_db: Tensor, key: Tensor, *values_and_options
):
    *tensors, db_per_decade, sign = values_and_options
    values, key = _Values(tensors, Curve, Smoother), _plain(key)
    d_target, of_smoother = _followed_back(_plain(grad), y, target_db, values)
    d_key = torch.empty_like(key)
    of_curve = _target_back(d_target, key, values, d_key, False, db_per_decade, sign)
    return d_key, *values.gradients(of_smoother + of_curve)


def amplified(keep: bool, x: Tensor, reduction_db: Tensor, *output: Tensor) -> tuple[Tensor, tuple]:
    return _amplified(_plain(x), _plain(reduction_db), _Values(output, Output)), ()


def amplified_adjoint(grad: Tensor, x: Tensor, reduction_db: Tensor, *output: Tensor):
    values = _Values(output, Output)
    dx, d_reduction_db, sums = _amplified_back(
        _plain(grad), _plain(x), _plain(reduction_db), values
    )
    return dx, d_reduction_db, *values.gradients(sums)


def compressed(keep: bool, x: Tensor, *values_and_sign) -> tuple[Tensor, tuple]:
    *tensors, sign = values_and_sign
    values, x = _Values(tensors, Curve, Smoother, Output), _plain(x)
    target_db = _target(x, values, 20.0, sign)
    reduction_db = _followed(target_db, values)
    return _amplified(x, reduction_db, values), (reduction_db, target_db)


def compressed_adjoint(
    grad: Tensor, reduction_db: Tensor, target_db: Tensor, x: Tensor, *values_and_sign
):
    *tensors, sign = values_and_sign
    values, x = _Values(tensors, Curve, Smoother, Output), _plain(x)
    dx, d_reduction_db, of_output = _amplified_back(_plain(grad), x, reduction_db, values)
    d_target, of_smoother = _followed_back(d_reduction_db, reduction_db, target_db, values)
    of_curve = _target_back(d_target, x, values, dx, True, 20.0, sign)
    return dx, *values.gradients(of_output + of_smoother + of_curve)


class _Values:
    """Values of every row, side by side in float64."""

    def __init__(self, tensors: Sequence[Tensor], *kinds: Kind):
        fields = [field for kind in kinds for field in kind._fields]
        first = COLUMNS.index(fields[0])
        self.types = [t.dtype for t in tensors]
        self.columns = torch.stack([t.detach() for t in tensors], 1).double()
        self.places = {name.upper(): place - first for place, name in enumerate(COLUMNS)}

    def launch(self, name: str, items: int, signal: Tensor, *arguments) -> None:
        """A kernel that takes the values behind the first signal."""
        count = self.columns.shape[1]
        launch(
            f"dynamics.{name}", items, signal, self.columns, *arguments,
            STRIP=STRIP, COLUMNS=count, **self.places,
        )  # fmt: skip

    def gradients(self, sums: Tensor) -> list[Tensor]:
        """Those of each tensor, in its type, from sums in columns."""
        in_type = {dtype: sums.to(dtype) for dtype in set(self.types)}
        return [in_type[dtype][:, i] for i, dtype in enumerate(self.types)]


def _plain(x: Tensor) -> Tensor:
    return x.detach().contiguous()


def _level(db_per_decade: float, sign: float) -> tuple[float, float, float]:
    """What the level is made with: the floor, dB per octave, the sign."""
    return 10 ** (SILENCE_DB / db_per_decade), db_per_decade * math.log10(2), sign


def _target(key: Tensor, values: _Values, db_per_decade: float, sign: float) -> Tensor:
    rows, channels, time = key.shape
    y = key.new_empty(rows, time)
    level = _level(db_per_decade, sign)
    values.launch("target", rows * time, key, y, rows, channels, time, *level)
    return y


def _target_back(
    d_target: Tensor, key: Tensor, values: _Values, d_key: Tensor, adds: bool,
    db_per_decade: float, sign: float,
) -> Tensor:  # fmt: skip
    """Writes the gradient of the key, or adds to it; returns those of the values."""
    rows, channels, time = key.shape
    strips = -(-time // STRIP)
    sums = values.columns.new_zeros(rows, strips, values.columns.shape[1])
    values.launch(
        "target_back", rows * strips, d_target, key, d_key, sums, rows, channels, time, strips,
        *_level(db_per_decade, sign), int(adds),
    )  # fmt: skip
    return sums.sum(1)


def _followed(x: Tensor, values: _Values) -> Tensor:
    y = torch.empty_like(x)
    values.launch("follow", len(x), x, y, *x.shape)
    return y


def _followed_back(grad: Tensor, y: Tensor, x: Tensor, values: _Values) -> tuple[Tensor, Tensor]:
    dx, sums = torch.empty_like(x), torch.zeros_like(values.columns)
    values.launch("follow_back", len(x), grad, y, x, dx, sums, *x.shape)
    return dx, sums


def _amplified(x: Tensor, reduction_db: Tensor, values: _Values) -> Tensor:
    rows, channels, time = x.shape
    y = torch.empty_like(x)
    values.launch("amplify", rows * time, x, reduction_db, y, rows, channels, time)
    return y


def _amplified_back(
    grad: Tensor, x: Tensor, reduction_db: Tensor, values: _Values
) -> tuple[Tensor, Tensor, Tensor]:
    rows, channels, time = x.shape
    strips = -(-time // STRIP)
    dx, d_reduction_db = torch.empty_like(x), torch.empty_like(reduction_db)
    sums = values.columns.new_zeros(rows, strips, values.columns.shape[1])
    values.launch(
        "amplify_back", rows * strips, grad, x, reduction_db, dx, d_reduction_db, sums,
        rows, channels, time, strips,
    )  # fmt: skip
    return dx, d_reduction_db, sums.sum(1)
