"""The console: every track through its strip, the sum through the master strip."""

from collections.abc import Sequence

from torch import Tensor

from dasp.mixing.settings import Mix, Stage


def mix_down(tracks: Sequence[Tensor], mix: Mix) -> Tensor:
    """Mix tracks `(channels, time)` of one length into stereo `(2, time)`.

    A strip that ends in mono goes to both sides. Differentiable in the tracks, and in settings
    that are tensors.
    """
    if len(tracks) != len(mix.tracks):
        raise ValueError(f"tracks: expected the {len(mix.tracks)} of the mix, got {len(tracks)}")
    bus = sum(
        run_strip(audio, mix.sample_rate, track.strip).expand(2, -1)
        for audio, track in zip(tracks, mix.tracks, strict=True)
    )
    return run_strip(bus, mix.sample_rate, mix.master)


def run_strip(x: Tensor, sample_rate: float, stages: Sequence[Stage]) -> Tensor:
    """Audio through the stages of a strip, in their order."""
    for processor, settings in stages:
        x = processor(x, sample_rate, **settings)
    return x
