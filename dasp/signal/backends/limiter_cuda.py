"""The gain reduction of the limiter on a GPU, and its adjoint; see `dasp.functional.limiter`."""

import math

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch
from dasp.units import SILENCE_DB

_LEVEL = 10 ** (SILENCE_DB / 20), 20 * math.log10(2)
"""The least amplitude, and dB per octave."""


def limiting_db(
    keep: bool, key: Tensor, ceiling_db: Tensor, release: Tensor, window: int
) -> tuple[Tensor, tuple]:
    key, ceiling_db, release = key.detach().contiguous(), _exact(ceiling_db), _exact(release)
    rows, channels, time = key.shape
    excess_db, y = key.new_empty(rows, time), key.new_empty(rows, time)
    launch("limiter.excess", rows * time, key, ceiling_db, excess_db, rows, channels, time, *_LEVEL)
    segments, steps = -(-time // window), time + window - 1 if time else 0
    until, from_ = torch.empty_like(y, dtype=torch.int32), torch.empty_like(y, dtype=torch.int32)
    launch("limiter.spread", rows * segments, excess_db, until, from_, rows, time, window, segments)
    largest = until.new_empty(rows, steps)
    launch("limiter.cover", rows * steps, excess_db, until, from_, largest, rows, time, window)
    held = key.new_empty(rows, steps)
    launch("limiter.hold", rows, excess_db, largest, release, held, y, rows, time, window)
    return y, (excess_db, largest, held)


def limiting_db_adjoint(
    grad: Tensor, excess_db: Tensor, largest: Tensor, held: Tensor,
    key: Tensor, ceiling_db: Tensor, release: Tensor, window: int,
) -> tuple[Tensor, ...]:  # fmt: skip
    key = key.detach().contiguous()
    rows, channels, time = key.shape
    d_wanted, d_key = torch.empty_like(held), torch.empty_like(key)
    sums = key.new_zeros(rows, 2, dtype=torch.float64)
    launch(
        "limiter.hold_back", rows, grad.contiguous(), excess_db, largest, _exact(release), held,
        d_wanted, sums, rows, time, window,
    )  # fmt: skip
    launch(
        "limiter.excess_back", rows * time, d_wanted, largest, key, d_key, rows, channels, time,
        window, *_LEVEL,
    )  # fmt: skip
    return d_key, sums[:, 0].to(ceiling_db.dtype), sums[:, 1].to(release.dtype)


def _exact(parameter: Tensor) -> Tensor:
    return parameter.detach().double().contiguous()
