"""The console: strips of processors for tracks, groups and buses, and one for the master.

All tracks pass through each stage of the strip in one call, as a batch. It is differentiable in
the tracks and in every setting. Settings are physical values under the name of their stage, as
`dasp.processors.chain` names them (`"compressor.ratio"`); those of groups and buses stand behind
the name of theirs (`"reverb.feedback_delay_network.rt60_mid_s"`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_audio, check_real
from dasp._suggestion import did_you_mean
from dasp._texts import listed
from dasp._typing import Value
from dasp.functional._param import Param, check_by_names, controls_size, to_controls, to_physical
from dasp.functional._processor import Processor, check_processor
from dasp.mixing.plain import console_strip, free_params, plain_settings
from dasp.mixing.routing import Routing, add_up, as_stereo, send_gain, send_param
from dasp.processors.automation import block_knots, straight_lines
from dasp.processors.catalogue import (
    COMPRESSOR,
    DELAY,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    HIGH_PASS,
    LIMITER,
    PARAMETRIC_EQ,
    STEREO_PANNER,
    STEREO_WIDENER,
)
from dasp.processors.strip import behind, named, run_strip

Processors = tuple[Processor, ...]

TRACK_STRIP: Processors = (
    GAIN, HIGH_PASS, PARAMETRIC_EQ, COMPRESSOR, STEREO_PANNER, STEREO_WIDENER
)  # fmt: skip
"""What a track of the console goes through."""
GROUP_STRIP: Processors = (PARAMETRIC_EQ, COMPRESSOR, GAIN)
"""What a group of the console goes through."""
MASTER_STRIP: Processors = (PARAMETRIC_EQ, COMPRESSOR, STEREO_WIDENER, LIMITER, GAIN)
"""What the sum of the console goes through."""
BUSES: dict[str, Processors] = {"reverb": (FEEDBACK_DELAY_NETWORK,), "delay": (DELAY,)}
"""What each bus of the console goes through, by its name."""


class Controls(NamedTuple):
    """Controls in [0, 1] for each part of a console; None leaves a part plain.

    Controls that move over time have an axis of blocks before the last, `(…, blocks, n)`.

    Args:
        tracks: Controls of the tracks, `(*batch, tracks, n_controls)`.
        groups: Controls of all groups, one group after the other, `(*batch, n_group_controls)`.
        buses: Controls of all buses, `(*batch, n_bus_controls)`.
        master: Controls of the master strip, `(*batch, n_master_controls)`.

    >>> console = Console(strip=(GAIN,), buses={}, master=())
    >>> settings = console.to_physical(Controls(tracks=torch.full((3, 1), 0.5)))
    >>> settings.tracks["gain.gain_db"].shape
    torch.Size([3])
    """

    tracks: Tensor | None = None
    groups: Tensor | None = None
    buses: Tensor | None = None
    master: Tensor | None = None


class Params(NamedTuple):
    """The parameters that have controls, for each part of a console, in the order of the controls.

    Args:
        tracks: Those of a track, its sends last.
        groups: Those of all groups.
        buses: Those of all buses.
        master: Those of the master strip.

    >>> [param.name for param in Console(strip=(GAIN,), buses={}, master=()).params.tracks]
    ['gain.gain_db']
    """

    tracks: tuple[Param, ...] = ()
    groups: tuple[Param, ...] = ()
    buses: tuple[Param, ...] = ()
    master: tuple[Param, ...] = ()


class Settings(NamedTuple):
    """Physical values for each part of a console, by name; what is left out is plain, or off.

    Beside the parameters there may be options and inputs of a stage (`"compressor.detector"`,
    `"fir.taps"`), and `"high_pass.on"` with True or False for each item, to bypass a stage.

    Args:
        tracks: Values `(*batch, tracks)` or one number, as `"compressor.ratio"`.
        groups: Values `(*batch)` or one number, as `"drums.compressor.ratio"`.
        buses: Values `(*batch)` or one number, as `"delay.delay.time_ms"`.
        master: Values `(*batch)` or one number, as `"limiter.ceiling_db"`.

    >>> Settings(tracks={"gain.gain_db": torch.tensor([-3.0, 0.0])}).buses
    {}
    """

    tracks: Mapping[str, Any] = {}
    groups: Mapping[str, Any] = {}
    buses: Mapping[str, Any] = {}
    master: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Console:
    """Mix tracks through strips of processors, groups, buses and a master.

    A track goes through its strip, then to a group or to the master (`Routing`), and by its sends
    to the buses; groups and buses go to the master. Any processor may stand in a strip. On a bus,
    `mix` stands at 1 and is no control.

    Args:
        strip: The processors of every track, in their order.
        groups: The strip of each group by its name.
        buses: The strip of each bus by its name.
        master: The processors of the sum, in their order.

    Raises:
        ValueError: If a strip is no tuple of processors.

    >>> console = Console(strip=(GAIN, STEREO_PANNER), buses={}, master=())
    >>> kick, voice = torch.ones(2, 1, 8)
    >>> settings = Settings(tracks={"stereo_panner.pan": torch.tensor([-1.0, 1.0])})
    >>> y = console(torch.stack((kick, 2 * voice)), 44_100, settings)
    >>> torch.allclose(y[:, 0], torch.tensor([1.0, 2.0]), atol=1e-6)
    True
    """

    strip: Processors = TRACK_STRIP
    groups: Mapping[str, Processors] = field(default_factory=dict)
    buses: Mapping[str, Processors] = field(default_factory=lambda: dict(BUSES))
    master: Processors = MASTER_STRIP

    def __post_init__(self):
        object.__setattr__(self, "strip", _strip("strip", self.strip))
        object.__setattr__(self, "master", _strip("master", self.master))
        for part in ("groups", "buses"):
            strips = getattr(self, part)
            check_by_names(part, strips)
            of_names = {name: _strip(f"{part}[{name!r}]", strip) for name, strip in strips.items()}
            object.__setattr__(self, part, of_names)

    def __repr__(self) -> str:
        strips = {"strip": self.strip, **self.groups, **self.buses, "master": self.master}
        told = "; ".join(
            f"{name}: {listed([processor.name for processor in strip])}"
            for name, strip in strips.items()
        )
        return f"Console({told})"

    @cached_property
    def params(self) -> Params:
        """The parameters that have controls, for each part, in the order of the controls."""
        return Params(
            tracks=(*_strip_params(self.strip), *map(send_param, self.buses)),
            groups=tuple(
                p for name, strip in self.groups.items() for p in _strip_params(strip, name)
            ),
            buses=tuple(
                p
                for name, strip in self.buses.items()
                for p in _strip_params(strip, name, wet=True)
            ),
            master=_strip_params(self.master),
        )

    @property
    def n_controls(self) -> int:
        """Number of controls of a track, its sends included."""
        return controls_size(self.params.tracks)

    @property
    def n_group_controls(self) -> int:
        """Number of controls of all groups together."""
        return controls_size(self.params.groups)

    @property
    def n_bus_controls(self) -> int:
        """Number of controls of all buses together."""
        return controls_size(self.params.buses)

    @property
    def n_master_controls(self) -> int:
        """Number of controls of the master strip."""
        return controls_size(self.params.master)

    def to_physical(self, controls: Controls) -> Settings:
        """Convert controls to physical values.

        Args:
            controls: Controls in [0, 1] of each part.

        Returns:
            The settings of each part; those of a part without controls are empty.

        Raises:
            ValueError: If `controls` is no `Controls`, or a part has another number of controls.
        """
        if not isinstance(controls, Controls):
            came = type(controls).__name__
            hint = ", which are physical already" if came == "Settings" else ""
            raise ValueError(f"controls: expected Controls(tracks=...), got {came}{hint}")
        return Settings(
            *(
                {} if part is None else to_physical(params, part)
                for params, part in zip(self.params, controls, strict=True)
            )
        )

    def to_controls(self, settings: Settings = Settings()) -> Controls:  # noqa: B008
        """Convert physical values to controls.

        Args:
            settings: Physical values of each part; a value that is left out is plain, or off.

        Returns:
            Controls in [0, 1] of each part.

        Raises:
            ValueError: If `settings` is no `Settings`, or names a group or a bus that there is not.
        """
        self._check_settings(settings)
        return Controls(
            *(
                to_controls(params, settings) if params else torch.zeros(0)
                for params, settings in zip(self.params, settings, strict=True)
            )
        )

    def __call__(
        self,
        tracks: Tensor,
        sample_rate: float,
        settings: Settings = Settings(),  # noqa: B008
        *,
        mask: Tensor | None = None,
        mono: Tensor | None = None,
        routing: Routing = Routing(),  # noqa: B008
    ) -> Tensor:
        """Mix tracks into stereo.

        Args:
            tracks: Audio `(*batch, tracks, channels, time)`, mono or stereo.
            sample_rate: In Hz.
            settings: Physical values: one number for all, `(*batch, tracks)` for tracks and
                `(*batch)` for the other parts. A setting that moves has a further axis of equal
                blocks of time, and reaches each value in the middle of the block.
            mask: True where there is a track, `(*batch, tracks)`; others are not heard at all.
            mono: True for tracks whose two channels are the same, `(*batch, tracks)`, which are
                panned as mono ones are. A stereo track is balanced instead.
            routing: Groups and side chains.

        Returns:
            Audio `(*batch, 2, time)`.

        Raises:
            ValueError: If `tracks` has another shape, or a setting is unknown or outside its range.
        """
        _check_tracks(tracks)
        self._check_settings(settings)
        if not isinstance(routing, Routing):
            raise ValueError(f"routing: expected Routing(...), got a {type(routing).__name__}")
        if mask is not None:
            mask = torch.as_tensor(mask, device=tracks.device)
        if mono is not None:
            mono = torch.as_tensor(mono, device=tracks.device)
        if mask is not None:
            tracks = torch.where(mask[..., None, None], tracks, 0)
        sends, by_stage = split_sends(settings.tracks, self.buses)
        axes = tracks.ndim - 2
        strip = console_strip(self.strip, by_stage, axes, sidechain=routing.sidechain)
        x = as_stereo(run_strip(tracks, sample_rate, strip, tracks, "", mono=mono))
        if mask is not None:
            x = torch.where(mask[..., None, None], x, 0)
        mix, groups = _to_groups(x, routing.group, len(self.groups))
        for (name, processors), signal in zip(self.groups.items(), groups, strict=False):
            strip = console_strip(processors, behind(name, settings.groups), axes - 1)
            mix = mix + run_strip(signal, sample_rate, strip, where="")
        for name, signal in _to_buses(x, sends).items():
            own = behind(name, settings.buses)
            strip = console_strip(self.buses[name], own, axes - 1, wet=True)
            mix = mix + as_stereo(run_strip(signal, sample_rate, strip, where=""))
        strip = console_strip(self.master, settings.master, axes - 1)
        return run_strip(mix, sample_rate, strip, where="")

    def _check_settings(self, settings: Settings) -> None:
        """Refuse other types than `Settings`, and names of groups and buses that do not exist."""
        if isinstance(settings, Controls):
            raise ValueError(
                "settings: expected Settings, which are physical values, got Controls, which are "
                "numbers in [0, 1]; console.to_physical(controls) makes settings of them"
            )
        if not isinstance(settings, Settings):
            raise ValueError(
                f"settings: expected Settings(tracks=..., groups=..., buses=..., master=...), got "
                f"a {type(settings).__name__}"
            )
        for part, values in settings._asdict().items():
            check_by_names(f"settings.{part}", values)
        for part, owners in (("groups", self.groups), ("buses", self.buses)):
            for name in getattr(settings, part):
                if not any(name.startswith(f"{owner}.") for owner in owners):
                    owner = name.split(".")[0]
                    raise ValueError(
                        f"settings.{part}: {name!r} is of none of the {part} "
                        f"{', '.join(owners) or '(there are none)'}{did_you_mean(owner, owners)}"
                    )


def stack_tracks(tracks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack mono and stereo tracks, as a console takes them.

    Args:
        tracks: Audio `(*batch, channels, time)` of each track, of one length.

    Returns:
        Audio `(*batch, tracks, channels, time)`, stereo if any track is, and which tracks were
        mono, `(tracks,)`.

    Raises:
        ValueError: If there is no track, or the lengths differ.

    >>> audio, mono = stack_tracks([torch.zeros(1, 8), torch.zeros(2, 8)])
    >>> audio.shape, mono
    (torch.Size([2, 2, 8]), tensor([ True, False]))
    """
    if len(tracks) == 0:
        raise ValueError("tracks: expected at least one track, got none")
    for i, track in enumerate(tracks):
        check_audio(track, f"tracks[{i}]")
        if track.shape[-1] != tracks[0].shape[-1]:
            raise ValueError(
                f"tracks[{i}]: expected {tracks[0].shape[-1]} samples, as of the first, got "
                f"{track.shape[-1]}"
            )
    mono = torch.tensor([track.shape[-2] == 1 for track in tracks], device=tracks[0].device)
    if not mono.all():
        tracks = [as_stereo(track) for track in tracks]
    return torch.stack(list(tracks), -3), mono


def _strip(name: str, processors: Sequence[Processor]) -> Processors:
    """Check that the stages of a strip are processors."""
    if not isinstance(processors, Sequence) or isinstance(processors, str):
        came = getattr(processors, "name", type(processors).__name__)
        raise ValueError(f"{name}: expected a tuple of processors, got {came}")
    for i, processor in enumerate(processors):
        check_processor(f"{name}[{i}]", processor)
    return tuple(processors)


def _strip_params(strip: Processors, prefix: str = "", *, wet: bool = False) -> tuple[Param, ...]:
    """The parameters of a strip, under the names of their stages, with plain defaults."""
    prefix = prefix and f"{prefix}."
    return tuple(
        replace(
            param,
            name=f"{prefix}{stage}.{param.name}",
            default=plain_settings(processor, wet=wet)[param.name],
        )
        for stage, processor in named(strip)
        for param in free_params(processor, wet=wet)
    )


def _check_tracks(tracks: Tensor) -> None:
    check_audio(tracks, "tracks")
    if tracks.ndim < 3 or tracks.shape[-2] not in (1, 2):
        raise ValueError(
            f"tracks: expected shape (*batch, tracks, channels, time) with 1 or 2 channels, "
            f"got {tuple(tracks.shape)}"
        )


def split_sends(
    settings: Mapping[str, Any], buses: Mapping[str, Processors]
) -> tuple[dict[str, Value], dict[str, Any]]:
    """Divide the settings of tracks.

    Args:
        settings: Physical values of the tracks, by name.
        buses: The strip of each bus by its name.

    Returns:
        The levels of the sends by the names of buses, and the settings of the strip.

    Raises:
        ValueError: If a send goes to no bus.
    """
    names = {send_param(bus).name: bus for bus in buses}
    for name in settings:
        if name.startswith("send.") and name not in names:
            raise ValueError(f"settings: no send {name!r}{did_you_mean(name, names)}")
    return (
        {bus: settings[name] for name, bus in names.items() if name in settings},
        {name: value for name, value in settings.items() if name not in names},
    )


def _to_groups(x: Tensor, group: Tensor | None, count: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The sum of the tracks that go to the master, and the sum of those of each group."""
    if group is None or count == 0:
        return x.sum(-3), ()
    number = torch.arange(-1, count, device=x.device)
    gains = (group.expand(x.shape[:-2])[..., None, :] == number[:, None]).to(x)
    master, *groups = add_up(x, gains).unbind(-3)
    return master, tuple(groups)


def _to_buses(x: Tensor, sends: Mapping[str, Value]) -> dict[str, Tensor]:
    """The sum of the sends to each bus that has sends."""
    tracks, time = x.shape[:-2], x.shape[-1]
    still, signals = {}, {}
    for bus, send_db in sends.items():
        check_real(f"send.{bus}", send_db)
        level_db = torch.as_tensor(send_db, dtype=x.dtype, device=x.device)
        if level_db.ndim > len(tracks):
            lines_db = straight_lines(level_db, block_knots(level_db.shape[-1], time), time)
            signals[bus] = (x * send_gain(lines_db)[..., None, :]).sum(-3)
        else:
            still[bus] = send_gain(level_db).expand(tracks)
    if still:
        sums = add_up(x, torch.stack(list(still.values()), -2))
        signals |= zip(still, sums.unbind(-3), strict=True)
    return signals
