"""Set, listen, correct: what does not matter, what comes nearer, who stays in the middle."""

import pytest
import torch

from dasp.controllers.diff_mst.bands import distance, mix_of_bands
from dasp.controllers.diff_mst.hearing import HeardTracks, hear_tracks, mean_spectrum
from dasp.controllers.diff_mst.network import CONSOLE, MixingStyleController, small
from dasp.controllers.diff_mst.rounds import (
    PAN,
    lost_by_db,
    rounds,
    stay_in_the_middle,
)
from dasp.controllers.diff_mst.system import shipped
from dasp.mixing.console import Controls
from dasp.processors.catalogue import STEREO_PANNER
from dasp.recipes.diff_mst import drawn_settings
from dasp.songs.synthetic import synthetic_song

RATE = 44_100


@pytest.fixture(scope="module")
def heard():
    song = synthetic_song(1_000_000, seconds=3.0)
    return hear_tracks(song.tracks, song.roles, RATE)


@pytest.fixture(scope="module")
def model():
    """A network that turns knobs about, by no plan."""
    torch.manual_seed(0)
    model = MixingStyleController(small(CONSOLE), CONSOLE)
    torch.nn.init.normal_(model.track.weight, std=0.1)
    return model.eval().requires_grad_(False)


def reference(*pans):
    """A bass and a voice, at places."""
    t = torch.arange(2 * RATE) / RATE
    tones = [torch.sin(2 * torch.pi * hz * t)[None] for hz in (90.0, 1000.0)]
    placed = [STEREO_PANNER(x, RATE, pan=pan) for x, pan in zip(tones, pans, strict=True)]
    return mean_spectrum(sum(placed), RATE)


def test_the_control_of_the_panner_is_the_last():
    names = [p.name for p in CONSOLE.params.tracks for _ in range(p.size)]
    assert names[PAN] == "stereo_panner.pan"


def test_absent_tracks_and_the_order_change_nothing(heard, model):
    wanted = reference(0.5, -0.3)
    (*_, alone) = rounds(model, heard, wanted)
    nothing = HeardTracks(*(torch.cat((x, torch.zeros_like(x[:2]))) for x in heard))
    (*_, more) = rounds(model, nothing, wanted)
    count = len(heard.playing)
    torch.testing.assert_close(more.controls[:count], alone.controls, atol=1e-4, rtol=0)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    (*_, other) = rounds(model, HeardTracks(*(x[order] for x in heard)), wanted)
    torch.testing.assert_close(other.controls, alone.controls[order], atol=1e-4, rtol=0)


def test_what_is_said_to_be_behind_the_strips_is_there(heard, model):
    (*_, last) = rounds(model, heard, reference(0.0, 0.0))
    settings = CONSOLE.to_physical(Controls(tracks=last.controls)).tracks
    torch.testing.assert_close(last.behind.sum(-3), mix_of_bands(heard.bands, settings))


def test_the_network_of_the_package_comes_nearer_round_for_round(heard):
    far = torch.zeros(3)
    for seed in range(8):
        draw = torch.Generator().manual_seed(seed)
        roles = ("other",) * len(heard.playing)
        wanted = mix_of_bands(heard.bands, drawn_settings(roles, 0.0, draw))
        found = list(rounds(shipped(), heard, wanted, 3))
        far += torch.stack([distance(one.behind.sum(-3), wanted) for one in found]) / 8
    assert far[0] > far[1] > far[2]
    assert far[-1] < 0.5 * distance(heard.bands.sum(-3), wanted)


def test_leads_stay_where_records_have_them_and_a_low_end_aside_frees_them(heard, model):
    leads = heard.roles.argmax(-1)
    song = synthetic_song(1_000_000, seconds=3.0)
    named = torch.tensor([role in ("kick", "snare", "bass", "vocal") for role in song.roles])
    assert named.any() and len(leads) == len(named)
    held = stay_in_the_middle(heard, reference(0.0, 0.9))[:, 0]
    assert held[named].all() and not held.all()
    (*_, last) = rounds(model, heard, reference(0.0, 0.9))
    assert (last.controls[held, PAN] == 0.5).all()
    assert (last.controls[~held, PAN] != 0.5).all()
    assert not stay_in_the_middle(heard, reference(0.6, 0.0)).any()


def test_a_track_is_lost_35_db_under_the_others():
    bands = torch.ones(3, 3, 64) * torch.tensor([1.0, 1.0, 1e-5])[:, None, None]
    lost = lost_by_db(bands, torch.tensor([True, True, True]))
    assert lost[:2].tolist() == [0, 0]
    assert lost[2].item() == pytest.approx(50 - 35 + 3.01, abs=0.01)
    assert lost_by_db(bands, torch.tensor([True, True, False])).sum() == 0
