"""Gradients from outputs alone: all controls move at once, by random signs.

Source: J. C. Spall, "Multivariate stochastic approximation using a simultaneous perturbation
gradient approximation", IEEE Trans. Automatic Control 37(3), 1992; for audio effects, M. A.
Martínez Ramírez et al., "Differentiable signal processing with black-box audio effects", ICASSP
2021.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.grad._black_box import Epsilon, black_box
from dasp.processors import Processor


def spsa(
    processor: Processor,
    *,
    epsilon: Epsilon = 1e-3,
    draws: int = 1,
    generator: torch.Generator | None = None,
    audio_gradient: bool = False,
) -> Processor:
    """Estimate the gradient of a processor by simultaneous perturbation of all controls.

    The output is the processor's own. A gradient costs two more outputs for each draw, however many
    parameters there are: it is unbiased but for terms in epsilon², and the more controls move, the
    more it scatters. Parameters without a gradient stay still.

    Args:
        processor: Any processor; a chain is one black box.
        epsilon: Step of every control in [0, 1], above 0 and at most 0.5; or a function without
            arguments that returns it, called for every gradient, so that a recipe may let it fall.
        draws: Number of random sign vectors for each item and gradient, 1 or more; their gradients
            are averaged.
        generator: Source of the signs; None is a new one with seed 0.
        audio_gradient: Whether `x` may have a gradient too, at the same cost again. As many samples
            move at once as there are, so this gradient is right only in the mean of very many
            draws. Without it, an `x` that requires a gradient is refused.

    Returns:
        The same processor with that gradient. It runs block by block where `processor` does and no
        gradient is asked for.

    Raises:
        ValueError: If `processor` is no `Processor`, `epsilon` or `draws` is out of its range, or
            `generator` is no `torch.Generator`.

    Source: J. C. Spall, "Multivariate stochastic approximation using a simultaneous perturbation
    gradient approximation", IEEE Trans. Automatic Control 37(3), 1992.

    >>> from dasp.processors.catalogue import GAIN
    >>> gain_db = torch.tensor([0.0], requires_grad=True)
    >>> spsa(GAIN)(torch.ones(1, 1, 1), 44_100, gain_db=gain_db).sum().backward()
    >>> round(gain_db.grad.item(), 3)  # of 10 ** (gain_db / 20), ln(10) / 20
    0.115
    """
    check_range("draws", draws, low=1)
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    elif not isinstance(generator, torch.Generator):
        raise ValueError(
            f"generator: expected a torch.Generator or None, got {type(generator).__name__}"
        )
    signs = _Signs(draws, generator)
    return black_box(processor, "spsa", signs, epsilon, audio_gradient=audio_gradient)


@dataclass(frozen=True)
class _Signs:
    """Random signs. A copy, in another process too, draws what this one would have drawn next."""

    draws: int
    generator: torch.Generator

    def __call__(self, items: torch.Size, movable: int) -> Tensor:
        shape, generator = (self.draws, *items, movable), self.generator
        return 2 * torch.randint(2, shape, generator=generator, device=generator.device) - 1

    def __reduce__(self):
        # Bytes, because a tensor that nothing else holds does not last until a worker takes it.
        state = self.generator.get_state().numpy().tobytes()
        return _signs_from, (self.draws, str(self.generator.device), state)


def _signs_from(draws: int, device: str, state: bytes) -> _Signs:
    generator = torch.Generator(device)
    generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return _Signs(draws, generator)
