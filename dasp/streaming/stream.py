"""`Stream`: a processor that is called for one block after the other."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import checked_sample_rate
from dasp.functional._memory import State
from dasp.functional._processor import Processor, check_processor


class Stream:
    """Run a processor block by block, with settings and the state between two blocks.

    A call with a block returns as many samples, `latency` later than in the output of the whole
    signal; `flush` returns the rest. Blocks have any length, also none. The attribute `settings`
    may be changed between blocks, except for what decides how much the processor remembers or how
    far it looks ahead.

    Args:
        processor: A processor that runs block by block.
        sample_rate: In Hz.
        **settings: Values by keyword; those that are left out have their declared defaults.

    Raises:
        ValueError: If `processor` is no `Processor`, or `sample_rate` is no positive number; at a
            call, if the processor does not run block by block, or a setting has changed that may
            not.

    >>> import torch
    >>> from dasp.processors.catalogue import LIMITER
    >>> stream = Stream(LIMITER, 48_000, ceiling_db=-6.0, lookahead_ms=2.0)
    >>> stream.latency
    96
    >>> x = torch.randn(2, 1000)
    >>> late = torch.cat([stream(block) for block in x.split(64, -1)] + [stream.flush()], -1)
    >>> whole = LIMITER(x, 48_000, ceiling_db=-6.0, lookahead_ms=2.0)
    >>> torch.allclose(late[:, stream.latency :], whole, atol=1e-5)
    True
    """

    def __init__(self, processor: Processor, sample_rate: float, **settings):
        check_processor("processor", processor)
        self.processor, self.sample_rate = processor, checked_sample_rate(sample_rate)
        self.settings: dict[str, Any] = settings
        self.latency: int = processor.latency(sample_rate, **settings)
        """Number of samples by which the output of a call is late."""
        self._state: State | None = None
        self._last: tuple[Tensor, dict[str, Any]] | None = None  # block, and what moved with it
        self._begun = dict(settings)
        self._fixed = self._fixed_by(settings)

    @property
    def state(self) -> State:
        """The state between two blocks: a flat dict of tensors, which safetensors can save.

        A saved state may be assigned to a stream of the same processor.
        """
        return State() if self._state is None else self._state

    @state.setter
    def state(self, tensors: Mapping[str, Tensor]) -> None:
        self._state = tensors if isinstance(tensors, State) else State(tensors)

    def detach(self) -> None:
        """Cut the history of the stream: no gradient passes from later blocks to earlier ones."""
        self.state = self.state.detach()

    def __call__(self, block: Tensor, **moving) -> Tensor:
        """Process a block, and return as many samples.

        Args:
            block: Audio `(*batch, channels, time)`, of any length.
            **moving: Settings that have a value for every sample, such as a side chain.

        Returns:
            Audio `(*batch, channels, time)`; the first `latency` samples of a stream are silent.
        """
        y = self._step(block, moving)
        return nnf.pad(y, (block.shape[-1] - y.shape[-1], 0))

    def flush(self, tail: int = 0, **moving) -> Tensor:
        """Return the samples that are held back, and make the stream new.

        Args:
            tail: Number of samples of silence to process besides, for what rings on.
            **moving: Settings that have a value for every sample of the tail.

        Returns:
            Audio `(*batch, channels, latency + tail)`.

        Raises:
            ValueError: If there was no block since the stream was new.
        """
        if self._last is None:
            raise ValueError("flush: expected a block before it")
        block, moved = self._last
        nothing = {name: value[..., :0] for name, value in moved.items()}
        silence = nnf.pad(block[..., :0], (0, tail))
        y = self._step(silence, {**nothing, **moving}, ends=True)
        self._state = self._last = None
        return y

    def aligned(self, blocks: Iterable[Tensor], **moving: Iterable[Tensor]) -> Iterator[Tensor]:
        """Process blocks without delay: their outputs together are the output of the whole signal.

        The first outputs are shorter by `latency` samples in all, and one more output than there
        are blocks makes up for it.

        Args:
            blocks: Audio `(*batch, channels, time)`, of any lengths.
            **moving: Blocks of settings that have a value for every sample, such as a side chain.

        Yields:
            The output of each block, and at the end what was held back.

        >>> import torch
        >>> from dasp.processors.catalogue import COMPRESSOR
        >>> stream, x = Stream(COMPRESSOR, 48_000, lookahead_ms=1.0), torch.randn(1, 300)
        >>> [y.shape[-1] for y in stream.aligned(x.split(100, -1))]
        [51, 100, 100, 49]
        """
        for block, *moved in zip(blocks, *moving.values(), strict=True):
            yield self._step(block, dict(zip(moving, moved, strict=True)))
        if self._last is not None:
            yield self.flush()

    def _step(self, block: Tensor, moving: Mapping[str, Any], *, ends: bool = False) -> Tensor:
        settings = {**self.settings, **moving}
        fixed = self._fixed_by(self.settings)
        changed = [name for name, value in fixed.items() if value != self._fixed.get(name, value)]
        if self.processor.latency(self.sample_rate, **settings) != self.latency:
            raise ValueError(
                f"{self._slower(settings)}: the latency of a stream, here {self.latency} samples, "
                f"cannot change between its blocks"
            )
        try:
            y, self._state = self.processor.step(
                block, self.sample_rate, self._state, ends=ends, **settings
            )
        except (ValueError, RuntimeError) as error:
            if not changed:
                raise
            raise ValueError(
                f"{', '.join(changed)}: cannot change between the blocks of a stream ({error})"
            ) from error
        self._fixed = fixed
        self._last = block, {k: v for k, v in moving.items() if isinstance(v, Tensor)}
        return y

    def _fixed_by(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that fix the size of the state: the options, and the numbers of bands."""
        settings = {**self.processor.defaults(), **settings}
        options = {option.name for option in self.processor.options}
        bands = {
            name: value.shape if isinstance(value, Tensor) else len(value)
            for name, value in settings.items()
            if name not in options and isinstance(value, Tensor | list | tuple)
        }
        return {name: settings[name] for name in options} | bands

    def _slower(self, settings: Mapping[str, Any]) -> str:
        """The settings that change the latency."""
        names = [
            name
            for name, value in settings.items()
            if self.processor.latency(self.sample_rate, **{**self._begun, name: value})
            != self.latency
        ]
        return ", ".join(names)
