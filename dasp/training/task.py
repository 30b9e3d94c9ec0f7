"""What a recipe gives to `dasp train`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from dasp.mixing.settings import Mix

Measures = Mapping[str, Mapping[str, float]]
"""Columns of a table, each with its numbers by what they measure."""


class Preview(NamedTuple):
    """What a model makes of a song, to hear and to see.

    Args:
        audio: `(channels, time)`.
        sample_rate: In Hz.
        mix: The settings of the console, where there is one.
    """

    audio: Tensor
    sample_rate: int
    mix: Mix | None = None


@dataclass(frozen=True)
class Task:
    """A model, and what it is trained on. A batch is tensors, in tuples and dictionaries or not.

    Args:
        model: What is trained: those of its parameters that ask for a gradient.
        loss: `loss(model, batch)`, the mean over the items of a batch. It may draw random numbers.
            Here `model` is a function that is called as the model is: it runs in mixed precision
            where that is asked for, and what it returns is float32 again. So a console stays exact.
        draw: One item to train on, drawn with this generator and no other chance: the same
            generator, the same item. With workers other processes call it, to which it is sent: it
            is then a function at the top of a module, or a value with a `__call__`, and no function
            inside another.
        validation: Batches that are not trained on.
        collate: Makes a batch of items.
        preview: What a model makes of a song, for TensorBoard.
        measure: Numbers to print when the training is over, of the model on a CPU.
        save: Writes a model to a file, where that is to have another form than weights by name.
    """

    model: nn.Module
    loss: Callable[[Any, Any], Tensor]
    draw: Callable[[torch.Generator], Any]
    validation: Sequence[Any] = ()
    collate: Callable[[list], Any] = default_collate
    preview: Callable[[Any], Preview] | None = None
    measure: Callable[[Any], Measures] | None = None
    save: Callable[[Path, Any], None] | None = None


@dataclass(frozen=True)
class Direct:
    """What is found in one go, and not step by step along a gradient.

    Args:
        find: Does the work, and returns what was found.
        measure: Numbers to print of it.
        save: Writes it to a file.
    """

    find: Callable[[], Any]
    measure: Callable[[Any], Measures]
    save: Callable[[Path, Any], None]
