"""`ProcessorModule`: any processor as a `torch.nn.Module`."""

import torch
from torch import Tensor, nn

from dasp.processors.processor import Processor


class ProcessorModule(nn.Module):
    """A processor whose controls are trained, or given at each call.

    The module's own parameters are logits, one for each control; a sigmoid keeps the controls in
    (0, 1) and thus every physical value inside its range. It begins at the declared defaults.

    >>> from dasp.processors.catalogue import GAIN
    >>> module = ProcessorModule(GAIN, 44_100)
    >>> x = torch.randn(3, 1, 100)
    >>> torch.allclose(module(x), x, atol=1e-4)
    True
    """

    def __init__(self, processor: Processor, sample_rate: float, *, batch: tuple[int, ...] = ()):
        super().__init__()
        self.processor = processor
        self.sample_rate = sample_rate
        # A default at the end of its range would have an infinite logit.
        controls = processor.to_controls({}).clamp(1e-4, 1 - 1e-4)
        self.logits = nn.Parameter(torch.logit(controls).expand(*batch, -1).clone())

    def settings(self) -> dict[str, Tensor]:
        """The physical values that the module stands at."""
        return self.processor.to_physical(torch.sigmoid(self.logits))

    def forward(self, x: Tensor, controls: Tensor | None = None, **inputs) -> Tensor:
        """Process `x` with its own controls, or with `controls` `(*batch, n_controls)`.

        `inputs` are options and tensors that the processor takes, such as `sidechain`.
        """
        settings = self.settings() if controls is None else self.processor.to_physical(controls)
        return self.processor(x, self.sample_rate, **settings, **inputs)

    def extra_repr(self) -> str:
        return f"{self.processor.name}, sample_rate={self.sample_rate:g}"
