"""A song through gain, six-band EQ, compressor, reverb and limiter, without gradients."""

from functools import partial

import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.common import Call, Contender, Work
from benchmarks.settings import bursts, compressor_settings, eq_settings
from dasp.functional import compressor, feedback_delay_network, gain, limiter, parametric_eq

SAMPLE_RATE = 48_000
EQ, COMPRESSOR = eq_settings(1), compressor_settings(1)
STAGES = ("gain", "EQ", "compressor", "reverb", "limiter")


def works(quick: bool) -> list[Work]:
    """The whole chain on five minutes, and each stage alone on one."""
    found = []
    for stages in (STAGES, *((stage,) for stage in STAGES)):
        whole = stages is STAGES
        seconds = 2 if quick else 300 if whole else 60
        x = bursts(2, seconds * SAMPLE_RATE)
        title = ", ".join(stages) if whole else f"{stages[0]} alone"
        contenders = (
            Contender("dasp", partial(_dasp, x, stages)),
            Contender("pedalboard", partial(_pedalboard, x, stages), _note(stages)),
        )
        found.append(
            Work(
                "song" if whole else f"song_{stages[0].lower()}",
                f"Stereo song of {seconds} s at 48 kHz: {title}",
                contenders,
                signal_bytes=4 * x.numel(),
                memory=whole,
            )
        )
    return found


def _note(stages: tuple[str, ...]) -> str:
    different = {
        "compressor": "each channel on its own, without a knee",
        "reverb": "eight combs and four all-passes, against 16 lines in a matrix",
        "limiter": "two compressors and a clipper, without look-ahead",
    }
    notes = [f"{stage}: {different[stage]}" for stage in stages if stage in different]
    return "; ".join(["one thread", *notes])


def _dasp(x: Tensor, stages: tuple[str, ...]) -> Call:
    room = {"rt60_low_s": 1.5, "rt60_mid_s": 1.2, "rt60_high_s": 0.6, "mix": 0.2}
    eq = {name: value[0] for name, value in EQ.items()}
    dynamics = {name: value[0] for name, value in COMPRESSOR.items()}
    processors = {
        "gain": partial(gain, gain_db=3.0),
        "EQ": partial(parametric_eq, **eq),
        "compressor": partial(compressor, **dynamics),
        "reverb": partial(feedback_delay_network, **room),
        "limiter": partial(limiter, ceiling_db=-1.0, release_ms=100.0),
    }

    @torch.inference_mode()
    def call() -> Tensor:
        y = x
        for stage in stages:
            y = processors[stage](y, SAMPLE_RATE)
        return y

    return call


def _pedalboard(x: Tensor, stages: tuple[str, ...]) -> Call:
    from pedalboard import Gain, Limiter, Pedalboard, Reverb

    plugins = {
        "gain": [Gain(3.0)],
        "EQ": peers.pedalboard_eq(EQ, 0),
        "compressor": peers.pedalboard_compressor(COMPRESSOR, 0),
        "reverb": [Reverb(room_size=0.6, damping=0.5, wet_level=0.2, dry_level=0.8)],
        "limiter": [Limiter(threshold_db=-1.0, release_ms=100.0)],
    }
    board = Pedalboard([plugin for stage in stages for plugin in plugins[stage]])
    signal = x.numpy()
    return lambda: board(signal, SAMPLE_RATE)
