"""Mixes of normalised stems by a network: what it is given, and how a whole song goes through."""

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dasp.analysis import measure_loudness
from dasp.controllers.fxnorm import fx_normalise, load_features
from dasp.controllers.fxnorm.baseline import BaselineSize
from dasp.controllers.fxnorm.network import MaskSize
from dasp.controllers.fxnorm.system import (
    fxnorm_mix,
    heard_stems,
    levelled_in_groups,
    load_fxnorm,
    render,
)
from dasp.controllers.systems import audio_of
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from tests.controllers.fxnorm.test_network import SMALL, noise

RATE = 44_100


def song(**tracks: torch.Tensor) -> Song:
    return Song.of(list(tracks), list(tracks.values()), RATE)


@pytest.fixture
def weights(tmp_path):
    """What a training of a small network leaves in a file."""

    def saved(**changes):
        config = {"kind": "masks", "stems": "wet", "masks": asdict(SMALL), **changes}
        torch.manual_seed(0)
        kind = MaskSize if config["kind"] == "masks" else BaselineSize
        size = config["masks" if config["kind"] == "masks" else "baseline"]
        path = tmp_path / "weights.safetensors"
        facts = {"recipe": "fxnorm", "config": config}
        save_file(kind(**size).network().state_dict(), path, {"dasp": json.dumps(facts)})
        return path

    return saved


def test_it_hears_normalised_stems_in_their_order_and_silence_for_the_others():
    bass, drums = noise(1, RATE), noise(2, RATE, seed=1)
    heard = heard_stems(song(drums=drums, bass=bass))
    wanted = fx_normalise({"bass": bass.expand(2, -1), "drums": drums}, RATE)
    assert heard.shape == (8, RATE) and not heard[:2].any() and not heard[6:].any()
    torch.testing.assert_close(heard[2:4], wanted["drums"])
    torch.testing.assert_close(heard[4:6], wanted["bass"])


def test_without_the_normaliser_stems_have_the_loudness_of_their_group_and_nothing_else():
    bass = noise(2, RATE)
    heard = heard_stems(song(bass=bass), normalised=False)[4:6]
    gain = heard / bass
    torch.testing.assert_close(gain, gain[:1, :1].expand(2, RATE), rtol=1e-4, atol=1e-4)
    wanted = load_features()["bass"].loudness_lufs
    assert measure_loudness(heard, RATE).item() == pytest.approx(wanted, abs=0.01)


def test_tracks_of_a_group_get_the_levels_of_their_roles():
    """Recorded alike: the hi-hat then lies 10 LU under the kick. Single tracks stay as they are."""
    tracks = {"kick": noise(1, RATE), "hihat": noise(1, RATE, seed=1)}
    levels = [measure_loudness(x, RATE).item() for x in levelled_in_groups(song(**tracks)).tracks]
    assert levels[0] - levels[1] == pytest.approx(10.0, abs=0.01)
    alone = song(kick=tracks["kick"], bass=tracks["hihat"])
    assert levelled_in_groups(alone) is alone


class Gain(nn.Module):
    """Adds the stems up, by a gain that each window counts up."""

    def __init__(self):
        super().__init__()
        self.lengths: list[int] = []

    def forward(self, stems: torch.Tensor) -> torch.Tensor:
        self.lengths.append(stems.shape[-1])
        return len(self.lengths) * stems.unflatten(-2, (4, 2)).sum(-3)


def test_windows_are_of_one_length_and_fade_into_each_other():
    stems, network = torch.ones(8, 250), Gain()
    mix = render(network, stems, window=100, overlap=20)
    assert network.lengths == [100, 100, 100]
    left = mix[0] / 4
    assert left[:80].tolist() == [1.0] * 80
    torch.testing.assert_close(left[80:100], torch.linspace(1, 2, 20))
    assert left[100:150].tolist() == [2.0] * 50 and left[170:].tolist() == [3.0] * 80
    torch.testing.assert_close(left[150:170], torch.linspace(2, 3, 20))


def test_a_network_that_adds_gives_the_sum_wherever_windows_end():
    stems = noise(8, 777)

    def adds(x):
        return x.unflatten(-2, (4, 2)).sum(-3)

    for window in (100, 333, 776, 777, 1000):
        mix = render(adds, stems, window=window, overlap=50)
        torch.testing.assert_close(mix, adds(stems))


def test_a_short_song_goes_through_whole(weights):
    network, _ = load_fxnorm(weights())
    stems = noise(8, 500)
    assert torch.equal(render(network, stems), network(stems[None])[0])
    assert not render(network, torch.zeros(8, 500)).any()


@pytest.mark.parametrize("kind", ["masks", "wave-u-net"])
def test_a_mix_is_as_long_as_the_song_at_any_rate(kind, weights):
    small = {"filters": 4, "levels": 2}
    path = weights(kind=kind, stems="dry", baseline=small)
    for rate in (44_100, 48_000, 22_050):
        tracks = [resample(noise(1, 20_001, seed=i), 44_100, rate) for i in range(2)]
        song = Song.of(["kick", "voice"], tracks, rate)
        mix = fxnorm_mix(song, path)
        assert mix.shape == (2, tracks[0].shape[-1]) and mix.isfinite().all() and mix.any()
        assert torch.equal(audio_of(song, "fxnorm", path).tracks[0], mix)


def test_what_a_network_was_trained_on_it_hears(weights, monkeypatch):
    heard = []
    monkeypatch.setattr(
        "dasp.controllers.fxnorm.system.heard_stems",
        lambda song, *, normalised: heard.append(normalised) or torch.zeros(8, 100),
    )
    for stems in ("wet", "dry", "dry-normalised"):
        fxnorm_mix(song(bass=noise(1, 100)), weights(stems=stems))
    assert heard == [True, False, True]


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="expected weights of the recipe fxnorm"):
        load_fxnorm(path)
