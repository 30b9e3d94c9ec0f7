"""A mix document to audio: strips, groups, buses and the master, as the document has them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dasp.mixing.automation import run_moving
from dasp.mixing.routing import as_stereo, send_gain
from dasp.mixing.settings import Mix, Stage


def mix_down(tracks: Sequence[Tensor], mix: Mix) -> Tensor:
    """Mix tracks `(channels, time)` of one length into stereo `(2, time)`.

    A strip that ends in mono goes to both sides. Differentiable in the tracks, and in settings
    that are tensors.
    """
    if len(tracks) != len(mix.tracks):
        raise ValueError(f"tracks: expected the {len(mix.tracks)} of the mix, got {len(tracks)}")
    heard = {track.name: audio for track, audio in zip(mix.tracks, tracks, strict=True)}

    def run(x: Tensor, stages: Sequence[Stage], where: str) -> Tensor:
        return as_stereo(run_strip(x, mix.sample_rate, stages, heard, where))

    silence = torch.zeros_like(as_stereo(tracks[0]))
    sums = {channel.name: silence for channel in (*mix.groups, *mix.buses)}
    master = silence
    for i, (track, audio) in enumerate(zip(mix.tracks, tracks, strict=True)):
        signal = run(audio, track.strip, f"tracks[{i}].strip")
        for bus, send_db in track.sends_db.items():
            sums[bus] = sums[bus] + signal * send_gain(torch.as_tensor(send_db).to(signal))
        if track.group:
            sums[track.group] = sums[track.group] + signal
        else:
            master = master + signal
    for kind in ("groups", "buses"):
        for i, channel in enumerate(getattr(mix, kind)):
            master = master + run(sums[channel.name], channel.strip, f"{kind}[{i}].strip")
    return run(master, mix.master, "master")


def run_strip(
    x: Tensor,
    sample_rate: float,
    stages: Sequence[Stage],
    tracks: Mapping[str, Tensor] | None = None,
    where: str = "strip",
) -> Tensor:
    """Audio through the stages of a strip, in their order.

    `tracks` are what side chains listen to, by name. Errors begin with `where` the stage stands.
    """
    for i, stage in enumerate(stages):
        sidechain = {"sidechain": tracks[stage.sidechain]} if stage.sidechain else {}
        try:
            x = _run_stage(stage, x, sample_rate, **sidechain)
        except ValueError as error:
            raise ValueError(f"{where}[{i}]: {stage.processor.name}: {error}") from error
    return x


def _run_stage(stage: Stage, x: Tensor, sample_rate: float, **sidechain: Tensor) -> Tensor:
    if sidechain and sidechain["sidechain"].shape[-2] > x.shape[-2]:
        # A mono track that listens to a stereo one: with two sides alike, of which one is kept.
        return _run_stage(stage, as_stereo(x), sample_rate, **sidechain)[..., :1, :]
    if not stage.automation:
        return stage.processor(x, sample_rate, **stage.settings, **sidechain)
    moving = dict(stage.automation)
    knots = [round(time_s * sample_rate) for time_s in moving.pop("time_s")]
    moving = {name: torch.as_tensor(value).to(x) for name, value in moving.items()}
    return run_moving(stage.processor, x, sample_rate, stage.settings, moving, knots, **sidechain)
