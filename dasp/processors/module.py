"""`ProcessorModule`: any processor as a `torch.nn.Module`."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dasp._checks import checked_sample_rate
from dasp.functional._param import (
    Param,
    check_by_names,
    controls_size,
    not_held,
    to_controls,
    to_physical,
)
from dasp.functional._processor import Processor, check_processor, structure
from dasp.signal._shapes import broadcast_shapes

START_INSIDE = 0.01
"""Least distance of a starting control from the ends of its range, where the sigmoid is flat."""

LOGITS, HELD, PROCESSOR = "logits", "held", "processor"
"""First words of the keys of a saved state."""


class ProcessorModule(nn.Module):
    """Wrap a processor as a `torch.nn.Module` that trains its controls or is given them.

    The parameters of the module are logits, one for each control; a sigmoid keeps the controls in
    (0, 1), and so every value inside its range. A parameter that decides between alternatives, such
    as the threshold of a noise gate, has no gradient and so no logit: it is held at its setting. A
    value that starts at an end of its range starts `START_INSIDE` of the range away from the end
    (0.99 for a `mix` of 1): at the very end there is no slope, and the value would stay there.

    A saved state has the logits under the names of their parameters, `"logits.compressor.ratio"`,
    and the held values beside them; the state of another processor is refused.

    Args:
        processor: Any processor.
        sample_rate: In Hz.
        batch: Shape of the items that have controls of their own; () is one set for all items.
        settings: Physical values to start from, numbers or tensors `(*batch)` or `(*batch, bands)`;
            the others start at their defaults. Options and inputs among them apply to every call.
        hold: Names of parameters that stay exactly as they are, or patterns such as `"*.mix"`; a
            held parameter has no logit.

    Raises:
        ValueError: If `processor` is no `Processor`, `sample_rate` is no positive number, a setting
            is unknown or out of its range, or `hold` names no parameter.

    >>> from dasp.processors.catalogue import GAIN
    >>> module = ProcessorModule(GAIN, 44_100, settings={"gain_db": 20.0})
    >>> x = torch.randn(3, 1, 100)
    >>> torch.allclose(module(x), 10 * x, atol=1e-3)
    True
    >>> list(module.state_dict())
    ['processor', 'logits.gain_db']
    """

    def __init__(
        self,
        processor: Processor,
        sample_rate: float,
        *,
        batch: tuple[int, ...] = (),
        settings: Mapping[str, Any] | None = None,
        hold: Sequence[str] = (),
    ):
        super().__init__()
        check_processor("processor", processor)
        self.processor = processor
        self.sample_rate = checked_sample_rate(sample_rate)
        self._asked = not_held(processor.name, processor.params, hold)
        self.params = tuple(param for param in self._asked if param.differentiable)
        """The parameters that have logits."""
        settings = _checked(processor, {} if settings is None else settings)
        controls = to_controls(self.params, settings) if self.params else torch.zeros(0)
        shape = broadcast_shapes(batch, controls.shape[:-1])
        controls = controls.to(torch.get_default_dtype()).clamp(START_INSIDE, 1 - START_INSIDE)
        self.logits = nn.Parameter(torch.logit(controls).expand(*shape, -1).clone())
        self.kept: dict[str, Any] = {}
        """Options, and other settings that every call begins with, unless they are tensors."""
        free = {param.name for param in self.params}
        for param in processor.params:
            if param.name not in free:
                value = torch.as_tensor(settings.get(param.name, param.default))
                value = value.to(torch.get_default_dtype())
                self.register_buffer(_buffer(HELD, param.name), value)
        for name, value in settings.items():
            if not any(param.name == name for param in processor.params):
                if isinstance(value, Tensor):
                    self.register_buffer(_buffer("given", name), value, persistent=False)
                else:
                    self.kept[name] = value

    @property
    def n_controls(self) -> int:
        """Length of the last axis of `controls`: those of the parameters that are not held."""
        return controls_size(self.params)

    def settings(self) -> dict[str, Tensor]:
        """Look up the physical values at which the module stands.

        Returns:
            Values by keyword, `(*batch)` or `(*batch, bands)`, the held values among them.
        """
        return self._all_values(torch.sigmoid(self.logits))

    def forward(self, x: Tensor, controls: Tensor | None = None, **inputs) -> Tensor:
        """Process `x` with the module's own controls, or with others.

        Args:
            x: Audio `(*batch, channels, time)`.
            controls: In [0, 1], `(*batch, n_controls)`; None takes the module's own.
            **inputs: Options, and tensors that the processor takes, such as `sidechain`.

        Returns:
            Audio, of the shape of `x` unless the processor says otherwise.
        """
        settings = self.settings() if controls is None else self._all_values(controls)
        given = self._named("given")
        return self.processor(x, self.sample_rate, **settings, **{**self.kept, **given, **inputs})

    def extra_repr(self) -> str:
        """Describe the module where it is printed.

        Returns:
            The name of the processor, its sample rate, and what is held.
        """
        held = self._named(HELD)
        hold = f", hold={list(held)}" if held else ""
        return f"{self.processor.name}, sample_rate={self.sample_rate:g}{hold}"

    def _all_values(self, controls: Tensor) -> dict[str, Tensor]:
        return {**to_physical(self.params, controls), **self._named(HELD)}

    def _named(self, kind: str) -> dict[str, Tensor]:
        """The tensors of a kind by the names of their settings."""
        start = _buffer(kind, "")
        return {
            key.removeprefix(start).replace("/", "."): value
            for key, value in self._buffers.items()
            if value is not None and key.startswith(start)
        }

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        saved = {PROCESSOR: _text(structure(self.processor))}
        saved |= {f"{LOGITS}.{k}": v for k, v in _split(self.params, self.logits).items()}
        saved |= {f"{HELD}.{k}": v for k, v in self._named(HELD).items()}
        for key, value in saved.items():
            destination[prefix + key] = value if keep_vars else value.detach()

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        state = {
            key.removeprefix(prefix): value
            for key, value in state_dict.items()
            if key.startswith(prefix)
        }
        here = structure(self.processor)
        if LOGITS in state:
            size = state[LOGITS].shape[-1:]
            count = controls_size(self._asked)  # all had logits before states had names
            if size != (count,):
                error_msgs.append(f"expected {count} logits, those of {here}, got {tuple(size)}")
                return
            warnings.warn(
                f"a state with logits that have no names, taken for those of {here}", stacklevel=2
            )
            state |= {f"{HELD}.{key}": value for key, value in self._named(HELD).items()}
            pieces = _split(self._asked, state.pop(LOGITS))
            state = self._as_here(state | {f"{LOGITS}.{k}": v for k, v in pieces.items()})
        elif state:
            problem = self._differs(state, here)
            if problem:
                error_msgs.append(problem)
                return
            state = self._as_here(state)
        loaded = {LOGITS: state[LOGITS]} if LOGITS in state else {}
        loaded |= {
            _buffer(*key.split(".", 1)): value
            for key, value in state.items()
            if key.startswith(f"{HELD}.")
        }
        for key, buffer in self._buffers.items():  # one value, or one for each item
            if buffer is not None and key in loaded:
                self._buffers[key] = buffer.new_empty(loaded[key].shape)
        loaded |= {
            key: value
            for key, value in state.items()
            if key != PROCESSOR and key.split(".")[0] not in (LOGITS, HELD)
        }
        super()._load_from_state_dict(
            {prefix + key: value for key, value in loaded.items()},
            prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs,
        )  # fmt: skip

    def _differs(self, state: Mapping[str, Tensor], here: str) -> str:
        """Why a state belongs to another processor, or nothing."""
        if PROCESSOR in state:
            there = bytes(state[PROCESSOR].tolist()).decode()
            if there != here:
                return f"expected the state of {here}, got that of {there}"
        names = [p.name for p in self.processor.params]
        saved = [k.split(".", 1)[1] for k in state if k.split(".")[0] in (LOGITS, HELD)]
        lacking = [name for name in names if name not in saved]
        unknown = [name for name in saved if name not in names]
        if not lacking and not unknown:
            return ""
        return (
            f"expected the state of {here}, with the parameters {', '.join(names)}; "
            + "; ".join(
                f"{word} {', '.join(some)}"
                for word, some in (("it lacks", lacking), ("it has", unknown))
                if some
            )
        )

    def _as_here(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A state with held values for what is held here, and logits for all else."""
        pieces, state = [], dict(state)
        free = {param.name for param in self.params}
        for param in self.processor.params:
            logits, held = f"{LOGITS}.{param.name}", f"{HELD}.{param.name}"
            if param.name not in free and logits in state:
                state[held] = param.to_physical(torch.sigmoid(state.pop(logits)))
            if param.name in free:
                if held in state:
                    control = param.to_control(state.pop(held))
                    state[logits] = torch.logit(control.clamp(START_INSIDE, 1 - START_INSIDE))
                piece = state.pop(logits)
                pieces.append(piece if param.bands else piece[..., None])
        batch = broadcast_shapes(*(piece.shape[:-1] for piece in pieces))
        state[LOGITS] = torch.cat(
            [piece.expand(*batch, -1) for piece in pieces] or [torch.zeros(0)], -1
        )
        return state


def _checked(processor: Processor, settings: Mapping[str, Any]) -> dict[str, Any]:
    check_by_names("settings", settings)
    processor.check_settings({k: v for k, v in settings.items() if k not in processor.inputs})
    return dict(settings)


def _split(params: Sequence[Param], logits: Tensor) -> dict[str, Tensor]:
    pieces = logits.split([param.size for param in params], -1) if params else ()
    return {
        param.name: piece if param.bands else piece[..., 0]
        for param, piece in zip(params, pieces, strict=True)
    }


def _text(words: str) -> Tensor:
    """A text as a tensor, which can be saved beside others."""
    return torch.tensor(list(words.encode()), dtype=torch.uint8)


def _buffer(kind: str, name: str) -> str:
    """The name of a buffer, which has no dots."""
    return f"{kind} {name.replace('.', '/')}"
