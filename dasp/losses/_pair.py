"""What all losses share: two signals of one shape, and one number for each item or for all."""

import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice


def paired(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both signals, checked to be alike; half types in float32, in which their loss stays."""
    check_audio(output, "output")
    check_audio(target, "target")
    if output.shape != target.shape:
        raise ValueError(
            f"output and target: expected one shape, got {tuple(output.shape)} and "
            f"{tuple(target.shape)}"
        )
    if 0 in output.shape[-2:]:
        raise ValueError(
            f"output: expected at least one channel of one sample, got {tuple(output.shape)}"
        )
    wide = torch.promote_types(torch.promote_types(output.dtype, target.dtype), torch.float32)
    return output.to(wide), target.to(wide)


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The mean over the items of a loss `batch`, or with "none" the loss as it is."""
    check_choice("reduction", reduction, ("mean", "none"))
    return loss.mean() if reduction == "mean" else loss
