"""A strip as a browser can run it: impulse responses, and gains along time.

What is linear and does not move is its impulse response. A compressor, a gate or a limiter is the
gain that it has at the balance it was heard at: faders that move do not change that. What is
neither (distortion, modulation, automation) is no node; the caller sends the difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dasp.processors.gain_reduction import BEHIND_THE_REDUCTION, GAIN_REDUCTION
from dasp.processors.response import is_linear, moves
from dasp.processors.stage import Stage
from dasp.signal.fftconv import fft_convolve
from dasp.units import db_to_gain

LONGEST_S = 12.0
ENDED = 1e-11
"""A response is cut where so much of its energy is left: -110 dB."""


@dataclass(frozen=True)
class Node:
    """One step of a strip.

    Args:
        kind: "response" or "gain".
        data: Impulse responses `(2, taps)` of both sides, or `(4, taps)` from left to left and
            right, and from right to left and right; or gains `(1 or 2, time)`.
    """

    kind: Literal["response", "gain"]
    data: Tensor

    def run(self, x: Tensor) -> Tensor:
        """Process stereo audio.

        Args:
            x: Audio `(2, time)`.

        Returns:
            Audio of the same shape.
        """
        if self.kind == "gain":
            return x * self.data
        if len(self.data) == 2:
            return fft_convolve(x, self.data)
        both = fft_convolve(x[:, None], self.data.unflatten(0, (2, 2)))
        return both.sum(0)


def freeze(
    strip: Sequence[Stage], x: Tensor, sample_rate: int, tracks: Mapping[str, Tensor]
) -> list[Node]:
    """Find the nodes of a strip, as it works on a signal.

    Args:
        strip: The stages.
        x: Audio `(2, time)` that enters.
        sample_rate: In Hz.
        tracks: What side chains listen to, by name.

    Returns:
        The nodes; stages that no node can be are left out.
    """
    nodes: list[Node] = []
    for stage in strip:
        node = _node(stage, x, sample_rate, tracks)
        if node is not None:
            nodes.append(node)
        x = stage.run(x, sample_rate, tracks)
        x = x.expand(2, -1)
    return nodes


def _node(stage: Stage, x: Tensor, sample_rate: int, tracks: Mapping[str, Tensor]) -> Node | None:
    if stage.on is not True or stage.automation:
        return None
    if stage.processor.name in GAIN_REDUCTION:
        return Node("gain", _gain(stage, x, sample_rate, tracks).to(torch.float32))
    settings = dict(stage.settings)
    if not is_linear(stage.processor, sample_rate, **settings) or moves(
        stage.processor, sample_rate, channels=2, **settings
    ):
        return None
    return Node("response", _response(stage, sample_rate).to(torch.float32))


def _gain(stage: Stage, x: Tensor, sample_rate: int, tracks: Mapping[str, Tensor]) -> Tensor:
    settings = {**stage.processor.defaults(), **stage.settings}
    behind = {name: settings.pop(name) for name in BEHIND_THE_REDUCTION if name in settings}
    if stage.sidechain:
        settings["sidechain"] = tracks[str(stage.sidechain)]
    reduction_db = GAIN_REDUCTION[stage.processor.name](x, sample_rate, **settings)
    ahead_db = settings.get("gain_db", 0.0)  # of a limiter, before what it takes back
    gain = db_to_gain(ahead_db + behind.get("makeup_gain_db", 0.0) - reduction_db)
    mix = behind.get("mix", 1.0)
    return 1 - mix + mix * gain


def _response(stage: Stage, sample_rate: int) -> Tensor:
    time = round(LONGEST_S * sample_rate)
    impulses = torch.zeros(2, 2, time, dtype=torch.float64)
    impulses[[0, 1], [0, 1], 0] = 1.0
    # From left to left and right, then from right to left and right.
    paths = torch.stack([stage.run(one, sample_rate) for one in impulses]).flatten(0, 1)
    energy = paths.square().sum(0)
    left = energy.flip(0).cumsum(0).flip(0)
    taps = max(1, int((left > ENDED * energy.sum()).sum()))
    paths = paths[:, :taps]
    crosses = paths[1:3].abs().amax() > 0
    return paths if crosses else paths[[0, 3]]
