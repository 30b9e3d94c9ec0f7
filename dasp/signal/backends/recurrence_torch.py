"""The portable recursions: parallel scans in plain torch, on any device."""

import torch
from torch import Tensor


def linear_recurrence(a: Tensor, b: Tensor, zi: Tensor) -> Tensor:
    """y[n] = a[n] y[n-1] + b[n] from y[-1] = zi, in log2(time) passes.

    Two steps are one step of the same form, y[n] = (a[n] a[n-1]) y[n-2] + (a[n] b[n-1] + b[n]),
    so each pass doubles how far back a sample looks (Hillis and Steele, "Data parallel
    algorithms", 1986).
    """
    if a.shape[-1] == 0:
        return b.clone()
    y = torch.cat((torch.addcmul(b[:, :1], a[:, :1], zi[:, None]), b[:, 1:]), 1)
    distance = 1
    while distance < y.shape[1]:
        older, newer = slice(None, -distance), slice(distance, None)
        y = torch.cat((y[:, :distance], torch.addcmul(y[:, newer], a[:, newer], y[:, older])), 1)
        a = torch.cat((a[:, :distance], a[:, newer] * a[:, older]), 1)
        distance *= 2
    return y


SUDDEN = 0.9
"""Poles of an attack that is over within some ten samples."""


def ballistics(x: Tensor, attack: Tensor, release: Tensor, zi: Tensor) -> Tensor:
    """The branching smoother: guess the branch of every sample, solve, and guess again.

    For given branches the recurrence is linear. When the branches that the solution asks for
    are those it was solved with, it is the answer. Of the two branches the one with the longer
    time gives the larger output where the attack is the faster, and else the smaller. So whatever
    the guess, outputs move one way until they are right. Begun with that branch everywhere, 2 to 8
    passes are enough, but for an attack of a few samples, of which a pass puts few right: there the
    first guess is what a smoother without attack would choose. Where the output has settled on the
    input, both branches lead to it, and the choice stays: rounding would ask for another in every
    pass.
    """
    if not attack.any():
        return _held(x, release, zi)
    sudden = attack < SUDDEN
    guess = _delayed(_held(x, release, zi), zi) if sudden.any() else x
    attack, release = attack[:, None], release[:, None]
    rising = torch.where(sudden[:, None] & (attack < release), x > guess, attack > release)
    while True:
        pole = torch.where(rising, attack, release)
        y = linear_recurrence(pole, (1 - pole) * x, zi)
        before = _delayed(y, zi)
        settled = (x - before).abs() <= 8 * torch.finfo(x.dtype).eps * before.abs()
        asked = torch.where(settled, rising, x > before)
        if torch.equal(asked, rising):
            return y
        rising = asked


def _held(x: Tensor, release: Tensor, zi: Tensor) -> Tensor:
    """Without an attack time y[n] = max(x[n], r y[n-1] + (1 - r) x[n]), in log2(time) passes.

    Two steps are one step of the same form, y[n] = max(least[n], a[n] y[n-2] + b[n]). Guessed
    branches would be put right one sample a pass, for nothing of the past is heard of a rise.
    """
    if x.shape[-1] == 0:
        return x.clone()
    a, least = release[:, None].expand(x.shape), x
    b = (1 - a) * x
    distance = 1
    while distance < x.shape[1]:
        older, newer = slice(None, -distance), slice(distance, None)
        least, b, a = (
            torch.cat((before[:, :distance], after), 1)
            for before, after in (
                (
                    least,
                    torch.maximum(
                        least[:, newer], torch.addcmul(b[:, newer], a[:, newer], least[:, older])
                    ),
                ),
                (b, torch.addcmul(b[:, newer], a[:, newer], b[:, older])),
                (a, a[:, newer] * a[:, older]),
            )
        )
        distance *= 2
    return torch.maximum(least, torch.addcmul(b, a, zi[:, None]))


def _delayed(y: Tensor, zi: Tensor) -> Tensor:
    return torch.cat((zi[:, None], y[:, :-1]), 1)
