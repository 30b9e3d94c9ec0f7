"""The responses of all tracks that bring their sum nearest to a mix, when they may be anything.

With the cross-spectra A and m of `cross_spectra`, A c = m asks for the coefficients c of these
responses, and A^-1 tells how well each is known: the inverse of its diagonal is the weight of what
no other track can make up for. A sum of squares has no hollows, so that all that is found
here is certain, and found at once.

A is 0 but for neighbours among the knots. Three knots together make it a tridiagonal matrix of
blocks, D_b on and E_b above its diagonal, and elimination goes from block to block:

    S_b = D_b - E_{b-1}^H S_{b-1}^-1 E_{b-1},
    (A^-1)_bb = S_b^-1 + S_b^-1 E_b (A^-1)_{b+1,b+1} E_b^H S_b^-1.

Source: K. Takahashi, J. Fagan and M. Chen, "Formation of a sparse bus impedance matrix and its
application to short circuit study", 1973.
"""

import torch
from torch import Tensor

from dasp.estimation.unmixing.cross_spectra import DEGREE, CrossSpectra

RIDGE = 1e-9
"""On the power of a track around each knot: what may be anything stays as it is."""


def free_responses(spectra: CrossSpectra, H: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Find the responses, of any form, that bring the sum of the tracks nearest to the mix.

    Args:
        spectra: Cross-spectra of tracks and mix.
        H: Responses to begin with, `(2, tracks, n)`.
        there: Which tracks may change their responses, `(tracks,)`.

    Returns:
        Responses `(2, tracks, n)`, and their weights in power over that of the mix.
    """
    c = spectra.coefficients(H)
    residual = spectra.mix - spectra.reached(c)
    change, weights = torch.zeros_like(c), torch.zeros_like(c.real)
    for s in range(2):
        A = spectra.tracks[min(s, len(spectra.tracks) - 1)][there][:, there]
        power = A[..., DEGREE].diagonal().real.T
        known = power > 0
        scale = torch.where(known, power.clamp(min=torch.finfo(power.dtype).tiny) ** -0.5, 0.0)
        found, variance = _eliminated(A, residual[s, there] * scale, scale)
        change[s, there] = found * scale
        weights[s, there] = torch.where(known, power / variance, 0.0)
    to_values = torch.linalg.inv(spectra.to_spline).T.to(change)
    return H + change @ to_values, weights / spectra.power


def _eliminated(A: Tensor, right: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """x of A x = right, and the diagonal of A^-1, both `(tracks, n)`, for A with a ridge and
    scaled to a diagonal of 1."""
    tracks, n = scale.shape
    D, E = _blocks(A, scale)
    right = torch.nn.functional.pad(right, (0, -n % DEGREE)).unflatten(-1, (-1, DEGREE))
    right = right.permute(1, 2, 0).flatten(1)[..., None]
    inverses: list[Tensor] = []
    sums: list[Tensor] = []
    for b in range(len(D)):
        S, y = D[b], right[b]
        if b:
            towards = E[b - 1].mH @ inverses[-1]
            S, y = S - towards @ E[b - 1], y - towards @ sums[-1]
        inverses.append(torch.linalg.inv(S))
        sums.append(y)
    x, known = [inverses[-1] @ sums[-1]], [inverses[-1]]
    for b in reversed(range(len(D) - 1)):
        back = inverses[b] @ E[b]
        x.append(inverses[b] @ sums[b] - back @ x[-1])
        known.append(inverses[b] + back @ known[-1] @ back.mH)
    diagonal = torch.stack([block.diagonal().real for block in known[::-1]])

    def by_track(values: Tensor) -> Tensor:
        return values.unflatten(-1, (DEGREE, tracks)).permute(2, 0, 1).flatten(1)[:, :n]

    return by_track(torch.stack(x[::-1])[..., 0]), by_track(diagonal)


def _blocks(A: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """D and E `(blocks, 3 * tracks, 3 * tracks)` of A `(tracks, tracks, n, 7)`."""
    tracks, n = scale.shape
    missing = -n % DEGREE
    later = torch.nn.functional.pad(scale, (DEGREE, DEGREE)).unfold(-1, 2 * DEGREE + 1, 1)
    A = A * scale[:, None, :, None] * later
    A[..., DEGREE].diagonal().add_(torch.where(scale > 0, RIDGE, 1.0).T)
    A = torch.nn.functional.pad(A, (0, 0, 0, missing))
    A[:, :, n:, DEGREE] = torch.eye(tracks).to(A)[..., None]
    A = A.unflatten(2, (-1, DEGREE)).permute(2, 3, 0, 1, 4)  # (blocks, 3, tracks, tracks, 7)
    D, E = (A.new_zeros(len(A), DEGREE, tracks, DEGREE, tracks) for _ in range(2))
    for i in range(DEGREE):
        for j in range(DEGREE):
            D[:, i, :, j] = A[:, i, :, :, DEGREE + j - i]
            if j <= i:
                E[:, i, :, j] = A[:, i, :, :, 2 * DEGREE + j - i]
    return D.flatten(3).flatten(1, 2), E.flatten(3).flatten(1, 2)
