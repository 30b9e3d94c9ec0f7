"""The all-pass cascade in plain torch, on any device: it defines the answer.

Small matrices lead from the signals u_0 to u_N at one sample to those at the next. A block of
samples is a scan over such matrices; the blocks, which bound the memory, follow one another.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor

BLOCK = 512
"""Samples that are solved at once."""

STEP = 8
"""Samples of a run, which go on side by side."""


def solve(q: Tensor, a: Tensor, feedback: Tensor, transposed: bool) -> Tensor:
    """Solve for the signals of the cascade, driven at every stage, or the transpose of this map.

    u_0[n] = q_0[n] + feedback[n] u_N[n-1]
    u_i[n] = q_i[n] + a[n] u_(i-1)[n] + u_(i-1)[n-1] - a[n] u_i[n-1]

    `q` is `(rows, time, N + 1)`, `a` and `feedback` `(rows, time)`; u is 0 before the start.
    The transpose runs backwards in time.
    """
    signals = q.shape[-1]
    if transposed:
        q, a, feedback = q.flip(1), a.flip(1), feedback.flip(1)
    blocks, last = [q[:, :0]], q.new_zeros(q.shape[0], signals)
    across_later = q.new_zeros(q.shape[0], 1, signals, signals)
    for q_n, a_n, feedback_n in zip(*(t.split(BLOCK, 1) for t in (q, a, feedback)), strict=True):
        within, across = _within(a_n, signals), _across(a_n, feedback_n, signals)
        if transposed:
            # Turned round, what led into the sample before leads back from there.
            across = torch.cat((across_later, across), 1)
            across_later = across[:, -1:]
            within, across = within.mT, across[:, :-1].mT
        blocks.append(_scan(within @ across, (within @ q_n[..., None])[..., 0], last))
        last = blocks[-1][:, -1]
    u = torch.cat(blocks, 1)
    return u.flip(1) if transposed else u


def _within(a: Tensor, signals: int) -> Tensor:
    """From what is put in at each stage to what is there: a^(i-j) from stage j on to i."""
    i = torch.arange(signals, device=a.device)
    return (a[..., None, None] ** (i[:, None] - i).clamp(min=0)).tril()


def _across(a: Tensor, feedback: Tensor, signals: int) -> Tensor:
    """From the signals at one sample to what they put in at the next."""
    i = torch.arange(signals, device=a.device)
    matrix = a.new_zeros(*a.shape, signals, signals)
    matrix[..., i[1:], i[:-1]] = 1
    matrix[..., i[1:], i[1:]] = -a[..., None]
    matrix[..., 0, -1] = feedback
    return matrix


def _scan(matrix: Tensor, drive: Tensor, last: Tensor) -> Tensor:
    """u[n] = matrix[n] u[n-1] + drive[n] from u[-1] = last, in two levels.

    Runs of STEP samples go on side by side, a sample at a time; their ends are found by doubling
    what an end hears of.
    """
    time = drive.shape[1]
    if time > STEP:
        lacking = -time % STEP
        matrix = nnf.pad(matrix, (0, 0, 0, 0, 0, lacking)).unflatten(1, (-1, STEP))
        drive = nnf.pad(drive, (0, 0, 0, lacking)).unflatten(1, (-1, STEP))
        steps, drives = [matrix[:, :, 0]], [drive[:, :, 0, :, None]]
        for k in range(1, STEP):
            drives.append(matrix[:, :, k] @ drives[-1] + drive[:, :, k, :, None])
            steps.append(matrix[:, :, k] @ steps[-1])
        ends = _doubled(steps[-1], drives[-1], last)
        before = torch.cat((last[:, None, :, None], ends[:, :-1]), 1)
        u = torch.stack(steps, 2) @ before[:, :, None] + torch.stack(drives, 2)
        return u.flatten(1, 2)[:, :time, :, 0]
    return _doubled(matrix, drive[..., None], last)[..., 0]


def _doubled(matrix: Tensor, drive: Tensor, last: Tensor) -> Tensor:
    u = drive.clone()
    u[:, 0] += matrix[:, 0] @ last[..., None]
    distance = 1
    while distance < u.shape[1]:
        older, newer = slice(None, -distance), slice(distance, None)
        u = torch.cat((u[:, :distance], u[:, newer] + matrix[:, newer] @ u[:, older]), 1)
        matrix = torch.cat((matrix[:, :distance], matrix[:, newer] @ matrix[:, older]), 1)
        distance *= 2
    return u
