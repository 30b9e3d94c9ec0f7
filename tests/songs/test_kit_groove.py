from dataclasses import replace

import pytest
import torch

from dasp.audio_io import save_audio
from dasp.mixing.mixdown import mix_down
from dasp.songs.kit_groove import MICROPHONES, KitGrooves, halves, kit_groove, load_kit

RATE = 8000


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """Hits that are one sample in every microphone, whose height tells which hit it was."""
    folder = tmp_path_factory.mktemp("kit")
    for i, (stroke, layer, take) in enumerate(
        ((stroke, layer, take) for stroke in ("ks", "sc", "ht", "ho", "th", "tm", "tl")
         for layer in (2, 5) for take in (1, 2)),
    ):  # fmt: skip
        audio = torch.zeros(7, 10)
        audio[:, 3] = (1 + i) / 64 * torch.arange(1, 8) / 8
        save_audio(folder / f"{stroke}_vl{layer}_rr{take}.wav", audio, RATE, subtype="FLOAT")
    (folder / "README.wav").write_bytes(b"not a hit, and never opened")
    return load_kit(folder)


def test_every_microphone_hears_every_stroke_at_its_time(kit):
    groove = kit_groove(kit, 4, seconds=10.0)
    assert groove.names == tuple(MICROPHONES) and groove.roles[:3] == ("kick", "snare", "overhead")
    expected = torch.zeros(7, 10 * RATE)
    for time_s, stroke, layer, take in groove.details["strokes"]:
        (hit,) = (h for h in kit.hits[stroke] if (h.layer, h.take) == (layer, take))
        if (click := round(time_s * RATE) + 3) < 10 * RATE:
            expected[:, click] += hit.audio[:, 3]
    torch.testing.assert_close(torch.cat(groove.tracks), expected, rtol=0, atol=1e-6)
    struck = {stroke for _, stroke, _, _ in groove.details["strokes"]}
    assert {"ks", "sc", "ht"} <= struck


def test_a_seed_is_a_groove(kit):
    once, again, other = (kit_groove(kit, seed, seconds=3.0) for seed in (1, 1, 2))
    assert once.details == again.details != other.details
    assert all(torch.equal(a, b) for a, b in zip(once.tracks, again.tracks, strict=True))


def test_soft_strokes_are_soft_hits(kit):
    layers = {True: set(), False: set()}
    for seed in range(5):
        for _, _, layer, take in kit_groove(kit, seed, seconds=8.0).details["strokes"]:
            layers[layer > 3].add(take)
    assert layers[True] == layers[False] == {1, 2}


def test_halves_share_no_hit(kit):
    first, second = halves(kit)
    for stroke, hits in kit.hits.items():
        one, other = ({hit[:2] for hit in half.hits[stroke]} for half in (first, second))
        assert not one & other and len(one | other) == len(hits)
    lonely = replace(kit, hits={"ks": kit.hits["ks"][:1]})
    assert [len(half.hits) for half in halves(lonely)] == [1, 0]


def test_grooves_are_a_sequence_and_may_be_mixed(shared_data):
    kit = load_kit(shared_data / "drumbank_gogodze_7mic")
    grooves = KitGrooves(kit, 2, first_seed=5, seconds=2.0, mixed=True)
    groove = grooves[1]
    assert groove.details["seed"] == 6
    heard = mix_down(groove.tracks, groove.details["mix"])
    torch.testing.assert_close(groove.mix("engineer"), heard, rtol=0, atol=2e-6)
    with pytest.raises(IndexError, match="from 0 to 1, got 2"):
        grooves[2]


def test_folders_without_hits_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected hits such as ks_vl4_rr1\.flac"):
        load_kit(tmp_path)
    save_audio(tmp_path / "ks_vl4_rr1.wav", torch.zeros(2, 9), RATE)
    with pytest.raises(ValueError, match=r"expected the 7 microphones kick, snare, .* got 2"):
        load_kit(tmp_path)


def test_the_real_kit(shared_data):
    groove = kit_groove(load_kit(shared_data / "drumbank_gogodze_7mic"), 0, seconds=4.0)
    assert [track.shape for track in groove.tracks] == [(1, 4 * 44_100)] * 7
    assert all(track.any() for track in groove.tracks)
