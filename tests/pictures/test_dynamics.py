"""The gain reductions that are drawn, beside what a static curve says of steady levels."""

import pytest
import torch

pytest.importorskip("matplotlib")

from dasp.pictures import draw_gain_reduction
from dasp.processors.catalogue import COMPRESSOR, GAIN, HIGH_PASS, LIMITER
from dasp.processors.chain import chain

RATE = 8000
QUICK = {"ratio": 4.0, "attack_ms": 1.0, "release_ms": 20.0, "knee_db": 0.0}


def curve(figure, panel):
    return torch.as_tensor(figure.axes[panel].lines[0].get_ydata())


def test_a_steady_level_is_lowered_as_the_static_curve_says():
    """12 dB over the threshold, of which a ratio of 4 leaves 3, whatever the make-up gain."""
    x = torch.ones(2, RATE)
    figure = draw_gain_reduction(
        COMPRESSOR, x, RATE, threshold_db=-12.0, makeup_gain_db=5.0, **QUICK
    )
    assert curve(figure, 0)[-1] == pytest.approx(-4.0, abs=0.01)
    assert curve(figure, 1)[-1] == pytest.approx(-9.0, abs=0.01)
    assert "9.0 dB" in figure.axes[0].get_title(loc="left")


def test_each_stage_hears_the_stages_before_it():
    """12 dB of gain and 9 dB of reduction leave 3 dB for the limiter; the gain has no panel."""
    x = torch.full((1, RATE), 10 ** (-12 / 20))
    settings = {f"compressor.{name}": value for name, value in QUICK.items()}
    figure = draw_gain_reduction(
        chain(GAIN, COMPRESSOR, LIMITER), x, RATE, **settings,
        **{"gain.gain_db": 12.0, "compressor.threshold_db": -12.0, "limiter.ceiling_db": -12.0,
           "limiter.release_ms": 20.0},
    )  # fmt: skip
    assert len(figure.axes) == 4
    assert curve(figure, 1)[-1] == pytest.approx(-9.0, abs=0.01)
    assert curve(figure, 3)[-1] == pytest.approx(-3.0, abs=0.01)


def test_a_short_peak_in_long_audio_is_seen():
    x = torch.full((1, 30 * RATE), 1e-3)
    x[0, 100_003] = 1.0
    figure = draw_gain_reduction(LIMITER, x, RATE, ceiling_db=-6.0, lookahead_ms=1.0)
    assert curve(figure, 1).min() == pytest.approx(-6.0, abs=0.01)


def test_a_chain_without_dynamics_is_refused():
    with pytest.raises(ValueError, match="expected a dynamics stage"):
        draw_gain_reduction(chain(HIGH_PASS, GAIN), torch.ones(1, 100), RATE)


@pytest.mark.parametrize("shape", [(2, 0), (3, 2, 100)])
def test_what_is_no_audio_of_one_file_is_refused(shape):
    with pytest.raises(ValueError, match="x: expected"):
        draw_gain_reduction(COMPRESSOR, torch.ones(shape), RATE)
