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
    Excerpts,
    HeardSong,
    added,
    at_level_of_sum,
    excerpt,
    heard_wet,
    learnt_below,
    lows,
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
    assert set(made.stems) == {"wet", "mono", "dry", "dry-normalised"}
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


def test_mono_stems_have_no_image_but_the_normaliser_s():
    draw = torch.Generator().manual_seed(0)
    wide = 0.1 * torch.randn(2, RATE, generator=draw)
    heard = heard_wet({"other": wide, "bass": torch.zeros(2, RATE)})
    assert not heard.stems["mono"][4:6].any()
    left, right = heard.stems["mono"][6:].float()
    together = torch.nn.functional.cosine_similarity(left, right, 0)
    assert together > 0.9  # one sound, to whatever side
    apart = torch.nn.functional.cosine_similarity(*heard.stems["wet"][6:].float(), 0)
    assert apart < together
    torch.testing.assert_close(heard.parts[6:].float(), wide, rtol=1e-3, atol=1e-6)


def test_a_mix_is_as_loud_as_what_a_network_begins_with(song):
    levelled = at_level_of_sum(heard_wet(wet_stems(song)))
    begun = 2.5 * added(levelled.stems["wet"].float())
    wanted = measure_loudness(begun, RATE).item()
    assert measure_loudness(added(levelled.parts.float()), RATE).item() == pytest.approx(
        wanted, abs=0.02
    )


def test_songs_are_made_once(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        fxnorm_examples, "made_song", lambda seed, seconds: made.append(seed) or numbered(seed, 9)
    )
    for _ in range(2):
        first, second = made_songs(range(2, 4), 1.0, ["wet"], str(tmp_path))
        assert list(first.stems) == ["wet"] and first.stems["wet"][0, 0] == 32
        assert second.stems["wet"][0, 0] == 48 and torch.equal(first.parts, numbered(2, 9).parts)
    assert made == [2, 3]


def test_a_released_song_is_the_sum_of_its_stems(song):
    heard = released_song(song)
    assert list(heard.stems) == ["wet", "mono"]
    summed = sum(track.expand(2, -1) for track in song.tracks)
    mix = added(heard.parts.float())
    cosine = torch.nn.functional.cosine_similarity(mix.flatten(), summed.flatten(), 0)
    assert cosine > 0.99999


def test_above_a_frequency_a_released_song_tells_nothing(song):
    whole = at_level_of_sum(released_song(song))
    part = learnt_below(whole, 5000.0)
    assert learnt_below(whole, RATE / 2) is whole
    spectra = [
        torch.fft.rfft(x.float()).abs()
        for x in (part.parts, whole.parts, 2.5 * part.stems["wet"].float())
    ]
    below, above = slice(0, 4500), slice(5600, None)  # a second: a bin is a hertz
    for place, wanted in ((below, spectra[1]), (above, spectra[2])):
        error = (spectra[0] - wanted)[:, place].square().sum()
        assert error < 1e-3 * wanted[:, place].square().sum()


def test_lows_leave_what_is_below():
    t = torch.arange(RATE) / RATE
    low, high = (torch.sin(2 * torch.pi * hz * t) for hz in (1000.0, 3000.0))
    torch.testing.assert_close(lows(low + high, 2000.0), low, rtol=0, atol=1e-3)


def numbered(count: int, time: int) -> HeardSong:
    """A song whose samples tell which it is, which side, and where."""
    places = torch.arange(float(time)) / 1024
    stems = torch.stack([places + i for i in range(8)]).half()
    return HeardSong({"wet": stems + count * 16, "mono": -stems}, stems)


def test_stems_and_mix_are_cut_at_one_place_and_swapped_together():
    draw = Excerpts([numbered(0, 100)], [], ["wet"], 10)
    ways = set()
    for seed in range(20):
        stems, mix = draw(torch.Generator().manual_seed(seed))
        assert stems.shape == (8, 10) and mix.shape == (2, 10)
        left_first = bool(mix[0, 0] < mix[1, 0])
        assert bool(stems[0, 0] < stems[1, 0]) == left_first
        torch.testing.assert_close(added(stems), mix)
        ways.add(left_first)
    assert ways == {True, False}


def test_strangers_are_of_different_songs_and_places_and_their_mix_is_theirs():
    songs = [numbered(0, 100), numbered(1, 100)]
    several = 0
    for seed in range(20):
        stems, mix = Excerpts(songs, [], ["wet"], 10, strangers=1.0)(
            torch.Generator().manual_seed(seed)
        )
        counts = (stems[::2, 0] / 16 + 0.001).floor().tolist()
        several += len(set(counts)) > 1
        parts = stems - 16 * torch.tensor(counts).repeat_interleave(2)[:, None]
        torch.testing.assert_close(added(parts), mix, rtol=0, atol=0.1)  # of 16 bits
    assert several > 10


def test_each_stem_is_of_a_kind_and_at_a_level_of_its_own():
    song = numbered(0, 100)._replace(parts=torch.ones(8, 100).half())
    song = song._replace(stems={"wet": song.parts, "mono": -song.parts})
    drawn = [
        Excerpts([song], [], ["wet", "mono"], 10, level_db=2.0)(torch.Generator().manual_seed(seed))
        for seed in range(50)
    ]
    levels = torch.stack([stems[:, 0] for stems, _ in drawn])
    assert torch.equal(levels[:, ::2], levels[:, 1::2])
    assert 0.3 < (levels > 0).float().mean() < 0.7
    gains_db = 20 * levels.abs().log10()
    assert gains_db.amin() >= -2.0 and gains_db.amax() <= 2.0 and gains_db.std() > 0.8
    assert all(torch.equal(mix, torch.full((2, 10), 4.0)) for _, mix in drawn)


def test_half_of_the_excerpts_are_of_released_songs():
    draw = Excerpts([numbered(0, 20)], [numbered(1, 20)], ["wet"], 10)
    released = [
        draw(torch.Generator().manual_seed(seed)).stems.amax().item() > 16 for seed in range(400)
    ]
    assert 0.4 < sum(released) / 400 < 0.6


def test_swapping_twice_changes_nothing():
    example = excerpt(numbered(0, 20), "wet", 5, 10)
    for x, y in zip(swapped(swapped(example)), example, strict=True):
        assert torch.equal(x, y)
    assert torch.equal(swapped(example).stems[6], example.stems[7])
