"""One switch for where a processor's gradient comes from."""

import torch

from dasp._checks import check_choice
from dasp.grad._black_box import Epsilon
from dasp.grad.finite_difference import finite_difference
from dasp.grad.proxy import proxy
from dasp.grad.spsa import spsa
from dasp.grad.tcn import TCN
from dasp.processors.processor import Processor, check_processor

GRADIENTS = ("autodiff", "spsa", "finite_difference", "proxy", "half_hybrid", "full_hybrid")


def with_gradient(
    processor: Processor,
    gradient: str,
    *,
    network: TCN | None = None,
    generator: torch.Generator | None = None,
    epsilon: Epsilon = 1e-3,
    draws: int = 1,
    audio_gradient: bool = False,
) -> Processor:
    """The same processor, with its gradient from where a recipe or a command line says.

    | gradient | what it is | needs |
    | --- | --- | --- |
    | "autodiff" | the processor's own | |
    | "spsa" | `spsa` | `generator`, `epsilon`, `draws`, `audio_gradient` |
    | "finite_difference" | `finite_difference` | `epsilon` |
    | "proxy", "half_hybrid", "full_hybrid" | `proxy` in the mode "full", … | `network` |
    """
    check_processor("with_gradient", processor)
    check_choice("gradient", gradient, GRADIENTS)
    if gradient == "autodiff":
        return processor
    if gradient == "spsa":
        return spsa(
            processor,
            epsilon=epsilon,
            draws=draws,
            generator=generator,
            audio_gradient=audio_gradient,
        )
    if gradient == "finite_difference":
        return finite_difference(processor, epsilon=epsilon)
    if network is None:
        raise ValueError(f"network: {gradient} needs the trained proxy of {processor.name}")
    return proxy(processor, network, "full" if gradient == "proxy" else gradient)
