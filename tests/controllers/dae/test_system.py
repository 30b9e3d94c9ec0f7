"""Stems from raw tracks: level, silence and shape stay, and what no network knows."""

from dataclasses import asdict

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.dae.frames import SAMPLE_RATE
from dasp.controllers.dae.network import Networks, Size
from dasp.controllers.dae.system import GROUPS, RECIPE, dae_stem, dae_stems, group_of, load_trained
from dasp.mixing.roles import KNOWN_ROLES
from dasp.mixing.song import Song
from dasp.training.half_weights import save_half

TINY = Size(fft_size=64, hidden=8)


def networks(db=0.0, size=TINY):
    """Networks that turn every other bin up."""
    torch.manual_seed(0)
    made = Networks(tuple(GROUPS), size)
    for network in made.each:
        network.output.bias.data[::2] = db / 24
    return made.eval().requires_grad_(False)


def music(rate=SAMPLE_RATE, channels=2):
    draw = torch.Generator().manual_seed(0)
    return 0.01 * torch.randn(channels, rate, generator=draw)


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 48_000, 22_050])
def test_a_stem_is_as_loud_and_as_long_as_its_track_was(rate):
    x = music(rate)
    y = dae_stem(x, rate, group="keys", networks=networks(12.0))
    assert y.shape == x.shape and (y - x).abs().max() > 1e-4
    assert measure_loudness(y, rate).item() == pytest.approx(
        measure_loudness(x, rate).item(), abs=0.1
    )


def test_recording_levels_change_nothing():
    """The network hears every track at one loudness."""
    x, own = music(), networks(6.0)
    soft, loud = (dae_stem(g * x, SAMPLE_RATE, group="bass", networks=own) for g in (0.3, 3.0))
    torch.testing.assert_close(10 * soft, loud, atol=1e-5, rtol=0)


def test_a_network_that_changes_nothing_is_not_heard():
    x = music(channels=1)
    y = dae_stem(x, SAMPLE_RATE, group="bass", networks=networks())
    torch.testing.assert_close(y, x, atol=1e-6, rtol=0)


@pytest.mark.parametrize("time", [0, 1, 10, SAMPLE_RATE])
def test_silence_stays(time):
    x = torch.zeros(2, time)
    assert torch.equal(dae_stem(x, SAMPLE_RATE, group="bass", networks=networks(6.0)), x)


def test_a_song_keeps_what_no_network_knows(tmp_path):
    facts = {"recipe": RECIPE, "config": {"size": asdict(TINY), "groups": ["bass", "keys"]}}
    save_half(tmp_path / "w.safetensors", Networks(("bass", "keys"), TINY), facts)
    roles = ("kick", "bass", "guitar", "synth", "vocal")
    song = Song(roles, roles, tuple(music() for _ in roles), SAMPLE_RATE)
    made = dae_stems(song, weights=tmp_path / "w.safetensors")
    same = [new is old for new, old in zip(made.tracks, song.tracks, strict=True)]
    assert same == [True, False, True, False, True]
    assert (made.names, made.roles) == (song.names, song.roles)
    assert load_trained(tmp_path / "w.safetensors").size == TINY


def test_groups_are_of_roles_that_there_are():
    roles = [role for own in GROUPS.values() for role in own]
    assert set(roles) <= set(KNOWN_ROLES) and len(set(roles)) == len(roles)
    assert group_of("vocal") == group_of("backing vocal") == "vocals"
    assert group_of("kick") is None


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match="group"):
        dae_stem(music(), SAMPLE_RATE, group="drums", networks=networks())
    with pytest.raises(ValueError, match="x:"):
        dae_stem(torch.zeros(1, 2, 100), SAMPLE_RATE, group="bass", networks=networks())
