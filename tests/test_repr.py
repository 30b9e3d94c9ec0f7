"""What a prompt shows of the values that people hold: a few lines, whatever is in them."""

import pytest
import torch

import dasp
from dasp.estimation import Fit, Unmixed
from dasp.estimation.unmixing.unmix import StageReport
from dasp.mixing import Channel, Console, Mix, Song, Stage, Track
from dasp.processors import CATALOGUE
from dasp.songs import synthetic_song

TRACKS = tuple(
    Track(f"track {i}", f"stems/track {i}.wav", strip=tuple(map(Stage, CATALOGUE.values())))
    for i in range(40)
)
STAGE = StageReport("gain", 12.345, 0.5, False)
MIX = Mix(44_100, TRACKS, TRACKS[0].strip, (Channel("drums"),), (Channel("hall"),))
NAMES = tuple(track.name for track in TRACKS)
SONG = Song(NAMES, ("other",) * 40, (torch.randn(2, 88_200),) * 40, 44_100)
EQ = CATALOGUE["parametric_eq"]


@pytest.mark.parametrize(
    "value, told",
    [
        (MIX, ["44100 Hz", "track 0", "and 32 more", "groups: drums", "buses: hall", "master:"]),
        (SONG, ["44100 Hz, 2.0 s", "track 1"]),
        (Console(), ["strip: gain, high_pass", "reverb: ", "master: "]),
        (Fit(EQ, EQ.defaults(), {"polish": -41.23}, 0.5, (("search", -3.0),) * 999), ["-41.2 dB"]),
        (Unmixed(MIX, (STAGE,), (), 12.0), ["gain 12.3 dB (not kept)"]),
        (Stage(CATALOGUE["fir"], {"taps": torch.randn(2, 512)}), ["fir", "2x512 numbers"]),
        (Stage(CATALOGUE["gain"], {"gain_db": -6.0}, locked=True), ["gain_db=-6", "locked"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_repr_is_short_and_tells_what_it_is(value, told):
    text = repr(value)
    assert len(text) < 500, len(text)
    assert text.startswith(type(value).__name__)
    assert [part for part in told if part not in text] == []


def test_a_made_song_tells_its_name_and_tracks():
    song = synthetic_song(0, seconds=1.0, sample_rate=8000)
    test_a_repr_is_short_and_tells_what_it_is(song, ["synthetic 0", "kick"])


def test_the_front_door_says_what_it_has():
    assert {"mix", "render", "evaluate", "fit", "unmix", "load_song"} <= set(dir(dasp))
