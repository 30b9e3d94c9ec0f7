"""Where in a song to listen, beside loops that try every place."""

import pytest
import torch

from dasp.analysis.excerpt import busiest_pieces, busiest_stretch


@pytest.mark.parametrize("hop", [1, 7])
def test_of_one_track_the_stretch_with_most_energy_is_chosen(hop):
    x = torch.randn(2, 500, dtype=torch.float64)
    energies = {start: x[:, start : start + 80].square().sum() for start in range(0, 421, hop)}
    start = max(energies, key=energies.get)
    assert busiest_stretch(x, 80, hop=hop) == slice(start, start + 80)


@pytest.mark.parametrize("hop", [1, 20, 33])
def test_tracks_one_after_the_other_are_heard_as_tracks_at_once(hop):
    x = torch.randn(3, 2, 1000) * torch.rand(3, 1, 1000)
    assert busiest_stretch(iter(x), 120, hop=hop) == busiest_stretch(x, 120, hop=hop)
    shares = x.double().square().sum(1).unfold(-1, 120, hop).sum(-1)
    shares = shares / x.double().square().sum((1, 2))[:, None]
    assert busiest_stretch(x, 120, hop=hop).start == shares.sqrt().sum(0).argmax().item() * hop


def test_a_loud_track_does_not_decide_for_all_others():
    """Two soft tracks play in the middle, and one that is 60 dB louder at the end."""
    x = torch.zeros(3, 1, 1000)
    x[:2, :, 400:500] = 0.001
    x[2, :, 900:] = 1.0
    assert busiest_stretch(x, 100) == slice(396, 496)
    assert busiest_stretch(x.sum(0), 100) == slice(900, 1000)


def test_the_first_stretch_is_chosen_that_has_enough():
    x = torch.ones(1, 1000)
    x[:, :600] = 0.5
    assert busiest_stretch(x, 100, hop=50).start == 600
    assert busiest_stretch(x, 100, hop=50, enough=0.5).start == 0
    assert busiest_stretch(x, 100, hop=50, enough=0.6).start == 550


def test_short_and_silent_songs_are_heard_from_the_start():
    assert busiest_stretch(torch.ones(1, 30), 30) == slice(0, 30)
    assert busiest_stretch(torch.ones(1, 30), 80) == slice(0, 30)
    assert busiest_stretch(torch.zeros(1, 0), 80) == slice(0, 0)
    assert busiest_stretch(torch.zeros(2, 1, 100), 80) == slice(0, 80)


def test_the_order_of_pieces_is_that_of_time():
    draw = torch.rand(50)
    chosen = busiest_pieces(draw, 9)
    assert chosen.tolist() == sorted(sorted(range(50), key=lambda k: -draw[k])[:9])
    assert busiest_pieces(draw, 99).tolist() == list(range(50))


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ValueError, match="length: expected at least 1, got 0"):
        busiest_stretch(torch.zeros(1, 9), 0)
    with pytest.raises(ValueError, match="hop: expected at least 1, got 0"):
        busiest_stretch(torch.zeros(1, 9), 3, hop=0)
    with pytest.raises(ValueError, match="enough"):
        busiest_stretch(torch.zeros(1, 9), 3, enough=1.5)
