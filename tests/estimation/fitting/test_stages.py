"""The stages of a fit."""

import pytest
import torch

from dasp.estimation.fitting.excerpt import Excerpt
from dasp.estimation.fitting.knobs import free_knobs
from dasp.estimation.fitting.stages import Stages
from dasp.processors.catalogue import GAIN
from dasp.processors.chain import chain

RATE = 16_000
TWO_GAINS = chain(GAIN, GAIN)


@pytest.fixture
def stages():
    knobs = free_knobs(TWO_GAINS, {})
    generator = torch.Generator().manual_seed(0)
    return Stages(TWO_GAINS, knobs, RATE, "autodiff", None, generator, lambda *progress: None)


def test_of_answers_that_sound_alike_the_one_by_the_centre_is_approached(stages):
    """6 dB in all: least squares would leave +20 and -14 dB as they are."""
    dry = torch.randn(1, RATE // 2)
    heard = Excerpt(dry[None], 2 * dry, RATE, 1.0)
    centre = stages.knobs.at({"gain.gain_db": 5.0, "gain_2.gain_db": -1.0})[None]
    start = stages.knobs.at({"gain.gain_db": 20.0, "gain_2.gain_db": -14.0})[None]
    gains = stages.knobs.values(stages.approach(start, centre, heard))
    total = sum(gains.values()).item()
    assert total == pytest.approx(6.02, abs=0.1)
    assert gains["gain.gain_db"].item() == pytest.approx(6.01, abs=0.3)
