"""How a processor reads its arguments: audio checked once, parameters shaped to broadcast."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, ParamSpec, cast

import torch
from torch import Tensor

from dasp._checks import check_audio, check_range, checked_sample_rate, without_numpy
from dasp._constants import constant
from dasp._private import is_transformed
from dasp._suggestion import did_you_mean
from dasp._typing import Value
from dasp.functional._memory import WHOLE, Memory

_OF_PYTHON = (float, int, bool, str, type(None))
"""Values that are taken as they are."""

_HALF = (torch.float16, torch.bfloat16)


P = ParamSpec("P")


class Keywords(NamedTuple):
    """The keywords of a function."""

    required: dict[str, bool]
    """Each keyword, and whether a call must give it."""
    plain: frozenset[str]
    """The keywords that are a plain number or a word, and no tensor."""
    remembers: bool = False
    """Whether the function takes a `memory`, and so runs block by block."""


def audio_processor(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Give a function what all processors share: checks, and half types in float32.

    Args:
        function: `f(x, sample_rate, *, ...)`, whose keywords are parameters `Value`, tensors and
            options. One with the keyword `memory: Memory = WHOLE` runs block by block as well.

    Returns:
        The function behind the checks: `x` is audio `(*batch, channels, time)` in floating point,
        and not of a half type; `sample_rate` is a positive float; there is no unknown keyword;
        options are plain numbers and words.

    Raises:
        ValueError: If the function has other arguments than `x`, `sample_rate` and keywords.

    >>> @audio_processor
    ... def offset(x: Tensor, sample_rate: float, *, by: Value = 0.5) -> Tensor:
    ...     return x + per_sample("by", by, x)
    >>> offset(torch.zeros(1, 2, dtype=torch.half), 44_100)
    tensor([[0.5000, 0.5000]], dtype=torch.float16)
    """
    signature = _signature(function)
    positional = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]
    if positional != ["x", "sample_rate"]:
        raise ValueError(
            f"{function.__name__}: expected f(x, sample_rate, *, ...), got f{signature}"
        )
    keywords = keywords_of(signature)

    @functools.wraps(function)
    def processor(x: Tensor, sample_rate: float, **settings: Any) -> Tensor:
        return run_checked(function.__name__, keywords, function, x, sample_rate, **settings)

    return cast("Callable[P, Tensor]", processor)


def _signature(function: Callable) -> inspect.Signature:
    """The signature of a function, whose annotations may be texts."""
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:  # imported for type checkers alone
        return inspect.signature(function)


def run_checked(
    name: str,
    keywords: Keywords,
    function: Callable[..., Tensor],
    /,
    x: Tensor,
    sample_rate: float,
    **settings: Any,
) -> Tensor:
    """Check the audio and the keywords of a call, and run the function."""
    check_audio(x)
    sample_rate = checked_sample_rate(sample_rate)
    memory = settings.pop("memory", WHOLE) if keywords.remembers else WHOLE
    if not isinstance(memory, Memory):
        raise ValueError(f"memory: expected a Memory, got a {type(memory).__name__}")
    _check_keywords(name, keywords.required, settings)
    settings = {
        key: value
        if type(value) in _OF_PYTHON
        else (_as_number(value) if key in keywords.plain else without_numpy(value))
        for key, value in settings.items()
    }
    if x.ndim == 2 and _in_transform(x) and memory.whole:  # see `_as_tensor`
        return run_checked(name, keywords, function, x[None], sample_rate, **settings)[0]
    if not memory.ends and x.shape[-1] == 0:
        memory.wait()
    elif keywords.remembers:
        settings["memory"] = memory
    if x.dtype in _HALF:
        return function(x.float(), sample_rate, **settings).to(x.dtype)
    return function(x, sample_rate, **settings)


_TENSORS = (Value, Value | None, Tensor, Tensor | None)


def keywords_of(signature: inspect.Signature) -> Keywords:
    """The keywords of a function, by its annotations."""
    keywords = {k: p for k, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY}
    remembers = keywords.pop("memory", None) is not None
    return Keywords(
        {name: p.default is p.empty for name, p in keywords.items()},
        frozenset(name for name, p in keywords.items() if p.annotation not in _TENSORS),
        remembers,
    )


def _as_number(value: Any) -> Any:
    value = without_numpy(value)
    if isinstance(value, Tensor) and value.numel() == 1 and not value.requires_grad:
        return value.item()
    return value


def per_item(name: str, value: Value, x: Tensor, **limits) -> Tensor:
    """Shape a parameter to one number for each item of the batch.

    Args:
        name: Name of the parameter, for errors.
        value: A number, or a tensor of shape `batch`.
        x: Audio `(*batch, channels, time)`.
        **limits: What the parameter must lie between to have a meaning: `low` and `high`, or
            `above` and `below`, which it must not reach itself.

    Returns:
        A tensor that broadcasts to `(*batch)`, in the type and on the device of `x`.

    Raises:
        ValueError: If `value` is no number, lies outside its limits, or has another shape.

    >>> per_item("ratio", [2.0, 4.0], torch.zeros(2, 1, 100), low=1.0)
    tensor([2., 4.])
    """
    check_range(name, value, **limits)
    batch = x.shape[:-2]
    value = _without_ones(_as_tensor(value, x), len(batch))
    if not broadcasts(value.shape, batch):
        raise ValueError(
            f"{name}: expected a number or a tensor of shape {tuple(batch)}, one number for "
            f"each batch item of x, got shape {tuple(value.shape)}"
        )
    return value


def per_band(name: str, value: Value, x: Tensor, bands: int | None = None, **limits) -> Tensor:
    """Shape a parameter of repeated bands to one number for each band of each item.

    Args:
        name: Name of the parameter, for errors.
        value: One number for all bands, or a tensor `(*batch, bands)` or `(bands,)`.
        x: Audio `(*batch, channels, time)`.
        bands: Number of bands; None takes as many as there are.
        **limits: What the parameter must lie between to have a meaning, as in `per_item`.

    Returns:
        A tensor that broadcasts to `(*batch, bands)`, in the type and on the device of `x`.

    Raises:
        ValueError: If `value` is no number, lies outside its limits, or has another shape or number
            of bands.

    >>> per_band("gain_db", 3.0, torch.zeros(1, 100), bands=2)
    tensor([3., 3.])
    """
    check_range(name, value, **limits)
    batch = x.shape[:-2]
    value = _without_ones(_as_tensor(value, x), len(batch) + 1)
    if value.ndim == 0 and bands is not None:
        value = value.expand(bands)
    wrong_bands = value.ndim == 0 or (bands is not None and value.shape[-1] != bands)
    if wrong_bands or not broadcasts(value.shape[:-1], batch):
        count = "bands" if bands is None else bands
        shape = f"({', '.join(map(str, (*batch, count)))}) or " if batch else ""
        raise ValueError(
            f"{name}: expected a tensor of shape {shape}({count},), one number for each band, "
            f"got shape {tuple(value.shape)}"
        )
    return value


def per_sample(name: str, value: Value, x: Tensor, **limits) -> Tensor:
    """Shape a parameter that may move along time.

    Args:
        name: Name of the parameter, for errors.
        value: A number, a tensor of shape `batch`, or `(*batch, time)` for one value a sample.
        x: Audio `(*batch, channels, time)`.
        **limits: What the parameter must lie between to have a meaning, as in `per_item`.

    Returns:
        A tensor that broadcasts to `(*batch, channels, time)`, in the type and on the device of
        `x`.

    Raises:
        ValueError: If `value` is no number, lies outside its limits, or has another shape.

    >>> per_sample("width", torch.tensor([0.0, 1.0]), torch.zeros(2, 1, 100)).shape
    torch.Size([2, 1, 1])
    """
    check_range(name, value, **limits)
    batch, time = x.shape[:-2], x.shape[-1]
    value = _as_tensor(value, x)
    value = _without_ones(value, len(batch) + (value.numel() > 1))
    if value.ndim <= len(batch) and broadcasts(value.shape, batch):
        return value[..., None, None]
    if value.ndim and value.shape[-1] == time and broadcasts(value.shape[:-1], batch):
        return value[..., None, :]
    raise ValueError(
        f"{name}: expected a number, a tensor of shape {tuple(batch)} or, moving along time, "
        f"{(*batch, time)}, got shape {tuple(value.shape)}"
    )


def below_nyquist(sample_rate: float) -> dict:
    """The limits of a frequency: above 0, below half the sample rate."""
    return {"above": 0.0, "below": sample_rate / 2, "because": f"Nyquist at {sample_rate:g} Hz"}


def broadcasts(shape: Sequence[int], batch: Sequence[int]) -> bool:
    """Whether a tensor of `shape` expands to `batch`."""
    if len(shape) > len(batch):
        return False
    return all(
        mine in (1, theirs) for mine, theirs in zip(reversed(shape), reversed(batch), strict=False)
    )


def _without_ones(value: Tensor, ndim: int) -> Tensor:
    """Drop leading axes of length 1 until `value` has at most `ndim` axes."""
    while value.ndim > ndim and value.shape[0] == 1:
        value = value[0]
    return value


def _as_tensor(value: Value, x: Tensor) -> Tensor:
    if isinstance(value, Tensor):
        if value.ndim == 0 and x.ndim > 2 and _in_transform(value):
            # In float32, `torch.func.jvp` takes the tangent of one number to be float64 as soon as
            # it meets a number of Python's. This puts it right, and a row of one never goes wrong.
            value = value.double()[None]
        return value.to(x)
    return constant(value, x)


def _in_transform(tensor: Tensor) -> bool:
    return not torch.compiler.is_compiling() and is_transformed(tensor)


def _check_keywords(name: str, keywords: Mapping[str, bool], settings: dict) -> None:
    if settings.keys() == keywords.keys():
        return
    for keyword in settings.keys() - keywords.keys():
        raise TypeError(
            f"{name}() has no parameter {keyword!r}{did_you_mean(keyword, keywords)} "
            f"(it has {', '.join(keywords)})"
        )
    missing = [k for k, required in keywords.items() if required and k not in settings]
    if missing:
        raise TypeError(f"{name}() needs {', '.join(missing)}")
