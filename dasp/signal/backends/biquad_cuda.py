"""Designs of second-order sections on a GPU, each a launch; see `dasp.signal.biquad`."""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch

KINDS = (
    "low_shelf", "high_shelf", "peak", "low_pass", "high_pass", "band_pass", "notch", "all_pass"
)  # fmt: skip
"""In the order of `cuda/biquad.cu`."""


def designed(
    keep: bool, freq_hz: Tensor, gain_db: Tensor, q: Tensor, kind: str, sample_rate: float
) -> tuple[Tensor, tuple]:
    parameters = [p.detach().contiguous() for p in (freq_hz, gain_db, q)]
    items, sos = len(freq_hz), freq_hz.new_empty(len(freq_hz), 6)
    launch("biquad.designed", items, *parameters, sos, items, KINDS.index(kind), float(sample_rate))
    return sos, ()


def designed_adjoint(
    grad: Tensor, freq_hz: Tensor, gain_db: Tensor, q: Tensor, kind: str, sample_rate: float
) -> tuple[Tensor, ...]:
    parameters = [p.detach().contiguous() for p in (freq_hz, gain_db, q)]
    gradients = tuple(map(torch.empty_like, parameters))
    items = len(freq_hz)
    launch(
        "biquad.designed_back", items, grad.contiguous(), *parameters, *gradients, items,
        KINDS.index(kind), float(sample_rate),
    )  # fmt: skip
    return gradients


def crossover(keep: bool, freq_hz: Tensor, sample_rate: float) -> tuple[Tensor, tuple]:
    freq_hz = freq_hz.detach()
    rows, crossovers = freq_hz.shape
    sos = freq_hz.new_empty(rows, crossovers + 1, 2 * crossovers, 6, dtype=torch.float64)
    items = sos.numel() // 12
    launch("biquad.crossover", items, freq_hz, sos, rows, crossovers, float(sample_rate))
    return sos, ()


def crossover_adjoint(grad: Tensor, freq_hz: Tensor, sample_rate: float) -> tuple[Tensor]:
    freq_hz = freq_hz.detach()
    d_freq = torch.empty_like(freq_hz)
    # The first tensor has the type of the signals, and the gradient of sections is float64.
    launch(
        "biquad.crossover_back", d_freq.numel(), freq_hz, grad.contiguous(), d_freq, *freq_hz.shape,
        float(sample_rate),
    )  # fmt: skip
    return (d_freq,)


def sections(keep: bool, sos: Tensor) -> tuple[Tensor, tuple]:
    sos = sos.detach().contiguous()
    y = sos.new_empty(len(sos), 5)
    launch("biquad.sections", len(sos), sos, y, len(sos))
    return y, ()


def sections_adjoint(grad: Tensor, sos: Tensor) -> tuple[Tensor]:
    sos = sos.detach().contiguous()
    d_sos = torch.empty_like(sos)
    launch("biquad.sections_back", len(sos), grad.contiguous(), sos, d_sos, len(sos))
    return (d_sos,)
