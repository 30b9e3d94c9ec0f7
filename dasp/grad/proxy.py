"""Gradients through a network that has learnt to imitate a processor.

Source: C. J. Steinmetz, N. J. Bryan and J. D. Reiss, "Style transfer of audio effects with
differentiable signal processing", JAES 70(9), 2022: the full proxy and the two hybrids.
"""

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from dasp._checks import check_choice
from dasp.functional._processor import Processor, check_processor
from dasp.functional._run import Run
from dasp.grad._black_box import (
    all_with_gradients,
    blocks_in_use,
    check_steady,
    outside_graphs,
    wants_gradient,
)
from dasp.grad.tcn import TCN

FORMAT = "dasp-proxy-1"
MODES = ("full", "half_hybrid", "full_hybrid")


def proxy(processor: Processor, network: TCN, mode: str = "full") -> Processor:
    """Replace the gradient of a processor by that of a network that imitates it.

    | mode | output in training | gradient | output in use |
    | --- | --- | --- | --- |
    | "full" | network | network | network |
    | "half_hybrid" | network | network | processor |
    | "full_hybrid" | processor | network | processor |

    A call is training where a gradient is asked for: of `x` or of a setting, outside of
    `torch.no_grad()`. A network stands for the processor at the options it was trained with, the
    defaults; others, and tensors such as a side chain, are refused.

    Args:
        processor: What the network imitates.
        network: A trained `TCN` of as many controls, at the sample rate it was trained at.
        mode: "full", "half_hybrid" or "full_hybrid".

    Returns:
        The same processor with that output and gradient. In the hybrid modes it runs block by block
        where `processor` does and no gradient is asked for.

    Raises:
        ValueError: If `processor` is no `Processor`, `mode` is unknown, or `network` has another
            number of controls.

    Source: C. J. Steinmetz, N. J. Bryan and J. D. Reiss, "Style transfer of audio effects with
    differentiable signal processing", JAES 70(9), 2022.

    >>> from dasp.processors.catalogue import GAIN
    >>> imitation, x = proxy(GAIN, TCN(1, 44_100, width=4)), torch.randn(1, 100)
    >>> y = imitation(x, 44_100, gain_db=6.0)  # an untrained network changes nothing
    >>> torch.allclose(y, x, atol=1e-5)
    True
    """
    check_processor("proxy", processor)
    check_choice("mode", mode, MODES)
    if not hasattr(network, "n_controls"):
        raise ValueError(f"network: expected a TCN, got a {type(network).__name__}")
    if network.n_controls != processor.n_controls:
        raise ValueError(
            f"network: expected one of {processor.n_controls} controls, those of "
            f"{processor.name}, got {network.n_controls}"
        )

    imitation = _Imitation(processor, network, mode)
    if mode == "full":  # The processor is never heard, and a network has no blocks.
        return replace(processor, run=Run(imitation), params=all_with_gradients(processor))
    run = Run(imitation, blocks_in_use(processor, mode), processor.run.latency)
    return replace(processor, run=run, params=all_with_gradients(processor))


@dataclass(frozen=True)
class _Imitation:
    """The function of a processor that a network imitates."""

    processor: Processor
    network: TCN
    mode: str

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.processor.function)

    @outside_graphs
    def __call__(self, x: Tensor, sample_rate: float, **settings) -> Tensor:
        processor = self.processor
        settings = {**processor.defaults(), **settings}
        wanted = wants_gradient(x=x, **settings)
        if self.mode != "full" and not wanted:
            return processor.function(x, sample_rate, **settings)
        _check_heard(processor, self.network, x, sample_rate, settings)
        y = self._imitated(x, settings)
        if self.mode != "full_hybrid":
            return y
        with torch.no_grad():
            exact = processor.function(x, sample_rate, **settings)
        return exact + (y - y.detach())

    def _imitated(self, x: Tensor, settings: dict) -> Tensor:
        controls = self.processor.to_controls(settings)
        weight = next(self.network.parameters())
        y = self.network(x.to(weight), controls.to(weight).expand(*x.shape[:-2], -1))
        return y.to(x)


def save_proxy(path: str | Path, network: TCN, processor: Processor) -> None:
    """Write a trained network, with the declaration of what it imitates, as safetensors.

    Args:
        path: The file to write; one that is there is replaced.
        network: The network.
        processor: What it imitates.

    >>> import tempfile
    >>> from dasp.processors.catalogue import GAIN
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_proxy(f"{folder}/gain.safetensors", TCN(1, 44_100, width=4), GAIN)
    ...     load_proxy(f"{folder}/gain.safetensors", GAIN, 44_100).n_controls
    1
    """
    metadata = {
        **_declaration(processor),
        "sample_rate": json.dumps(network.sample_rate),
        "architecture": json.dumps(network.architecture),
    }
    save_file(network.state_dict(), path, metadata)


def load_proxy(path: str | Path, processor: Processor, sample_rate: float) -> TCN:
    """Read the network that imitates a processor at a sample rate.

    Args:
        path: A file that `save_proxy` has written.
        processor: What the network imitates.
        sample_rate: In Hz, at which the network was trained.

    Returns:
        The network, with frozen weights.

    Raises:
        ValueError: If the file is no such file, the network imitates a processor of another
            declaration, or it was trained at another sample rate.

    >>> import tempfile
    >>> from dasp.processors.catalogue import GAIN
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_proxy(f"{folder}/gain.safetensors", TCN(1, 44_100, width=4), GAIN)
    ...     network = load_proxy(f"{folder}/gain.safetensors", GAIN, 44_100)
    >>> network.sample_rate
    44100
    """
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: expected a proxy in the format {FORMAT}")
    for key, expected in _declaration(processor).items():
        known = metadata.get(key)
        # An option that is new stands at its default, which is how the network learnt.
        if known != expected and not (key == "options" and known and _holds(expected, known)):
            raise ValueError(
                f"{path}: the proxy of another processor: expected {key} {expected}, got {known}"
            )
    trained_at = json.loads(metadata["sample_rate"])
    if trained_at != sample_rate:
        raise ValueError(f"{path}: trained at {trained_at:g} Hz, and not at {sample_rate:g} Hz")
    network = TCN(processor.n_controls, trained_at, **json.loads(metadata["architecture"]))
    network.load_state_dict(weights)
    return network.requires_grad_(False)


def _declaration(processor: Processor) -> dict[str, str]:
    return {
        "format": FORMAT,
        "processor": processor.name,
        "params": json.dumps([asdict(param) for param in processor.params]),
        "options": json.dumps([asdict(option) for option in processor.options]),
    }


def _holds(options: str, earlier: str) -> bool:
    """Whether the options of a processor have all that it had earlier, as they were."""
    there = json.loads(options)
    return all(option in there for option in json.loads(earlier))


def _check_heard(
    processor: Processor, network: TCN, x: Tensor, sample_rate: float, settings: Mapping[str, Any]
) -> None:
    """Refuse a sample rate or settings that the network was not trained with."""
    if sample_rate != network.sample_rate:
        raise ValueError(
            f"sample_rate: the proxy of {processor.name} was trained at "
            f"{network.sample_rate:g} Hz, got {sample_rate:g} Hz"
        )
    params = {param.name: param for param in processor.params}
    learnt = {option.name: option.default for option in processor.options}
    for key, value in settings.items():
        if key in params:
            check_steady(params[key], value, x, "proxy")
        elif value is not None and value != learnt.get(key):
            raise ValueError(
                f"{key}: the proxy of {processor.name} was trained without, or at the default "
                f"{learnt.get(key)!r}"
            )
