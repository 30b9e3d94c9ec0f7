"""The tank of the plate on a GPU, and its adjoint: a block of threads a row.

Stands in for `_plate` of `dasp.functional.plate_reverb`, where its meaning is told.
"""

from typing import Any

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch
from dasp.signal.backends.plate_plan import Plan

LINES = ("swinging", "first", "all_pass", "second")
"""In the order of `cuda/plate.cu`."""

AHEAD = 256


def plate(
    keep: bool, x: Tensor, decay: Tensor, damping: Tensor, swing: Tensor, sides: int,
    sample_rate: float, plan: Plan,
) -> tuple[Tensor, tuple]:  # fmt: skip
    x, decay, damping, swing = (t.detach() for t in (x, decay, damping, swing))
    rows, time = x.shape[0], x.shape[-1]
    most = min(AHEAD, *plan.delays)
    written = x.new_zeros(rows, len(LINES), 2, time)
    damped, carried = x.new_empty(rows, 2, time), swing.new_zeros(rows, 2)
    launch(
        "plate.tank", rows, x, decay, damping, swing, written, damped, carried, rows, time,
        most, *plan.delays, plan.swinging_gain, plan.all_pass_gain, together=AHEAD, **_taps(plan),
    )  # fmt: skip
    y = x.new_empty(rows, sides, time)
    launch("plate.hear", y.numel(), written, y, rows, sides, time, plan.tap_gain, **_taps(plan))
    return y, (written, damped) if keep else ()


def plate_adjoint(
    grad: Tensor, written: Tensor, damped: Tensor, x: Tensor, decay: Tensor, damping: Tensor,
    swing: Tensor, sides: int, sample_rate: float, plan: Plan,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The last digits may differ between runs: what swings gives back to one place in any order."""
    decay, damping, swing = (t.detach() for t in (decay, damping, swing))
    rows, time = x.shape[0], x.shape[-1]
    most = min(AHEAD, *plan.delays)
    d_signal, d_damped, d_all_pass, d_swing, d_decay = (torch.empty_like(swing) for _ in range(5))
    returned, carried = torch.zeros_like(swing), swing.new_zeros(rows, 2)
    d_damping = torch.zeros_like(carried)
    launch(
        "plate.tank_back", rows, grad.contiguous(), decay, damping, swing, written, damped,
        d_signal, d_damped, d_all_pass, returned, carried, d_swing, d_decay, d_damping, rows, sides,
        time, most, *plan.delays, plan.swinging_gain, plan.all_pass_gain, plan.tap_gain,
        together=AHEAD, **_taps(plan),
    )  # fmt: skip
    return (
        d_signal.sum(1, keepdim=True).to(x.dtype),
        d_decay.sum((1, 2)).to(x.dtype).view_as(decay),
        d_damping.sum(1).to(x.dtype).view_as(damping),
        d_swing,
    )


def _taps(plan: Plan) -> dict[str, Any]:
    taps = (
        f"{{{side}, {LINES.index(line)}, {half}, {length}, {sign}}}"
        for side, line, half, length, sign in plan.taps
    )
    return {"TAP_COUNT": len(plan.taps), "TAPS": ", ".join(taps)}
