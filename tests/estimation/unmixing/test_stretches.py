"""What is heard of a long song."""

import pytest
import torch

from dasp.estimation.unmixing import stretches as stretches_module
from dasp.estimation.unmixing.stretches import LEAST_SHARE, choose_stretches
from dasp.estimation.unmixing.unmix import unmix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import GAIN, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage, setting
from dasp.signal.biquad import design_peak
from dasp.signal.fftconv import fft_convolve
from dasp.signal.iir import sosfilt

RATE = 1000
MINUTES = 4 * 60 * RATE


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def song_with(*places):
    """A track that plays throughout, and one of two seconds at each of some places."""
    tracks = [noise(1, MINUTES)]
    for k, second in enumerate(places):
        tracks.append(torch.zeros(1, MINUTES, dtype=torch.float64))
        start = second * RATE
        tracks[-1][:, start : start + 2 * RATE] = 0.01 * noise(1, 2 * RATE, seed=k + 1)
    return tracks


def test_a_short_song_is_heard_whole():
    tracks = [noise(1, 70 * RATE)]
    chosen = choose_stretches(tracks, RATE)
    assert chosen.is_all and chosen.seconds == 70
    assert chosen.cut(tracks[0], RATE) is chosen.faded(tracks[0], RATE) is tracks[0]


@pytest.mark.parametrize("places", [(5, 100, 236), tuple(range(1, 240, 24))])
def test_every_track_is_heard_in_a_part_of_a_long_song(places):
    """Also where there are twice as many of them, each in a place of its own, as stretches."""
    tracks = song_with(*places)
    chosen = choose_stretches(tracks, RATE)
    assert 60 <= chosen.seconds <= max(60, 12 * len(places))
    for track in tracks:
        heard = chosen.counted(chosen.cut(track, RATE))
        assert heard.square().sum() > LEAST_SHARE * track.square().sum()


def test_filters_in_a_stretch_do_what_they_do_in_the_song():
    """The lead-in has taken the place of all that came before."""
    tracks = song_with(100)
    chosen = choose_stretches(tracks, RATE)
    sos = design_peak(torch.tensor(60.0).double(), RATE, gain_db=12.0, q=2.0)
    whole = sosfilt(tracks[0], sos)[0]
    part = sosfilt(chosen.cut(tracks[0], RATE), sos)[0]
    expected = chosen.counted(chosen.cut(whole, RATE))
    torch.testing.assert_close(chosen.counted(part), expected, rtol=0, atol=1e-9)


def test_nothing_but_stretches_is_left_where_they_fade():
    chosen = choose_stretches(song_with(100), RATE)
    faded = chosen.faded(torch.ones(sum(p.stop - p.start for p in chosen.taken)).double(), RATE)
    inside = torch.zeros_like(faded, dtype=torch.bool)
    for part in chosen.heard:
        inside[part] = True
        assert faded[part].mean() > 0.98
    assert not faded[~inside].any()


@pytest.mark.parametrize("room", [False, True])
def test_a_song_is_found_from_a_part_of_it(room, monkeypatch):
    """Its last track plays for half a second of ten; the SDR is that of the whole song."""
    monkeypatch.setattr(stretches_module, "MOST_S", 3.0)
    monkeypatch.setattr(stretches_module, "STRETCH_S", 1.0)
    rate, time = 16_000, 160_000
    tracks = {name: noise(1, time, seed=k) for k, name in enumerate(("kick", "bass", "bell"))}
    tracks["bell"][:, : 8 * rate] = tracks["bell"][:, 8 * rate + rate // 2 :] = 0
    strips = [
        (Stage(GAIN, {"gain_db": -3.0 * k}), Stage(STEREO_PANNER, {"pan": 0.3 * k - 0.3}))
        for k in range(3)
    ]
    if not room:
        eq = {"high_shelf_gain_db": 6.0, "high_shelf_freq_hz": 3000.0}
        strips[1] = (Stage(PARAMETRIC_EQ, PARAMETRIC_EQ.defaults() | eq), *strips[1])
    true = Mix(rate, tuple(Track(n, n, strip=s) for n, s in zip(tracks, strips, strict=True)))
    mix = mix_down(list(tracks.values()), true)
    stages = ("gain", "eq")
    if room:
        late = 0.05 * noise(2, 400, seed=9) * torch.exp(-torch.arange(400) / 80)
        late[:, :40] = 0  # nothing that gains could do instead
        mix = mix + fft_convolve(mix, late)
        stages = ("gain", "room")
    found = unmix(tracks, mix, rate, stages=stages, room_s=0.025, excerpt_s=1.0)
    assert any("found from 3 s of the song" in note for note in found.notes)
    output = mix_down(list(tracks.values()), found.mix)
    left = (output - mix).square().sum() / mix.square().sum()
    assert found.sdr_db == pytest.approx(-10 * torch.log10(left).item(), abs=0.01)
    assert found.sdr_db > (90 if room else 70)
    if not room:
        for track, strip in zip(found.mix.tracks, strips, strict=True):
            pan = setting(track.strip, "pan")
            assert pan == pytest.approx(setting(strip, "pan"), abs=1e-3), track.name
