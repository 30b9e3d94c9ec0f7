"""Training: a plain loop, its configuration, and checkpoints that go on where they were.

A recipe is a module in `dasp.recipes` that has

- `Config`, a frozen dataclass whose field `training` is a `Training`, and
- `build(config)`, which returns the `Task`: what is trained, on what, towards what.

`dasp train RECIPE` does the rest. `loop.py` reads from top to bottom.
"""

from dasp.training.checkpoint import Checkpoint, latest, load_weights
from dasp.training.loop import Progress, Training, train
from dasp.training.processes import Processes, processes
from dasp.training.schedule import Schedule
from dasp.training.task import Direct, Preview, Task

__all__ = [
    "Checkpoint",
    "Direct",
    "Preview",
    "Processes",
    "Progress",
    "Schedule",
    "Task",
    "Training",
    "latest",
    "load_weights",
    "processes",
    "train",
]
