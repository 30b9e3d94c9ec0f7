import math

import torch

from dasp.controllers.rules.panning import spectral_pan
from dasp.controllers.rules.spectral_panner import perez_gonzalez
from dasp.mixing.song import Song

RATE = 44_100


def test_the_mix_has_the_pans_of_the_paper_and_no_gains():
    t = torch.arange(RATE) / RATE
    tracks = [torch.sin(2 * math.pi * f * t)[None] for f in (2500.0, 100.0, 2400.0, 2600.0, 7500.0)]
    mix = perez_gonzalez(Song.of("abcde", tracks, RATE), width=0.0)
    pans = [track.strip[1].settings["pan"] for track in mix.tracks]
    assert pans == [0.0, 0.0, -1.0, 1.0, 0.0] == spectral_pan(tracks, RATE, width=0.0)
    assert all(track.strip[0].settings["gain_db"] == 0.0 for track in mix.tracks)
