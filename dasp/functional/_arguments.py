"""How a processor reads its arguments: audio checked once, parameters shaped to broadcast."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, ParamSpec, cast

import torch
from torch import Tensor

from dasp._checks import check_audio, check_range, checked_sample_rate, without_numpy
from dasp._private import is_transformed
from dasp._suggestion import did_you_mean
from dasp._typing import Value
from dasp.functional._memory import WHOLE, Memory

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

    A function that takes a `memory` runs block by block as well; without one it hears the whole.
    """
    keywords = keywords_of(inspect.signature(function))

    @functools.wraps(function)
    def processor(x: Tensor, sample_rate: float, **settings: Any) -> Tensor:
        return run_checked(function.__name__, keywords, function, x, sample_rate, **settings)

    return cast("Callable[P, Tensor]", processor)


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
        key: _as_number(value) if key in keywords.plain else without_numpy(value)
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
    """A parameter as a tensor of shape `batch`, or of none, in the type of `x`.

    `limits` are those of `check_range`: what the parameter must lie between to have a meaning.
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
    """A parameter of repeated bands as a tensor `(*batch, bands)`, or `(bands,)`."""
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
    """A parameter that may move, as a tensor that broadcasts to `(*batch, channels, time)`.

    Its shape is `batch`, or `(*batch, time)` for one value a sample.
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


def broadcasts(shape: torch.Size, batch: torch.Size) -> bool:
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
    return torch.tensor(value, dtype=x.dtype, device=x.device)


def _in_transform(tensor: Tensor) -> bool:
    return not torch.compiler.is_compiling() and is_transformed(tensor)


def _check_keywords(name: str, keywords: Mapping[str, bool], settings: dict) -> None:
    for keyword in settings.keys() - keywords.keys():
        raise TypeError(
            f"{name}() has no parameter {keyword!r}{did_you_mean(keyword, keywords)} "
            f"(it has {', '.join(keywords)})"
        )
    missing = [k for k, required in keywords.items() if required and k not in settings]
    if missing:
        raise TypeError(f"{name}() needs {', '.join(missing)}")
