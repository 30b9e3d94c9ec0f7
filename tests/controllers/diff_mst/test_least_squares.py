"""Least squares on mean spectra: they come nearer, and move nothing that has no reason to."""

import pytest
import torch

from dasp.controllers.diff_mst import least_squares
from dasp.controllers.diff_mst.bands import behind_strips, distance, mix_of_bands
from dasp.controllers.diff_mst.hearing import HeardTracks, hear_tracks
from dasp.controllers.diff_mst.least_squares import settled
from dasp.controllers.diff_mst.network import CONSOLE
from dasp.controllers.diff_mst.rounds import PAN, Round
from dasp.mixing.console import Controls
from dasp.recipes.diff_mst import drawn_settings
from dasp.songs.synthetic import synthetic_song

RATE = 44_100


@pytest.fixture(scope="module")
def heard():
    song = synthetic_song(1_000_000, seconds=3.0)
    return hear_tracks(song.tracks, song.roles, RATE)


def plain(heard):
    return of_controls(heard, CONSOLE.to_controls().tracks.expand(len(heard.playing), -1))


def of_controls(heard, controls):
    settings = CONSOLE.to_physical(Controls(tracks=controls)).tracks
    return Round(controls, behind_strips(heard.bands, settings))


def wanted(heard, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return mix_of_bands(heard.bands, drawn_settings(("other",) * len(heard.playing), 0.0, draw))


def test_they_come_nearer_to_a_reference(heard):
    for seed in range(4):
        goal, begin = wanted(heard, seed), plain(heard)
        found = settled(begin, heard, goal)
        before, after = (distance(one.behind.sum(-3), goal) for one in (begin, found))
        assert after < 0.6 * before
        torch.testing.assert_close(of_controls(heard, found.controls).behind, found.behind)
        assert (found.controls >= 0).all() and (found.controls <= 1).all()


def test_a_mix_that_meets_its_reference_stays(heard):
    draw = torch.Generator().manual_seed(0)
    begin = of_controls(heard, 0.3 + 0.4 * torch.rand(plain(heard).controls.shape, generator=draw))
    found = settled(begin, heard, begin.behind.sum(-3))
    torch.testing.assert_close(found.controls, begin.controls, atol=1e-4, rtol=0)


def test_frequencies_and_widths_of_equalisers_stay(heard):
    moved = settled(plain(heard), heard, wanted(heard)).controls != plain(heard).controls
    names = [p.name for p in CONSOLE.params.tracks for _ in range(p.size)]
    assert {name for name, one in zip(names, moved.any(0), strict=True) if one} == {
        *least_squares.KNOBS
    }


def test_slopes_are_those_of_the_chain_rule(heard):
    places, _ = least_squares._moving()
    heard = heard._replace(bands=heard.bands.double())
    begin = of_controls(heard, 0.01 + plain(heard).controls.double())
    behind, _, found = least_squares._listen(heard, begin.controls, places)
    torch.testing.assert_close(behind, begin.behind)

    def numbers(controls):
        return least_squares._heard(of_controls(heard, controls).behind.sum(-3))

    exact = torch.autograd.functional.jacobian(numbers, begin.controls)[..., places]
    near = (found - exact.flatten(1)).norm() / exact.norm()
    assert near < 0.03


def test_absent_tracks_and_the_order_change_nothing(heard):
    goal, begin = wanted(heard), plain(heard)
    alone = settled(begin, heard, goal).controls
    count = len(alone)
    nothing = HeardTracks(*(torch.cat((x, torch.zeros_like(x[:2]))) for x in heard))
    more = settled(plain(nothing), nothing, goal).controls
    torch.testing.assert_close(more[:count], alone, atol=1e-3, rtol=0)
    torch.testing.assert_close(more[count:], begin.controls[:2], atol=1e-3, rtol=0)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    mixed_up = HeardTracks(*(x[order] for x in heard))
    other = settled(plain(mixed_up), mixed_up, goal).controls
    torch.testing.assert_close(other, alone[order], atol=1e-3, rtol=0)


def test_leads_stay_in_the_middle_for_a_record(heard):
    song = synthetic_song(1_000_000, seconds=3.0)
    settings = CONSOLE.to_physical(Controls(tracks=plain(heard).controls)).tracks
    leads = torch.tensor([role in ("kick", "snare", "bass", "vocal") for role in song.roles])
    pans = torch.where(leads, 0.0, 0.8)
    record = mix_of_bands(heard.bands, {**settings, "stereo_panner.pan": pans})
    found = settled(plain(heard), heard, record).controls[:, PAN]
    torch.testing.assert_close(
        found[leads], torch.full((int(leads.sum()),), 0.5), atol=2e-3, rtol=0
    )
    assert (found[~leads] - 0.5).abs().max() > 0.1
