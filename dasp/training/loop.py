"""The loop.

    folder/weights.safetensors    the best weights by the validation set, or else the newest
    folder/log.jsonl              a line for each event
    folder/checkpoints/           the newest states, to go on from

Without a folder nothing is written. On a CPU a training that was killed at any step, and goes on
from its newest checkpoint, ends in the same weights to the last bit.
"""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dasp._checks import check_range
from dasp.training.batches import each_tensor, seed_of, to_device, training_batches
from dasp.training.checkpoint import Checkpoint, restore, save, save_weights, state_of
from dasp.training.ema import averaged_copy, update_average
from dasp.training.log import Log
from dasp.training.processes import Processes
from dasp.training.schedule import Schedule
from dasp.training.task import Task
from dasp.training.tensorboard import Board

ALONE = Processes()


@dataclass(frozen=True)
class Training:
    """How to train.

    Args:
        seed: Decides on the first weights, and on all that is drawn.
        steps: How many, 0 or more.
        batch_size: Items in a step, of all processes together.
        learning_rate: Of Adam, above 0.
        schedule: How the learning rate moves.
        clip_norm: The largest norm of a gradient; 0 for any.
        ema_decay: Of the average of the weights that is validated and kept; 0 for the weights
            themselves.
        mixed_precision: Run the model in bfloat16 where the device can.
        validate_every: Steps between two validations.
        patience: Stop after so many validations without a better one; 0 for never.
        checkpoint_every: Steps between two checkpoints.
        keep_checkpoints: How many of the newest stay, 2 or more.
        log_every: Steps between two lines of the log.
        workers: Processes that draw items beside each that trains.

    Raises:
        ValueError: If a number is out of range.
    """

    seed: int = 0
    steps: int = 1000
    batch_size: int = 8
    learning_rate: float = 1e-3
    schedule: Schedule = field(default_factory=Schedule)
    clip_norm: float = 0.0
    ema_decay: float = 0.0
    mixed_precision: bool = False
    validate_every: int = 100
    patience: int = 0
    checkpoint_every: int = 100
    keep_checkpoints: int = 2
    log_every: int = 10
    workers: int = 0

    def __post_init__(self):
        for name in ("steps", "clip_norm", "patience", "workers"):
            check_range(name, getattr(self, name), low=0)
        for name in ("batch_size", "validate_every", "checkpoint_every", "log_every"):
            check_range(name, getattr(self, name), low=1)
        check_range("learning_rate", self.learning_rate, above=0)
        check_range("ema_decay", self.ema_decay, low=0, below=1)
        check_range("keep_checkpoints", self.keep_checkpoints, low=2)


@dataclass
class Progress:
    """Where a training is.

    Args:
        step: Steps that are done.
        best_step: Step of the best validation.
        best_loss: On the validation set.
        seconds: How long it took.
    """

    step: int = 0
    best_step: int = 0
    best_loss: float | None = None
    seconds: float = 0.0


def train(
    task: Task,
    training: Training,
    folder: Path | None = None,
    *,
    start: Checkpoint | None = None,
    facts: Mapping[str, Any] = {},
    processes: Processes = ALONE,
    board: Board | None = None,
) -> Progress:
    """Train the model of a task, from its weights as they are or from a checkpoint.

    Args:
        task: What is trained, and on what. Its model is left at the last weights.
        training: How to train.
        folder: Where weights, log and checkpoints go; without one nothing is written.
        start: A checkpoint to go on from.
        facts: The recipe and its configuration, for the checkpoints and beside the weights.
        processes: The processes that share each batch.
        board: Where curves and previews go.

    Returns:
        How far the training came.

    Raises:
        ValueError: If the batch does not divide by the number of processes, there is patience and
            no validation set, the checkpoint is of another model, or a gradient is not finite.
    """
    _check(task, training, processes)
    model = task.model.to(processes.device)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(weights, training.learning_rate)
    average = averaged_copy(model) if training.ema_decay else model
    progress = Progress()
    if start is not None:
        restore(start.tensors, model, average, optimiser)
        progress = Progress(**start.facts["progress"])
    for one in (model, average):
        processes.as_the_first(one.state_dict().values())
    run = _in_precision(model, training, processes)
    run_average = _in_precision(average, training, processes)
    began = time.monotonic() - progress.seconds
    batches = training_batches(
        task, seed=training.seed, batch_size=training.batch_size, after=progress.step,
        processes=processes, workers=training.workers,
    )  # fmt: skip

    def keep_checkpoint() -> None:
        if folder and processes.is_first:
            progress.seconds = time.monotonic() - began
            known = {**facts, "step": progress.step, "progress": asdict(progress)}
            tensors = state_of(model, average, optimiser)
            save(folder / "checkpoints", tensors, known, training.keep_checkpoints)

    def keep_weights() -> None:
        if folder and processes.is_first and task.save:
            task.save(folder / "weights.safetensors", average)
        elif folder and processes.is_first:
            known = {**facts, "step": progress.step, "validation_loss": progress.best_loss}
            save_weights(folder / "weights.safetensors", average, known)

    with _log(folder, progress, training, processes, board) as log:
        if start is None:
            keep_checkpoint()
        while progress.step < training.steps and not _is_out_of_patience(progress, training):
            batch = next(batches)
            torch.manual_seed(seed_of(training.seed, "step", progress.step, processes.rank))
            rate = training.learning_rate * training.schedule(progress.step, training.steps)
            optimiser.param_groups[0]["lr"] = rate

            model.train()
            loss = task.loss(run, batch)
            gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
            loss, *means = processes.mean([loss.detach(), *gradients])
            for weight, gradient in zip(weights, means, strict=True):
                weight.grad = gradient
            norm = nn.utils.clip_grad_norm_(weights, training.clip_norm or math.inf)
            progress.step += 1
            if not norm.isfinite():
                raise ValueError(
                    f"step {progress.step}: the gradient is not finite (loss {loss.item():g})"
                )
            optimiser.step()
            if average is not model:
                update_average(average, model, training.ema_decay, progress.step)

            if log:
                log.step()
            if log and progress.step % training.log_every == 0:
                log.numbers(
                    progress.step, loss=loss.item(), learning_rate=rate, gradient_norm=norm.item(),
                    seconds=time.monotonic() - began,
                )  # fmt: skip
            is_last = progress.step == training.steps
            if task.validation and (progress.step % training.validate_every == 0 or is_last):
                value = _validate(task, average, run_average, training, processes)
                if value < (math.inf if progress.best_loss is None else progress.best_loss):
                    progress.best_loss, progress.best_step = value, progress.step
                    keep_weights()
                if log:
                    log.numbers(progress.step, validation_loss=value)
                    _show(log, progress.step, task, average)
            if progress.step % training.checkpoint_every == 0:
                keep_checkpoint()
        if not task.validation:
            keep_weights()
        keep_checkpoint()
    return progress


def _check(task: Task, training: Training, processes: Processes) -> None:
    if training.batch_size % processes.count:
        raise ValueError(
            f"batch_size: expected a multiple of the {processes.count} processes, "
            f"got {training.batch_size}"
        )
    if training.patience and not task.validation:
        raise ValueError("patience: the recipe has no validation set to be patient with")


def _is_out_of_patience(progress: Progress, training: Training) -> bool:
    waited = progress.step - progress.best_step
    return training.patience > 0 and waited >= training.patience * training.validate_every


def _in_precision(model: nn.Module, training: Training, processes: Processes) -> Callable:
    """The model as a function in mixed precision, if so, whose results are float32 again."""
    device = processes.device.type
    if not training.mixed_precision or (device == "cuda" and not torch.cuda.is_bf16_supported()):
        return model

    def run(*inputs, **options):
        with torch.autocast(device, torch.bfloat16):
            outputs = model(*inputs, **options)
        return each_tensor(lambda x: x.float() if x.dtype == torch.bfloat16 else x, outputs)

    return run


@torch.no_grad()
def _validate(
    task: Task, average: nn.Module, run: Callable, training: Training, processes: Processes
) -> float:
    """The mean loss over the validation set, of which each process takes every n-th batch."""
    processes.as_the_first(average.buffers())
    average.eval()
    losses = torch.zeros(len(task.validation), device=processes.device)
    for i in range(processes.rank, len(losses), processes.count):
        torch.manual_seed(seed_of(training.seed, "validation", i))
        losses[i] = task.loss(run, to_device(task.validation[i], processes.device))
    return processes.sum([losses])[0].mean().item()


@torch.no_grad()
def _show(log: Log, step: int, task: Task, average: nn.Module) -> None:
    """A preview, where somebody looks."""
    if log.board is not None and task.preview is not None:
        average.eval()
        log.preview(step, task.preview(average))


def _log(
    folder: Path | None,
    progress: Progress,
    training: Training,
    processes: Processes,
    board: Board | None,
) -> AbstractContextManager[Log | None]:
    """The log of the first process, where there is a folder; the others are silent."""
    if folder is None or not processes.is_first:
        return nullcontext()
    return Log(folder / "log.jsonl", after=progress.step, steps=training.steps, board=board)
