"""What FxNorm-automix is trained on: stems that are what they are said to be, cut at one place."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.fxnorm import GROUPS, load_features
from dasp.controllers.fxnorm.features import RATE
from dasp.mixing.mixdown import mix_down
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.synthetic import synthetic_song
from dasp.training import fxnorm_examples
from dasp.training.fxnorm_examples import (
    Example,
    Excerpts,
    HeardSong,
    excerpt,
    made_song,
    made_songs,
    released_song,
    swapped,
    wet_stems,
)

BAND = ("kick", "hihat", "bass", "keys", "vocal")


@pytest.fixture(scope="module")
def song():
    played = synthetic_song(0, seconds=1.0, sample_rate=RATE, ensemble=BAND)
    return with_engineers_mix(played, 0)


def test_wet_stems_add_up_to_what_the_master_hears(song):
    mix = song.details["mix"]
    stems = wet_stems(song)
    assert list(stems) == ["vocals", "drums", "bass", "other"]
    wanted = mix_down(song.tracks, replace(mix, master=()))
    torch.testing.assert_close(sum(stems.values()), wanted, rtol=1e-3, atol=1e-5)


def test_a_made_song_has_stems_at_the_loudness_of_their_groups():
    made, features = made_song(3, 1.0), load_features()
    assert set(made.stems) == {"wet", "dry", "dry-normalised"}
    assert measure_loudness(made.mix.float(), RATE).item() == pytest.approx(-18.0, abs=0.01)
    for kind, stems in made.stems.items():
        assert stems.shape == (8, RATE) and stems.dtype == torch.float16
        for i, group in enumerate(GROUPS):
            own = stems[2 * i : 2 * i + 2].float()
            if own.any() and own.abs().max() < 0.999:
                lufs = measure_loudness(own, RATE).item()
                assert lufs == pytest.approx(features[group].loudness_lufs, abs=1.2), (
                    kind
                )  # of one second
    assert not torch.equal(made.stems["wet"], made.stems["dry"])


def test_songs_are_made_once(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        fxnorm_examples, "made_song", lambda seed, seconds: made.append(seed) or numbered(seed, 9)
    )
    for _ in range(2):
        first, second = made_songs(range(2, 4), 1.0, "wet", str(tmp_path))
        assert list(first.stems) == ["wet"] and first.stems["wet"][0, 0] == 32
        assert second.stems["wet"][0, 0] == 48 and torch.equal(first.mix, numbered(2, 9).mix)
    assert made == [2, 3]


def test_a_released_song_is_the_sum_of_its_stems(song):
    heard = released_song(song)
    assert list(heard.stems) == ["wet"]
    added = sum(track.expand(2, -1) for track in song.tracks)
    cosine = torch.nn.functional.cosine_similarity(heard.mix.float().flatten(), added.flatten(), 0)
    assert cosine > 0.99999


def numbered(count: int, time: int) -> HeardSong:
    """A song whose samples tell which it is, which side, and where."""
    places = torch.arange(float(time)) / 1024
    stems = torch.stack([places + i for i in range(8)]).half()
    return HeardSong({"wet": stems + count * 16}, torch.stack((places, places + 1)).half())


def test_stems_and_mix_are_cut_at_one_place_and_swapped_together():
    draw = Excerpts([numbered(0, 100)], [], "wet", 10)
    ways = set()
    for seed in range(20):
        stems, mix = draw(torch.Generator().manual_seed(seed))
        assert stems.shape == (8, 10) and mix.shape == (2, 10)
        left_first = bool(mix[0, 0] < mix[1, 0])
        assert bool(stems[0, 0] < stems[1, 0]) == left_first
        here = stems if left_first else swapped(Example(stems, mix)).stems
        torch.testing.assert_close(here[0], mix.amin(0))
        ways.add(left_first)
    assert ways == {True, False}


def test_half_of_the_excerpts_are_of_released_songs():
    draw = Excerpts([numbered(0, 20)], [numbered(1, 20)], "wet", 10)
    released = [
        draw(torch.Generator().manual_seed(seed)).stems.amax().item() > 16 for seed in range(400)
    ]
    assert 0.4 < sum(released) / 400 < 0.6


def test_swapping_twice_changes_nothing():
    example = excerpt(numbered(0, 20), "wet", 5, 10)
    for x, y in zip(swapped(swapped(example)), example, strict=True):
        assert torch.equal(x, y)
    assert torch.equal(swapped(example).stems[6], example.stems[7])
