"""Gradients estimated from the outputs of a processor at settings that are moved a little.

A direction says for every control of every item how it moves: -1, 0 or 1. Controls c move to
c± = clip(c ± epsilon direction, 0, 1), the values they stand for to v±, the output to y±. Where g
is the gradient of a loss by the output, the gradient by a value is

    <g, y⁺ - y⁻> / (v⁺ - v⁻),        the mean over the directions in which the value moved.

Dividing by what the value itself moved, behind the clipping and behind the map from controls, is
the whole chain rule; at the end of a range the difference is one-sided by itself.
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp._typing import Value
from dasp.functional._arguments import broadcasts
from dasp.functional._memory import Memory
from dasp.functional._processor import Processor, check_processor
from dasp.functional._run import Run
from dasp.processors import Param

MOST_SAMPLES = 2**24
"""Greatest number of samples in one call, over all directions: 64 MiB in float32."""

Epsilon: TypeAlias = float | Callable[[], float]
"""Step of a control in [0, 1], or a function that returns it at each backward pass."""

Directions: TypeAlias = Callable[[torch.Size, int], Tensor]
"""From the shape of the items and the number of movable controls to `(n, *items, movable)`."""


def black_box(
    processor: Processor,
    mode: str,
    directions: Directions,
    epsilon: Epsilon,
    *,
    audio_gradient: bool = False,
) -> Processor:
    """The same processor, whose gradient is estimated from its outputs."""
    check_processor(mode, processor)
    if not callable(epsilon):
        check_range("epsilon", epsilon, above=0.0, high=0.5)
    box = _BlackBox(processor, mode, directions, epsilon, audio_gradient)
    run = Run(box, blocks_in_use(processor, mode), processor.run.latency)
    return replace(processor, run=run, params=all_with_gradients(processor))


def outside_graphs(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method that `torch.compile` calls instead of looking into it.

    `torch.compiler.disable` does this, but loads all of the compiler where it decorates, which
    takes over a second. Here it decorates when a compiler comes by, which is loaded then.
    """

    @functools.wraps(method)
    def called(*arguments, **keywords) -> Tensor:
        if torch.compiler.is_compiling():
            return torch.compiler.disable(method)(*arguments, **keywords)
        return method(*arguments, **keywords)

    return called


def all_with_gradients(processor: Processor) -> tuple[Param, ...]:
    """The parameters of a processor, of which an estimate has a gradient for each."""
    return tuple(replace(param, differentiable=True) for param in processor.params)


@dataclass(frozen=True)
class _BlackBox:
    """The function of a processor whose gradient is estimated."""

    processor: Processor
    mode: str
    directions: Directions
    epsilon: Epsilon
    audio_gradient: bool

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.processor.function)

    @outside_graphs
    def __call__(self, x: Tensor, sample_rate: float, **settings) -> Tensor:
        processor, mode = self.processor, self.mode
        wanted = wants_gradient(x=x, **settings)
        if not wanted:
            return processor.function(x, sample_rate, **settings)
        if "x" in wanted and not self.audio_gradient:
            raise ValueError(
                f"{processor.name}: x requires a gradient, which {mode} does not estimate here; "
                "ask for it with spsa(..., audio_gradient=True), or give x.detach()"
            )
        params = {param.name: param for param in processor.params}
        moved = [name for name in wanted if name != "x"]
        for name in moved:
            if name not in params:
                raise ValueError(f"{name}: {mode} has gradients for parameters only; detach it")
            check_steady(params[name], settings[name], x, mode)
            extra = settings[name].ndim - bool(params[name].bands) - (x.ndim - 2)
            settings[name] = settings[name][(0,) * max(extra, 0)]  # of one number, as is checked
        step = self.epsilon() if callable(self.epsilon) else self.epsilon
        check_range("epsilon", step, above=0.0, high=0.5)
        call = _Call(
            processor.function,
            f"{mode}({processor.name})",
            sample_rate,
            {name: value for name, value in settings.items() if name not in moved},
            [params[name] for name in moved],
            self.directions,
            step,
        )
        return _Estimate.apply(call, x, *(settings[name] for name in moved))


def blocks_in_use(processor: Processor, mode: str) -> Callable[..., Tensor] | None:
    """The blocks of a processor where no gradient is asked for, which the mode has of wholes."""
    return _BlocksInUse(processor, mode) if processor.can_stream else None


@dataclass(frozen=True)
class _BlocksInUse:
    processor: Processor
    mode: str

    def __call__(self, x: Tensor, sample_rate: float, *, memory: Memory, **settings) -> Tensor:
        if wanted := wants_gradient(x=x, **settings):
            raise ValueError(
                f"{self.processor.name}: {', '.join(wanted)} requires a gradient, which "
                f"{self.mode} has of whole signals only; stream under torch.no_grad(), or what is "
                f"detached"
            )
        return self.processor.blockwise(x, sample_rate, memory, **settings)


def wants_gradient(**tensors: Any) -> list[str]:
    """The names of what a gradient is asked of; none under `torch.no_grad()`."""
    if not torch.is_grad_enabled():
        return []
    return [k for k, v in tensors.items() if isinstance(v, Tensor) and v.requires_grad]


def check_steady(param: Param, value: Value, x: Tensor, mode: str) -> None:
    """Refuse a value that moves along time, or is out of the parameter's range."""
    shape: Sequence[int] = value.shape if isinstance(value, Tensor) else ()
    items = shape[:-1] if param.bands else shape
    while len(items) > x.ndim - 2 and items[0] == 1:
        items = items[1:]
    if not broadcasts(items, x.shape[:-2]):
        raise ValueError(
            f"{param.name}: expected one number for each item of x, shape "
            f"{tuple(x.shape[:-2])}{' and bands' if param.bands else ''}, which {mode} has "
            f"gradients for, got shape {tuple(shape)}"
        )
    param.check(value)


@dataclass(frozen=True)
class _Call:
    """A call of a processor, to be repeated at other audio and other values of some parameters."""

    function: Callable[..., Tensor]
    name: str
    sample_rate: float
    settings: Mapping[str, Any]
    params: list[Param]
    directions: Directions
    epsilon: float

    def __call__(self, x: Tensor, values: Iterable[Tensor]) -> Tensor:
        moved = {param.name: value for param, value in zip(self.params, values, strict=True)}
        return self.function(x, self.sample_rate, **self.settings, **moved)

    def gradients_by_values(self, g: Tensor, x: Tensor, values: list[Tensor]) -> list[Tensor]:
        """The gradient by each value, where `g` is that by the output."""
        shapes = [(*x.shape[:-2], *([p.bands] if p.bands else [])) for p in self.params]
        controls = [
            param.to_control(value.to(x)).expand(shape)
            for param, value, shape in zip(self.params, values, shapes, strict=True)
        ]

        def run(steps: Iterable[Tensor]) -> tuple[Tensor, list[Tensor]]:
            moved = [
                param.to_physical((control + self.epsilon * step).clamp(0, 1))
                for param, control, step in zip(self.params, controls, steps, strict=True)
            ]
            return self(x.expand(len(moved[0]), *x.shape), moved), moved

        gradients = _estimate(run, self.directions, g, shapes, x.numel())
        return [
            gradient.sum_to_size(value.shape).to(value)
            for gradient, value in zip(gradients, values, strict=True)
        ]

    def gradient_by_audio(self, g: Tensor, x: Tensor, values: list[Tensor]) -> Tensor:
        """The gradient by the audio, of which every sample moves by `epsilon`."""

        def run(steps: Iterable[Tensor]) -> tuple[Tensor, list[Tensor]]:
            (step,) = steps
            moved = x + self.epsilon * step
            return self(moved, values), [moved]

        return _estimate(run, self.directions, g, [x.shape], x.numel())[0]


def _estimate(
    run: Callable[[Iterable[Tensor]], tuple[Tensor, list[Tensor]]],
    directions: Directions,
    g: Tensor,
    shapes: Sequence[Sequence[int]],
    samples: int,
) -> list[Tensor]:
    """The gradient by each of several tensors that begin with the items.

    `run` takes their steps `(n, *shape)` and returns the outputs `(n, *g.shape)` and where the
    tensors came to, `(n, *shape)`.
    """
    items = g.shape[:-2]
    sizes = [math.prod(shape[len(items) :]) for shape in shapes]
    sums, counts = [g.new_zeros(s) for s in shapes], [g.new_zeros(s) for s in shapes]
    drawn = directions(items, sum(sizes)).to(g)
    for some in drawn.split(max(1, MOST_SAMPLES // (2 * max(samples, 1)))):
        steps = torch.cat([some, -some]).split(sizes, -1)
        y, moved = run(step.reshape(len(step), *s) for step, s in zip(steps, shapes, strict=True))
        forward, backward = y.chunk(2)
        change = (g * (forward - backward)).sum((-2, -1))
        for i, (further, nearer) in enumerate(m.chunk(2) for m in moved):
            distance = further - nearer
            by_item = change.reshape(*change.shape, *[1] * (distance.ndim - change.ndim))
            has_moved = distance != 0
            sums[i] += (by_item / distance.where(has_moved, 1)).where(has_moved, 0).sum(0)
            counts[i] += has_moved.sum(0)
    return [total / count.clamp(min=1) for total, count in zip(sums, counts, strict=True)]


class _Estimate(torch.autograd.Function):
    @staticmethod
    def forward(call: _Call, x: Tensor, *values: Tensor) -> Tensor:
        return call(x, values)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.call, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx, g: Tensor):
        x, *values = ctx.saved_tensors
        with torch.no_grad():
            # Differences of half types would be nothing but rounding.
            wide = torch.promote_types(x.dtype, torch.float32)
            by_values, by_audio = [], None
            if values:
                by_values = ctx.call.gradients_by_values(g.to(wide), x.to(wide), values)
            if ctx.needs_input_grad[1]:
                by_audio = ctx.call.gradient_by_audio(g.to(wide), x.to(wide), values).to(x)
        if torch.is_grad_enabled():  # A graph of this gradient is asked for.
            message = f"{ctx.call.name} has no second derivative"
            by_values = [refuse_gradient(message, v, g, x, *values) for v in by_values]
            by_audio = by_audio if by_audio is None else refuse_gradient(message, by_audio, g, x)
        return None, by_audio, *by_values


def refuse_gradient(message: str, y: Tensor, *wanted: Tensor) -> Tensor:
    """`y`, for which the gradient by any of the wanted tensors is an error."""
    return _Refusal.apply(message, y, *wanted)


class _Refusal(torch.autograd.Function):
    @staticmethod
    def forward(message: str, y: Tensor, *wanted: Tensor) -> Tensor:
        return y.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.message = inputs[0]

    @staticmethod
    def backward(ctx, g: Tensor):
        raise RuntimeError(ctx.message)
