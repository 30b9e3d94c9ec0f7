"""What a forest says becomes faders, and what is no drum stands beside them."""

import math

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.forest.slot_features import FEATURES, SLOTS
from dasp.controllers.forest.system import WEIGHTS, forest_mix, keeping_power, shipped_forest
from dasp.controllers.forest.trees import Forest
from dasp.controllers.rules.balance import LOUDNESS_BY_ROLE_LU
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.processors.stage import setting

RATE = 16_000


def _always(**gains: tuple[float, float]) -> Forest:
    """A forest that says the same of every kit; gains not given are 1 on both sides."""
    said = torch.ones(len(SLOTS), 2)
    for slot, gain in gains.items():
        said[SLOTS.index(slot.replace("_", " "))] = torch.tensor(gain)
    nothing = torch.zeros(1)
    return Forest(
        nothing.int(), nothing.int(), nothing, torch.zeros(1, 2).int(), said.reshape(1, -1)
    )


@pytest.fixture
def kit() -> dict[str, torch.Tensor]:
    levels = {"kick": 0.2, "snare": 0.1, "overhead L": 0.03, "overhead R": 0.04}
    return {name: level * torch.randn(1, 3 * RATE) for name, level in levels.items()}


def test_gains_of_both_sides_are_heard_as_they_were_said(kit):
    """Over the square root of the level, and but for a factor that keeps the power of all drums."""
    said = {
        "kick": (1.0, 1.0), "snare": (0.5, 0.4), "overhead_left": (2.0, 0.0),
        "overhead_right": (0.3, 1.7),
    }  # fmt: skip
    mix = forest_mix(
        Song.of(list(kit), list(kit.values()), RATE), forest=_always(**said), wet=False
    )
    said = {
        slot: (left / rms**0.5, right / rms**0.5)
        for (slot, (left, right)), rms in zip(
            said.items(), (x.square().mean().sqrt().item() for x in kit.values()), strict=True
        )
    }
    heard = mix_down(list(kit.values()), mix)
    wanted = sum(
        torch.tensor(gains)[:, None] * x
        for gains, x in zip(said.values(), kit.values(), strict=True)
    )
    factor = (heard * wanted).sum() / wanted.square().sum()
    torch.testing.assert_close(heard, factor * wanted, rtol=0, atol=1e-3 * heard.abs().max().item())
    power = sum(x.square().mean() for x in kit.values())
    both_sides = sum(
        x.square().mean() * factor**2 * (a * a + b * b)
        for x, (a, b) in zip(kit.values(), said.values(), strict=True)
    )
    torch.testing.assert_close(both_sides, power, rtol=1e-3, atol=0)


def test_the_order_of_tracks_changes_nothing(kit):
    forest = shipped_forest()
    there = forest_mix(Song.of(list(kit), list(kit.values()), RATE), forest=forest)
    names = list(reversed(kit))
    back = forest_mix(Song.of(names, [kit[name] for name in names], RATE), forest=forest)
    assert {t.name: t for t in there.tracks} == {t.name: t for t in back.tracks}
    torch.testing.assert_close(
        mix_down(list(kit.values()), there), mix_down([kit[n] for n in names], back)
    )


def test_the_recording_level_changes_nothing_but_the_level(kit):
    mix = forest_mix(Song.of(list(kit), list(kit.values()), RATE), wet=False)
    quiet = forest_mix(Song.of(list(kit), [0.1 * x for x in kit.values()], RATE), wet=False)
    for track, other in zip(mix.tracks, quiet.tracks, strict=True):
        assert setting(track.strip, "gain_db") == pytest.approx(
            setting(other.strip, "gain_db"), abs=0.01
        )
        assert setting(track.strip, "pan") == pytest.approx(setting(other.strip, "pan"), abs=0.01)


def test_tracks_without_a_slot_are_as_loud_beside_the_drums_as_their_role(kit):
    tracks = {**kit, "vocal": 0.05 * torch.randn(1, 3 * RATE), "bass": torch.randn(1, 3 * RATE)}
    mix = forest_mix(Song.of(list(tracks), list(tracks.values()), RATE), wet=False)
    alone = forest_mix(Song.of(list(kit), list(kit.values()), RATE), wet=False)
    drums = measure_loudness(mix_down(list(kit.values()), alone), RATE).item()
    for i, role in ((4, "vocal"), (5, "bass")):
        track = list(tracks.values())[i]
        gain_db = setting(mix.tracks[i].strip, "gain_db")
        loudness = measure_loudness(track, RATE).item() + gain_db
        wanted = drums + LOUDNESS_BY_ROLE_LU[role] - LOUDNESS_BY_ROLE_LU["drums"]
        assert loudness == pytest.approx(wanted, abs=0.01)
        assert setting(mix.tracks[i].strip, "pan") == 0.0
        assert not mix.tracks[i].group


def test_compressor_and_reverb_stand_on_the_drums_and_keep_their_loudness(kit):
    names, tracks = [*kit, "vocal"], [*kit.values(), 0.1 * torch.randn(1, 3 * RATE)]
    wet = forest_mix(Song.of(names, tracks, RATE))
    assert [stage.processor.name for stage in wet.groups[0].strip] == [
        "compressor", "plate_reverb", "gain"
    ]  # fmt: skip
    assert [track.group for track in wet.tracks] == ["drums"] * 4 + [""]
    dry = forest_mix(Song.of(names, tracks, RATE), wet=False)
    assert dry.groups == () and dry.tracks[0].strip == wet.tracks[0].strip
    only = (
        forest_mix(Song.of(names[:4], tracks[:4], RATE)),
        forest_mix(Song.of(names[:4], tracks[:4], RATE), wet=False),
    )
    loudness = [measure_loudness(mix_down(tracks[:4], mix), RATE).item() for mix in only]
    assert loudness[0] == pytest.approx(loudness[1], abs=0.01)


def test_a_stereo_overhead_is_balanced_as_its_sides_are_heard():
    x = 0.1 * torch.randn(2, RATE)
    forest = _always(overhead_left=(0.5, 0.0), overhead_right=(0.0, 1.0))
    mix = forest_mix(Song.of(["overheads"], [x], RATE), forest=forest, wet=False)
    heard = mix_down([x], mix)
    gains = (heard * x).sum(-1) / x.square().sum(-1)
    rms = x.square().mean(-1).sqrt()
    assert (gains[0] / gains[1]).item() == pytest.approx(
        0.5 * (rms[1] / rms[0]).sqrt().item(), abs=2e-3
    )


@pytest.mark.parametrize("names", [["vocal", "bass"], ["kick", "vocal"]])
def test_songs_without_drums_and_silent_tracks_are_mixed(names):
    tracks = [torch.zeros(1, RATE), 0.1 * torch.randn(1, RATE)]
    mix = forest_mix(Song.of(names, tracks, RATE))
    heard = mix_down(tracks, mix)
    role = "bass" if names[1] == "bass" else "vocal"
    wanted = -23.0 + LOUDNESS_BY_ROLE_LU[role]
    # A mono track in the centre is as loud as it was: -3 dB on each of two sides.
    assert measure_loudness(heard, RATE).item() == pytest.approx(wanted, abs=0.02)


def test_gains_that_keep_the_power():
    features = torch.zeros(2, len(FEATURES), dtype=torch.float64)
    features[:, FEATURES.index("centroid_hz")] = 100.0
    features[:, FEATURES.index("rms_db")] = torch.tensor([0.0, 10 * math.log10(3.0)])
    kept = keeping_power(torch.tensor([[2.0, 0.0], [1.0, 1.0]]).double(), features)
    # The power was 1 + 3; with these gains it is 4 + 3 * 2 = 10.
    torch.testing.assert_close(kept, torch.tensor([[2.0, 0.0], [1.0, 1.0]]).double() * 0.4**0.5)


def test_the_shipped_forest_is_small_and_knows_all_slots():
    assert WEIGHTS.stat().st_size < 1_000_000
    forest = shipped_forest()
    assert forest.value.shape[1] == 2 * len(SLOTS)
    assert forest.feature.max() < len(SLOTS) * len(FEATURES)
