"""What a chunk of a mix is worth: exp(-|M - m|^2 - rho KL(beta before || beta now)).

M are the cepstra of the true mix, m those of this one, and beta the mean shares of the policy.
"""

import torch
from torch import Tensor

from dasp.controllers.deep_mixing.policy import Episode

RHO = 0.01


def rewards(episode: Episode, target: Tensor, present: Tensor, *, rho: float = RHO) -> Tensor:
    """Tell what each chunk of a mix is worth.

    Args:
        episode: The mix.
        target: Cepstra of the true mix, `(batch, chunks, CEPSTRA)`.
        present: Which tracks there are, `(batch, tracks)`.
        rho: What a change of the shares costs.

    Returns:
        In (0, 1], `(batch, chunks)`.
    """
    error = (episode.cepstra - target).square().sum(-1)
    log_share = episode.share.masked_fill(~present[:, None], 1.0).log()
    divergence = (episode.share[:, :-1] * (log_share[:, :-1] - log_share[:, 1:])).sum(-1)
    return torch.exp(-error - rho * torch.nn.functional.pad(divergence, (1, 0)))
