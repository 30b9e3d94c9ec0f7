"""Any function on arrays as a processor: a NumPy effect, another library, another program."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.functional._arguments import Keywords, per_band, per_item, run_checked
from dasp.functional._run import name_of
from dasp.grad._black_box import refuse_gradient, wants_gradient
from dasp.grad._workers import Workers
from dasp.processors import Option, Param, Processor


def external(
    function: Callable[..., np.ndarray],
    params: Sequence[Param],
    *,
    name: str | None = None,
    options: Sequence[Option] = (),
    workers: int = 0,
    timeout_s: float | None = None,
) -> Processor:
    """Make a processor of a function of arrays, for `spsa` or another gradient mode to train.

    The processor has no gradient of its own, and backward through it is an error. The items of a
    batch are processed one by one.

    Args:
        function: `function(x, sample_rate, **settings)` of one batch item, an array
            `(channels, time)`, that returns an array of that shape. The settings are floats, or
            arrays of floats for bands; the options come as they are.
        params: The continuous parameters of the function.
        name: Name of the processor; None takes that of the function.
        options: The other keywords of the function.
        workers: Number of processes that share the items of a batch, 0 or more. They survive a
            function that crashes, and the function must stand in a module. With 0 the function runs
            in this process.
        timeout_s: Longest time of one item in a worker in s, above 0; None is without end.

    Returns:
        A `Processor`. A function that raises, crashes, is late or returns another shape is a
        `RuntimeError` with the name of the processor.

    Raises:
        ValueError: If `function` is no function, `params` or `options` are no lists of `Param` and
            `Option`, `workers` is below 0, or `timeout_s` is given without workers.

    >>> def halved(x, sample_rate, *, push):
    ...     return np.tanh(push * x) / 2
    >>> push = external(halved, [Param("push", 1.0, 100.0, default=1.0, scale="log")])
    >>> push(torch.ones(1, 2), 44_100, push=100.0)
    tensor([[0.5000, 0.5000]])
    """
    if not callable(function):
        raise ValueError(f"function: expected a function of arrays, got {function!r}")
    called = name or name_of(function)
    for keyword, values, kind in (("params", params, Param), ("options", options, Option)):
        several = not isinstance(values, kind | str) and isinstance(values, Iterable)
        if not several or not all(isinstance(value, kind) for value in values):
            raise ValueError(f"{keyword}: expected a list of {kind.__name__}, got {values!r}")
    check_range("workers", workers, low=0)
    if timeout_s is not None:
        check_range("timeout_s", timeout_s, above=0.0)
        if workers == 0:
            raise ValueError("timeout_s: only a worker can be ended, and workers is 0")
    pool = Workers(function, workers, timeout_s) if workers else None
    params, options = tuple(params), tuple(options)
    box = _External(function, called, params, options, pool)
    return Processor(box, *params, *options, name=called)


@dataclass(frozen=True)
class _External:
    """The function of the processor, which runs a function of arrays item by item."""

    function: Callable[..., np.ndarray]
    name: str
    params: tuple[Param, ...]
    options: tuple[Option, ...]
    pool: Workers | None

    @property
    def keywords(self) -> tuple[Param | Option, ...]:
        """The params and the options."""
        return (*self.params, *self.options)

    @property
    def __signature__(self) -> inspect.Signature:
        return _signature(self.keywords)

    def __call__(self, x: Tensor, sample_rate: float, **settings) -> Tensor:
        names = [keyword.name for keyword in self.keywords]
        options = frozenset(option.name for option in self.options)
        known = Keywords(dict.fromkeys(names, False), options)
        settings = {**{k.name: k.default for k in self.keywords}, **settings}
        return run_checked(self.name, known, self._run, x, sample_rate, **settings)

    def _run(self, x: Tensor, sample_rate: float, **settings) -> Tensor:
        wanted = [{"x": x, **settings}[key] for key in wants_gradient(x=x, **settings)]
        x = x.detach()
        by_item = _by_item(self.params, settings, x)
        y = x.reshape(len(by_item), *x.shape[-2:]).cpu().clone()
        calls = [
            ((item.numpy(), sample_rate), {**settings, **own})
            for item, own in zip(y, by_item, strict=True)
        ]
        try:
            if self.pool:
                results = self.pool.map(calls)
            else:
                results = [self.function(*a, **k) for a, k in calls]
        except Exception as error:
            raise RuntimeError(f"{self.name}: {type(error).__name__}: {error}") from error
        for place, result in zip(y, results, strict=True):
            if np.shape(result) != place.shape:
                raise RuntimeError(
                    f"{self.name}: expected it to return shape {tuple(place.shape)}, "
                    f"got {np.shape(result)}"
                )
            place.copy_(torch.as_tensor(np.array(result)))
        message = (
            f"{self.name} is a black box without a gradient: wrap it in spsa, finite_difference "
            f"or proxy"
        )
        return refuse_gradient(message, y.reshape(x.shape).to(x.device), *wanted)


def _by_item(params: Sequence[Param], settings: Mapping[str, Any], x: Tensor) -> list[dict]:
    """The parameters of each item: floats, or arrays of bands."""
    rows = math.prod(x.shape[:-2])
    columns: dict[str, Any] = {}
    for param in params:
        value = settings[param.name]
        if param.bands:
            value = per_band(param.name, value, x, param.bands).expand(*x.shape[:-2], -1)
            columns[param.name] = value.detach().reshape(rows, param.bands).cpu().double().numpy()
        else:
            value = per_item(param.name, value, x).expand(x.shape[:-2])
            columns[param.name] = value.detach().reshape(rows).tolist()
    return [{name: column[row] for name, column in columns.items()} for row in range(rows)]


def _signature(keywords: Sequence[Param | Option]) -> inspect.Signature:
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [inspect.Parameter(name, positional) for name in ("x", "sample_rate")]
        + [
            inspect.Parameter(k.name, inspect.Parameter.KEYWORD_ONLY, default=k.default)
            for k in keywords
        ]
    )
