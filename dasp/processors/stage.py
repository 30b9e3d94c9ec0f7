"""`Stage`: a processor with its settings, which runs."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dasp._texts import listed
from dasp.functional._memory import Memory
from dasp.functional._processor import Processor
from dasp.processors.automation import block_knots, run_moving

Tracks = Mapping[str, Tensor] | Tensor
"""What a stage may listen to: audio by the name of its track, or `(*batch, tracks, ...)`."""


def _told(value: Any) -> str:
    if isinstance(value, Tensor) and value.numel() > 8:
        return f"{'x'.join(map(str, value.shape))} numbers"
    value = value.tolist() if isinstance(value, Tensor) else value
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Stage(NamedTuple):
    """A processor and its settings.

    Args:
        processor: The processor.
        settings: The value of each parameter and option by name; those left out have the default.
        automation: Breakpoints `time_s` in seconds, and for each setting that moves, its value at
            each of them, `(*batch, breakpoints)` or `(*batch, breakpoints, bands)`. Without
            `time_s` the values stand in the middles of equal parts of the signal.
        sidechain: Name of the track that controls the stage, which is heard before its strip;
            empty for none. In a batch of tracks it is the number of the track that controls each,
            `(*batch, tracks)`, where -1 is the track itself.
        locked: Whether automatic mixers leave the stage as it is.
        on: False bypasses the stage; a tensor says so for each item.

    >>> from dasp.processors.catalogue import GAIN
    >>> Stage(GAIN, {"gain_db": 20.0}).run(torch.ones(1, 2), 44_100)
    tensor([[10., 10.]])
    """

    processor: Processor
    settings: Mapping[str, Any] = {}
    automation: Mapping[str, Any] = {}
    sidechain: str | Tensor = ""
    locked: bool = False
    on: bool | Tensor = True

    def __repr__(self) -> str:
        settings = [f"{name}={_told(value)}" for name, value in self.settings.items()]
        moving = [f"{name} moves" for name in self.automation if name != "time_s"]
        key = [f"by {self.sidechain}"] if self._listens else []
        flags = {"locked": self.locked, "bypassed": self.on is False}
        told = [flag for flag, is_set in flags.items() if is_set]
        return f"Stage({listed([self.processor.name, *settings, *moving, *key, *told], 12)})"

    def run(
        self,
        x: Tensor,
        sample_rate: float,
        tracks: Tracks | None = None,
        *,
        mono: Tensor | None = None,
    ) -> Tensor:
        """Process a whole signal.

        Args:
            x: Audio `(*batch, channels, time)`.
            sample_rate: In Hz.
            tracks: Audio of the tracks that a side chain may listen to.
            mono: True for stereo items whose two channels are the same, `(*batch)`, which a panner
                pans as it does mono ones.

        Returns:
            Audio, of the shape of `x` unless the processor says otherwise.

        Raises:
            ValueError: If a setting has no meaning, or the stage listens to a track and `tracks` is
                None.
        """
        if self.on is False:
            return x
        sidechain = {}
        if self._listens:
            sidechain["sidechain"] = _heard(self.sidechain, tracks, x)
        y = self._run(x, sample_rate, sidechain)
        if mono is not None and x.shape[-2] == 2 and self._pans:
            panned = self._run(x[..., :1, :], sample_rate, sidechain)
            y = torch.where(mono[..., None, None], panned, y)
        if self.on is True:
            return y
        return torch.where(torch.as_tensor(self.on, device=x.device)[..., None, None], y, x)

    def step(
        self,
        x: Tensor,
        sample_rate: float,
        memory: Memory,
        late: int = 0,
        block: Tensor | None = None,
    ) -> Tensor:
        """Process one block of a longer signal.

        Args:
            x: Block `(*batch, channels, time)`.
            sample_rate: In Hz.
            memory: What the stage reads of the block before, and keeps for the next.
            late: Number of samples by which `x` is later than settings that move along time.
            block: The block with which those settings come, of which `x` may hold less yet; None
                for `x` itself.

        Returns:
            The output of the block.

        Raises:
            ValueError: If the processor does not run block by block, or the stage has more than
                settings.
        """
        self.check_plain()
        settings = {
            name: memory.held(f"waiting.{name}", value, late)
            if late and self.processor.moves(name, value, x if block is None else block)
            else value
            for name, value in self.settings.items()
        }
        return self.processor.blockwise(x, sample_rate, memory, **settings)

    def latency(self, sample_rate: float) -> int:
        """Count the samples that `step` holds back.

        Args:
            sample_rate: In Hz.

        Returns:
            A number of samples.
        """
        return self.processor.latency(sample_rate, **self.settings)

    def check_plain(self) -> None:
        """Refuse a stage that has more than settings.

        Raises:
            ValueError: If it has automation, a side chain by name, or a bypass.
        """
        if self.automation or self._listens or self.on is not True:
            raise ValueError(
                f"{self.processor.name}: automation, a side chain by name, and a bypass are of a "
                f"strip that runs on a whole signal"
            )

    @property
    def _listens(self) -> bool:
        return isinstance(self.sidechain, Tensor) or bool(self.sidechain)

    @property
    def _pans(self) -> bool:
        return any(param.name == "pan" for param in self.processor.params)

    def _run(self, x: Tensor, sample_rate: float, inputs: Mapping[str, Tensor]) -> Tensor:
        if any(value.shape[-2] > x.shape[-2] for value in inputs.values()):
            # A mono track that listens to a stereo one: with two sides alike, of which one is kept.
            both = x.expand(*x.shape[:-2], 2, x.shape[-1])
            return self._run(both, sample_rate, inputs)[..., :1, :]
        if not self.automation:
            return self.processor(x, sample_rate, **self.settings, **inputs)
        moving = {
            name: value if isinstance(value, Tensor) else torch.as_tensor(value).to(x)
            for name, value in self.automation.items()
            if name != "time_s"
        }
        knots = self._knots(moving, sample_rate, x.shape[-1])
        return run_moving(self.processor, x, sample_rate, self.settings, moving, knots, **inputs)

    def _knots(self, moving: Mapping[str, Tensor], sample_rate: float, time: int) -> list[int]:
        """The sample of each breakpoint."""
        if "time_s" in self.automation:
            return [round(time_s * sample_rate) for time_s in self.automation["time_s"]]
        bands = {param.name: bool(param.bands) for param in self.processor.params}
        blocks = {value.shape[-1 - bands[name]] for name, value in moving.items()}
        if len(blocks) > 1 or max(blocks) > time:
            raise ValueError(
                f"{self.processor.name}: expected settings that move in the same number of blocks, "
                f"at most {time}, got {', '.join(map(str, sorted(blocks)))}"
            )
        return block_knots(blocks.pop(), time)


def find_stage(stages: Sequence[Stage], processor: str) -> Stage | None:
    """Return the first stage of a strip with a given processor.

    Args:
        stages: The strip.
        processor: Name of the processor, such as "compressor".

    Returns:
        The stage, or None.

    >>> from dasp.processors.catalogue import GAIN
    >>> find_stage((Stage(GAIN, {"gain_db": -6.0}),), "gain").settings
    {'gain_db': -6.0}
    """
    return next((stage for stage in stages if stage.processor.name == processor), None)


def setting(stages: Sequence[Stage], name: str, default: Any = None) -> Any:
    """Return the first setting of a name in a strip, such as `pan`.

    Args:
        stages: The strip.
        name: Name of the setting.
        default: What is returned if no stage has that setting.

    Returns:
        The value of the setting, in its unit.

    >>> from dasp.processors.catalogue import GAIN
    >>> setting((Stage(GAIN, {"gain_db": -6.0}),), "gain_db")
    -6.0
    """
    return next((s.settings[name] for s in stages if name in s.settings), default)


def listened_to(tracks: Tensor, own: Tensor, key: Tensor) -> Tensor:
    """Return the signal that controls a side chain on each track.

    Args:
        tracks: Audio that the tracks may listen to, `(*batch, tracks, channels, time)`.
        own: The signal of each track itself, of the shape of `tracks`.
        key: Number of the track that is listened to, `(*batch, tracks)`; -1 is `own`.

    Returns:
        Audio of the shape of `tracks`.
    """
    key = key.expand(tracks.shape[:-2])[..., None, None]
    others = tracks.gather(-3, key.clamp(min=0).expand_as(tracks))
    return torch.where(key < 0, own, others)


def _heard(sidechain: str | Tensor, tracks: Tracks | None, x: Tensor) -> Tensor:
    if isinstance(sidechain, Tensor) and isinstance(tracks, Tensor):
        return listened_to(tracks, x, sidechain)
    if isinstance(sidechain, str) and isinstance(tracks, Mapping) and sidechain in tracks:
        return tracks[sidechain]
    raise ValueError(f"tracks: expected the audio of {sidechain}, which the stage listens to")
