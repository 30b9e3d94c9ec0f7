"""The last look at a match: each measure of the whole is brought to its place by its knob."""

import pytest
import torch

from dasp.estimation.matching.equaliser import likely_gains
from dasp.estimation.matching.mastering import mastering_chain
from dasp.estimation.matching.pieces import measure_whole
from dasp.estimation.matching.whole import LastLook, Settled
from dasp.functional import limiter, parametric_eq, stereo_widener

RATE = 44_100
DARK = {
    "low_shelf_gain_db": 5.0, "low_shelf_freq_hz": 200.0, "low_shelf_q": 0.7,
    "peak_gain_db": [-3.0], "peak_freq_hz": [1000.0], "peak_q": [0.7],
    "high_shelf_gain_db": -6.0, "high_shelf_freq_hz": 3000.0, "high_shelf_q": 0.7,
}  # fmt: skip


def _music(seed):
    """Bursts of noise over a drone, of which the sides differ."""
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, RATE, generator=draw)
    mid_side = torch.stack((noise[0] + 0.3 * noise[1], noise[0] - 0.3 * noise[1]))
    beat = (torch.arange(RATE) % (RATE // 4)) / RATE
    return 0.1 * mid_side * (0.15 + torch.exp(-beat / 0.03))


@pytest.fixture(scope="module")
def looked():
    """Music, and what was found for a darker, narrower, limited and louder reference."""
    x = _music(0)
    other = stereo_widener(parametric_eq(_music(1), RATE, **DARK), RATE, width=0.6)
    other = limiter(0.5 * other / other.abs().max(), RATE, ceiling_db=-12.0, release_ms=50.0)
    own, wanted = measure_whole(x, RATE), measure_whole(other, RATE)
    chain = mastering_chain(x[None], RATE)
    look = LastLook(x, RATE, chain, own, wanted, likely_gains(RATE))
    found = look.settled(Settled(torch.zeros(31), 0.0, chain.neutral))
    strip = found.strip(chain)
    end, missed_lu = look.at_loudness(strip, wanted.lufs)
    return own, wanted, measure_whole(look.heard((*strip, *end)), RATE), missed_lu


def test_the_loudness_is_met(looked):
    _, wanted, got, missed_lu = looked
    assert got.lufs == pytest.approx(wanted.lufs, abs=0.1)
    assert abs(missed_lu) < 0.1


def test_the_crest_factor_comes_nearer_by_the_limiter(looked):
    own, wanted, got, _ = looked
    before, after = (x.crest_db - wanted.crest_db for x in (own, got))
    assert before > 2
    assert abs(after) < 0.5 * before


def test_the_share_of_the_side_is_met_by_the_width(looked):
    own, wanted, got, _ = looked
    assert own.side_share > wanted.side_share + 0.02
    assert got.side_share == pytest.approx(wanted.side_share, abs=0.01)


def test_the_spectrum_comes_nearer_by_the_equaliser(looked):
    own, wanted, got, _ = looked
    inner = slice(8, 27)
    before, after = ((x.spectrum - wanted.spectrum)[inner].abs().mean() for x in (own, got))
    assert after < 0.4 * before
