"""How far the settings of a console are from those to find, and how unlikely the roles seem."""

import torch
from torch import Tensor, nn

from dasp.controllers.console.mix import staged
from dasp.mixing.console import Console, Controls, Settings
from dasp.training.console_examples import WEIGHTS, Example

BY_LOGARITHM = [name for name in WEIGHTS if name.endswith(("_hz", "_ms", "_s", "ratio"))]


def error(console: Console, controls: Controls, roles: Tensor, batch: Example) -> Tensor:
    """Compute the error of the settings, and the surprise about the roles.

    Args:
        console: The console.
        controls: What the network says.
        roles: Logits of the roles, `(*batch, tracks, roles)`.
        batch: What was heard, and the answer.

    Returns:
        The mean over the batch, `()`.
    """
    known = batch.mask & batch.heard.audible & (batch.roles >= 0)
    wrong = nn.functional.cross_entropy(roles.mT, batch.roles.clamp(min=0), reduction="none")
    wrong = (wrong * known).sum() / known.sum().clamp(min=1)
    return settings_error(console.to_physical(controls), batch).mean() + wrong


def settings_error(said: Settings, batch: Example) -> Tensor:
    """Measure the weighted distance of settings from those to find.

    Levels are compared as they stand beside each other.

    Args:
        said: The settings that were said.
        batch: What was heard, and the answer.

    Returns:
        The distance for each song, `(*batch)`.
    """
    playing = batch.mask & batch.heard.audible
    total = torch.zeros(playing.shape[:-1], device=playing.device)
    for of_tracks, part, wanted in zip((True, False, False, False), said, batch.settings,
                                       strict=True):  # fmt: skip
        for name, target in wanted.items():
            value, counts = part[name], ~target.isnan()
            counts = counts & (playing if of_tracks else playing.any(-1)).reshape(
                *playing.shape[: playing.ndim - (not of_tracks)],
                *[1] * (target.ndim - playing.ndim + (not of_tracks)),
            )
            target = torch.where(counts, target, value.detach())
            if name == "gain.gain_db":
                value, target = staged(value, counts), staged(target, counts)
            if name in BY_LOGARITHM:
                value, target = value.log2(), target.log2()
            error = ((value - target).abs() * counts).reshape(*total.shape, -1).sum(-1)
            count = counts.reshape(*total.shape, -1).sum(-1).clamp(min=1)
            total = total + WEIGHTS[name] * error / count
    return total
