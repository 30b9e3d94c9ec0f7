"""One switch for where a processor's gradient comes from."""

import torch

from dasp._checks import check_choice
from dasp.functional._processor import Processor, check_processor
from dasp.grad._black_box import Epsilon
from dasp.grad.finite_difference import finite_difference
from dasp.grad.proxy import proxy
from dasp.grad.spsa import spsa
from dasp.grad.tcn import TCN

GRADIENTS = ("autodiff", "spsa", "finite_difference", "proxy", "half_hybrid", "full_hybrid")
"""Where a gradient can come from, by the names that `with_gradient` takes."""


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
    """Choose where the gradient of a processor comes from, by name.

    | gradient | what it is | needs |
    | --- | --- | --- |
    | "autodiff" | the processor's own | |
    | "spsa" | `spsa` | `generator`, `epsilon`, `draws`, `audio_gradient` |
    | "finite_difference" | `finite_difference` | `epsilon` |
    | "proxy", "half_hybrid", "full_hybrid" | `proxy` in the mode "full", … | `network` |

    Args:
        processor: Any processor.
        gradient: One of `GRADIENTS`, as listed above.
        network: The trained proxy, for the last three.
        generator: Source of the signs of `spsa`; None is a new one with seed 0.
        epsilon: Step of each control in [0, 1], above 0 and at most 0.5, or a function that returns
            it.
        draws: Number of random sign vectors of `spsa`, 1 or more.
        audio_gradient: Whether `spsa` estimates the gradient of the audio too.

    Returns:
        The same processor with that gradient.

    Raises:
        ValueError: If `processor` is no `Processor`, `gradient` is unknown, `network` is missing or
            does not fit, or another argument is out of its range.

    >>> from dasp.processors.catalogue import GAIN
    >>> x = torch.randn(1, 10)
    >>> torch.equal(with_gradient(GAIN, "spsa")(x, 44_100), GAIN(x, 44_100))
    True
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
