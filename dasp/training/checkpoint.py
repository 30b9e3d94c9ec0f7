"""Checkpoints: tensors as safetensors, all else as JSON, and nothing half written.

`step-00000100.safetensors` holds the weights, their average and the state of the optimiser.
`step-00000100.json`, which is written after it, makes it a checkpoint: it has the facts (step,
best loss so far, configuration) and a digest of both. No state of a random generator is there:
what is random at a step is a function of the seed and the step.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from dasp.audio_io import whole

FORMAT, WEIGHTS_FORMAT = "dasp-checkpoint-1", "dasp-weights-1"
PICKLES = (".pt", ".pth", ".ckpt", ".bin")


class Checkpoint(NamedTuple):
    """The state of a training.

    Args:
        tensors: Weights, their average and the state of the optimiser, by name.
        facts: The step, the progress, the recipe and its configuration.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def state_of(
    model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Collect everything that a step changes, by name.

    Args:
        model: The model.
        average: The average of its weights, or the model itself.
        optimiser: The optimiser.

    Returns:
        The tensors.
    """
    tensors = {f"model.{name}": x for name, x in model.state_dict().items()}
    if average is not model:
        tensors |= {f"average.{name}": x for name, x in average.state_dict().items()}
    for i, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{i}.{name}": x for name, x in state.items()}
    return tensors


def restore(
    tensors: Mapping[str, Tensor],
    model: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    """Put back what `state_of` has collected.

    Args:
        tensors: The tensors.
        model: Gets its weights.
        average: Gets the average, unless it is the model itself.
        optimiser: Gets its state.

    Raises:
        ValueError: If the tensors are of another model, or one side has an average and the other
            has none.
    """
    part: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimiser": {}}
    for name, x in tensors.items():
        kind, _, rest = name.partition(".")
        part[kind][rest] = x
    if bool(part["average"]) != (average is not model):
        raise ValueError(
            "ema_decay: the training averages weights and the checkpoint has no average, or the "
            "other way round"
        )
    state: dict[int, dict[str, Tensor]] = {}
    for name, x in part["optimiser"].items():
        i, _, key = name.partition(".")
        state.setdefault(int(i), {})[key] = x
    try:
        model.load_state_dict(part["model"])
        if average is not model:
            average.load_state_dict(part["average"])
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    except RuntimeError as error:
        raise ValueError(f"the checkpoint is of another model: {error}") from error


def save(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], keep: int) -> None:
    """Write the checkpoint of step `facts["step"]`, and remove all but the newest `keep`.

    Args:
        folder: Where the checkpoints are.
        tensors: What `state_of` has collected.
        facts: All else, for JSON.
        keep: How many of the newest stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step = facts["step"]
    data = _serialise(tensors)
    head = {"format": FORMAT, "digest": _digest(data, facts), "facts": facts}
    _write(_file(folder, step, ".safetensors"), data)
    _write(_file(folder, step, ".json"), json.dumps(head, indent=1).encode())
    for old in [other for other in _steps(folder) if other <= step][keep:]:
        for suffix in (".json", ".safetensors"):
            _file(folder, old, suffix).unlink(missing_ok=True)


def latest(folder: Path) -> Checkpoint | None:
    """Read the newest checkpoint that is whole, with a warning for every newer one that is not.

    Args:
        folder: Where the checkpoints are.

    Returns:
        The checkpoint, or None where there is none at all.

    Raises:
        ValueError: If all are damaged.
    """
    steps = list(_steps(folder))
    for step in steps:
        try:
            return _load(folder, step)
        except (ValueError, OSError, SafetensorError) as error:
            warnings.warn(
                f"{_file(folder, step, '.json')}: A DAMAGED CHECKPOINT ({error}); "
                "trying the one before it",
                RuntimeWarning,
                stacklevel=2,
            )
    if steps:
        raise ValueError(f"{folder}: every checkpoint is damaged")
    return None


def save_weights(path: Path, model: nn.Module, facts: Mapping[str, Any]) -> None:
    """Write the weights alone, for use; the facts go with them, JSON in the metadata.

    Args:
        path: The file, a .safetensors.
        model: Has the weights.
        facts: The recipe and its configuration, for JSON.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # One entry: safetensors writes several in any order.
    metadata = {"dasp": json.dumps({"format": WEIGHTS_FORMAT, **facts})}
    _write(path, _serialise(model.state_dict(), metadata))


def load_weights(path: Path, *, trust_pickle: bool = False) -> dict[str, Tensor]:
    """Read tensors by name.

    Files of `torch.save` are pickles, which can run a program of their maker. They are not even
    opened unless `trust_pickle` says where they come from, and then read for tensors alone.

    Args:
        path: A .safetensors, or a file of `torch.save`.
        trust_pickle: Whether a pickle may be read, because its maker is known.

    Returns:
        The tensors.

    Raises:
        ValueError: If the file is damaged, holds more than tensors, or is a pickle that is not
            trusted.
    """
    if path.suffix not in PICKLES:
        try:
            return safetensors.torch.load(path.read_bytes())
        except SafetensorError as error:
            raise ValueError(f"{path}: not a safetensors file: {error}") from error
    if not trust_pickle:
        raise ValueError(
            f"{path}: a pickle can run a program of its maker: it is read only with "
            "--trust-pickle (trust_pickle=True); better have it as .safetensors"
        )
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged pickle can raise anything.
        raise ValueError(f"{path}: holds more than tensors, or is damaged") from error
    if not isinstance(tensors, dict) or not all(isinstance(x, Tensor) for x in tensors.values()):
        raise ValueError(f"{path}: expected a dictionary of tensors by name")
    return tensors


def _load(folder: Path, step: int) -> Checkpoint:
    head = json.loads(_file(folder, step, ".json").read_bytes())
    data = _file(folder, step, ".safetensors").read_bytes()
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ValueError(f"not in the format {FORMAT}")
    if head.get("digest") != _digest(data, head.get("facts")):
        raise ValueError("its digest is not that of its contents")
    return Checkpoint(safetensors.torch.load(data), head["facts"])


def _steps(folder: Path) -> Iterator[int]:
    """The steps of which there is a checkpoint, the newest first."""
    numbers = (path.stem.removeprefix("step-") for path in folder.glob("step-*.json"))
    return iter(sorted((int(number) for number in numbers if number.isdecimal()), reverse=True))


def _file(folder: Path, step: int, suffix: str) -> Path:
    return folder / f"step-{step:08d}{suffix}"


def _serialise(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    # Copies, because safetensors refuses names that share memory, as tied weights do.
    own = {name: x.detach().cpu().clone(memory_format=torch.contiguous_format)
           for name, x in tensors.items()}  # fmt: skip
    return safetensors.torch.save(own, metadata)


def _digest(data: bytes, facts: Any) -> str:
    digest = hashlib.sha256(data)
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing, also where the power fails."""
    with whole(path) as unfinished, unfinished.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
