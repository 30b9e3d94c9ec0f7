import math

import pytest
import torch

from dasp.controllers.rules.gain_sharing import dugan, share_gain
from dasp.mixing.song import Song
from dasp.units import power_to_db

RATE = 16_000


@pytest.mark.parametrize(("count", "gain_db"), [(1, 0.0), (2, -3.01), (4, -6.02), (8, -9.03)])
def test_equal_microphones_share_one_open_gain(count, gain_db):
    gains_db = power_to_db(share_gain(torch.full((count,), 0.3)))
    assert gains_db.tolist() == pytest.approx([gain_db] * count, abs=0.005)


@pytest.mark.parametrize("law", ["power", "amplitude"])
def test_the_shares_add_up_to_one_at_any_moment(law):
    squared = share_gain(torch.rand(5, 100, dtype=torch.float64), law=law)
    gains = squared if law == "power" else squared.sqrt()
    torch.testing.assert_close(gains.sum(0), torch.ones(100, dtype=torch.float64))


def test_who_speaks_alone_is_fully_open():
    assert share_gain(torch.tensor([0.0, 0.2, 0.0])).tolist() == [0.0, 1.0, 0.0]


def test_equal_amplitudes_share_by_twenty_logarithms():
    gains_db = power_to_db(share_gain(torch.ones(4), law="amplitude"))
    assert gains_db.tolist() == pytest.approx([-20 * math.log10(4)] * 4)


def test_weights_favour_as_if_more_were_heard():
    torch.testing.assert_close(
        share_gain(torch.ones(3, 2), [10.0, 0.0, 0.0]),
        share_gain(torch.tensor([[10.0], [1.0], [1.0]]).expand(3, 2)),
    )


def test_the_level_of_a_lone_speaker_is_kept_and_of_two_shared():
    """The first speaks in both halves, the second in the second half, as loudly."""
    first, second = 0.1 * torch.randn(2, 1, 4 * RATE)
    second[:, : 2 * RATE] = 0
    gains = [
        t.strip[0].automation for t in dugan(Song.of(("a", "b"), (first, second), RATE)).tracks
    ]
    times = torch.tensor(gains[0]["time_s"])
    a, b = (torch.tensor(gain["gain_db"]) for gain in gains)
    alone, together = (times > 0.5) & (times < 1.9), times > 3.0
    assert a[alone].abs().max() < 0.01 and b[alone].max() < -50
    for gain in (a, b):
        torch.testing.assert_close(
            gain[together], torch.full((int(together.sum()),), -3.01), rtol=0, atol=0.4
        )


def test_a_share_is_given_up_slowly():
    """Who stops keeps a power that falls as exp(-t / 0.3 s), frame by frame of 0.05 s."""
    steady = 0.1 * torch.ones(1, 4 * RATE)
    stopping = steady.clone()
    stopping[:, 2 * RATE :] = 0
    mix = dugan(Song.of(("a", "b"), (stopping, steady), RATE))
    gains_db = mix.tracks[0].strip[0].automation["gain_db"]
    for k in (0, 1, 5, 10):
        power = math.exp(-(k + 1) * 0.05 / 0.3)
        expected = 10 * math.log10(power / (1 + power))
        assert gains_db[40 + k] == pytest.approx(expected, abs=0.002)


def test_in_silence_all_have_the_same_share():
    mix = dugan(Song.of("abcd", [torch.zeros(1, RATE)] * 4, RATE))
    for track in mix.tracks:
        assert track.strip[0].automation["gain_db"] == pytest.approx([-6.021] * 20, abs=0.001)
