import pytest
import torch

import dasp.functional as F
from dasp.processors.catalogue import COMPRESSOR, GAIN, PARAMETRIC_EQ, STEREO_WIDENER
from dasp.processors.chain import chain, dry_wet, parallel

RATE = 48_000


def test_a_chain_is_its_parts_in_order():
    x = torch.randn(2, 2, 500)
    strip = chain(GAIN, COMPRESSOR, GAIN)
    y = strip(x, RATE, **{"gain.gain_db": 12.0, "compressor.ratio": 8.0, "gain_2.gain_db": -3.0})
    expected = F.gain(x, RATE, gain_db=12.0)
    expected = COMPRESSOR(expected, RATE, ratio=8.0)
    expected = F.gain(expected, RATE, gain_db=-3.0)
    assert torch.equal(y, expected)
    assert strip.n_controls == 1 + COMPRESSOR.n_controls + 1


def test_parallel_is_a_sum():
    x = torch.randn(2, 500)
    y = parallel(GAIN, GAIN)(x, RATE, **{"gain.gain_db": 0.0, "gain_2.gain_db": -20.0})
    torch.testing.assert_close(y, 1.1 * x)


@pytest.mark.parametrize("mix", [0.0, 0.25, 1.0, torch.tensor([0.0, 0.5])])
def test_dry_wet_is_a_weighted_sum(mix):
    x = torch.randn(2, 2, 500)
    y = dry_wet(STEREO_WIDENER)(x, RATE, **{"wet.width": 0.0, "mix": mix})
    mono = x.mean(-2, keepdim=True).expand_as(x)
    share = torch.as_tensor(mix).reshape(-1, 1, 1)
    torch.testing.assert_close(y, (1 - share) * x + share * mono)


def test_combinations_nest():
    x = torch.randn(2, 500)
    nested = chain(dry_wet(chain(GAIN, COMPRESSOR)), GAIN)
    settings = {"dry_wet.mix": 0.5, "dry_wet.wet.gain.gain_db": 6.0, "gain.gain_db": -6.0}
    wet = COMPRESSOR(F.gain(x, RATE, gain_db=6.0), RATE)
    expected = F.gain((x + wet) / 2, RATE, gain_db=-6.0)
    torch.testing.assert_close(nested(x, RATE, **settings), expected)


def test_controls_of_a_chain_are_those_of_its_parts():
    strip = chain(PARAMETRIC_EQ, COMPRESSOR)
    controls = torch.rand(3, strip.n_controls)
    both = {f"parametric_eq.{k}": v for k, v in
            PARAMETRIC_EQ.to_physical(controls[:, : PARAMETRIC_EQ.n_controls]).items()}  # fmt: skip
    for key, value in both.items():
        assert torch.equal(strip.to_physical(controls)[key], value)


def test_a_neutral_chain_changes_nothing():
    strip = chain(GAIN, PARAMETRIC_EQ, COMPRESSOR)
    x = torch.randn(2, 1000, dtype=torch.float64)
    torch.testing.assert_close(strip(x, RATE, **strip.neutral), x)


def test_unknown_keywords_are_refused_with_the_nearest():
    with pytest.raises(TypeError, match=r"did you mean 'compressor.ratio'"):
        chain(GAIN, COMPRESSOR)(torch.zeros(1, 9), RATE, **{"compressor.ration": 2.0})
    with pytest.raises(ValueError, match="at least one processor"):
        chain()


@pytest.mark.parametrize("combined", [chain, parallel])
def test_combinations_of_equal_parts_are_equal(combined):
    assert combined(GAIN, COMPRESSOR) == combined(GAIN, COMPRESSOR)
    assert combined(GAIN, COMPRESSOR) != combined(COMPRESSOR, GAIN)
    assert dry_wet(GAIN) == dry_wet(GAIN)
