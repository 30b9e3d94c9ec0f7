"""Settings that sound alike."""

import pytest
import torch

from dasp.estimation.fitting.alike import settings_alike
from dasp.estimation.fitting.excerpt import Excerpt
from dasp.estimation.fitting.knobs import free_knobs
from dasp.estimation.fitting.stages import Stages
from dasp.processors.catalogue import COMPRESSOR, PARAMETRIC_EQ, STEREO_WIDENER
from dasp.processors.chain import chain

RATE = 44_100


def stages_of(processor):
    generator = torch.Generator().manual_seed(0)
    knobs = free_knobs(processor, {}, differentiable=True)
    return Stages(processor, knobs, RATE, "autodiff", None, generator, lambda *progress: None)


@pytest.fixture
def heard():
    dry = torch.randn(2, RATE // 2, generator=torch.Generator().manual_seed(0))
    return Excerpt(dry[None], dry, RATE, 1.0)


def test_other_bands_have_nearly_the_same_response(heard):
    stages = stages_of(chain(PARAMETRIC_EQ, COMPRESSOR))
    given = stages.knobs.at({}, margin=0.05)[None]
    true = {"parametric_eq.peak_gain_db": torch.tensor([9.0, 0.0, -9.0, 0.0]),
            "parametric_eq.high_shelf_gain_db": 6.0, "compressor.threshold_db": -30.0}  # fmt: skip
    best = stages.knobs.at(true)[None]
    found = settings_alike(stages, best, given, heard, 3)
    assert found.shape == (3, stages.knobs.size)

    def response_db(u):
        """Of the equaliser alone, far below the threshold of the compressor."""
        impulse = torch.zeros(*u.shape[:-1], 1, 4096)
        impulse[..., 0] = 1e-6
        y = stages.processor(impulse, RATE, **stages.knobs.settings(u)) / 1e-6
        bins = torch.fft.rfft(y[..., 0, :]).abs()[..., 20:1500]
        return 20 * torch.log10(bins)

    def apart_db(u):
        return (response_db(u) - response_db(best)).square().mean(-1).sqrt()

    assert apart_db(found).max() < 1.5 < 3 < apart_db(given).min()
    names = [param.name for param in stages.knobs.free for _ in range(param.size)]
    shaping = torch.tensor([name.startswith("parametric_eq") for name in names])
    assert (found - best)[:, shaping].abs().amax(-1).max() > 0.3
    dynamics = torch.tensor(["threshold" in name or "ratio" in name for name in names])
    assert (found - best)[:, dynamics].abs().max() < 1e-6


@pytest.mark.parametrize("processor", [COMPRESSOR, STEREO_WIDENER])
def test_what_has_no_bands_has_nothing_alike(heard, processor):
    stages = stages_of(processor)
    given = stages.knobs.at({}, margin=0.05)[None]
    assert len(settings_alike(stages, given, given, heard, 3)) == 0
