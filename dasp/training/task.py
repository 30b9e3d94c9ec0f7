"""What a recipe gives to the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from dasp.mixing.settings import Mix


class Preview(NamedTuple):
    """What a model makes of a song, to hear and to see."""

    audio: Tensor
    """`(channels, time)`"""
    sample_rate: int
    mix: Mix | None = None
    """The settings of the console, where there is one."""


@dataclass(frozen=True)
class Task:
    """A model, and what it is trained on. A batch is tensors, in tuples and dictionaries or not."""

    model: nn.Module
    loss: Callable[[Callable, Any], Tensor]
    """`loss(model, batch)`: the mean over the items of a batch. Random numbers may be drawn.

    Here `model` is a function that is called as the model is: it runs in mixed precision where
    that is asked for, and what it returns is float32 again. So a console stays exact.
    """
    draw: Callable[[torch.Generator], Any]
    """One item to train on, drawn with this generator and no other chance: the same generator,
    the same item. With workers other processes call it, to which it is sent: it is then a function
    at the top of a module, or a value with a `__call__`, and no function inside another."""
    validation: Sequence[Any] = ()
    """Batches that are not trained on."""
    collate: Callable[[list], Any] = default_collate
    """Makes a batch of items."""
    preview: Callable[[nn.Module], Preview] | None = None
