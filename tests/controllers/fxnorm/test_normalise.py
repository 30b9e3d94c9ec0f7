"""Stems reach the effects of their group: known ones, and those of a song's published stems."""

import math
from dataclasses import replace

import pytest
import torch

from dasp import load_audio
from dasp.analysis import measure_loudness
from dasp.controllers.fxnorm import (
    GROUPS,
    add_room,
    fx_normalise,
    group_stems,
    load_features,
    measure_effects,
    normalise_stem,
)
from dasp.controllers.fxnorm.equaliser import match_spectrum
from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.fxnorm.image import leaning, match_image, weaker_to_stronger
from dasp.controllers.fxnorm.peaks import match_peaks
from dasp.mixing.song import Song
from dasp.signal.biquad import design_high_shelf
from dasp.signal.iir import sosfilt


def _noise(seconds=3.0, level=0.1):
    generator = torch.Generator().manual_seed(1)
    return level * torch.randn(2, round(seconds * RATE), generator=generator)


def _hits(level=0.3):
    """A swell each half second, by turns of two levels."""
    time = torch.arange(RATE // 2)
    burst = torch.sin(0.2 * time) * torch.sin(math.pi * time / len(time)).square()
    return level * torch.cat([burst, 0.7 * burst] * 4).expand(2, -1)


def test_a_filtered_stem_gets_its_spectrum_back():
    x = _noise()
    wanted = measure_effects(x, RATE, "other")
    dull, _ = sosfilt(x, design_high_shelf(3000.0, RATE, gain_db=-12.0))
    found = measure_effects(match_spectrum(dull, wanted, "other"), RATE, "other")
    error_db = 20 * torch.log10(found.spectrum / wanted.spectrum)
    assert error_db[5:-5].abs().max() < 0.5


def test_the_filter_has_no_delay():
    x = torch.zeros(2, RATE)
    x[:, RATE // 2] = 1.0
    y = match_spectrum(x, load_features()["other"], "other")
    assert y[0].abs().argmax() == RATE // 2
    before, after = y[0, RATE // 2 - 500 : RATE // 2], y[0, RATE // 2 + 1 :][:500]
    torch.testing.assert_close(before, after.flip(-1))


def test_peaks_over_those_of_the_group_come_down_and_others_stay():
    x = _hits()
    own = measure_effects(x, RATE, "drums")
    lower = replace(own, peaks_db=own.peaks_db - 6.0, deviation_db=0.5)
    higher = replace(own, peaks_db=own.peaks_db + 6.0)
    assert torch.equal(match_peaks(x, higher, "drums"), x)
    y = match_peaks(x, lower, "drums")
    assert y.abs().amax() < 0.8 * x.abs().amax()
    # The image stands still: both channels were alike, and are.
    assert torch.equal(y[0], y[1])


def test_a_stem_in_the_centre_gets_the_similarity_of_its_group():
    x = _noise()[:1].expand(2, -1)
    features = load_features()["vocals"]
    y = match_image(x, features, "vocals", side=leaning(x))
    found = measure_effects(y, RATE, "vocals").similarity
    # From 200 Hz to where panning ends, at 16 kHz.
    torch.testing.assert_close(found[10:700], features.similarity[10:700], rtol=0, atol=0.03)
    assert y[1].square().mean() > y[0].square().mean()  # it leans to none: to the right
    assert y.square().sum() == pytest.approx(x.square().sum().item(), rel=0.02)


def test_a_stem_stays_on_its_side():
    x = _noise()[:1] * torch.tensor([[1.0], [0.7]])
    y = match_image(x, load_features()["other"], "other", side=leaning(x))
    assert y[0].square().mean() > y[1].square().mean()


def test_the_ratio_of_a_similarity_has_that_similarity():
    ratio = torch.linspace(0, 1, 11, dtype=torch.float64)
    torch.testing.assert_close(weaker_to_stronger(2 * ratio / (1 + ratio.square())), ratio)


def test_loudness_is_that_of_the_group_and_a_silent_stem_stays():
    stems = {"vocals": _noise(), "bass": torch.zeros(2, RATE)}
    new = fx_normalise(stems, RATE)
    assert measure_loudness(new["vocals"], RATE).item() == pytest.approx(-30.73, abs=0.02)
    assert torch.equal(new["bass"], stems["bass"])
    assert new["vocals"].shape == stems["vocals"].shape


def test_no_peak_passes_full_scale():
    x = torch.zeros(2, 2 * RATE)
    x[:, ::11_000] = 0.5
    loud = replace(load_features()["drums"], loudness_lufs=0.0)
    assert normalise_stem(x, RATE, loud, group="drums").abs().amax() <= 1.0 + 1e-6


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="stems"):
        fx_normalise({"voice": _noise()}, RATE)
    with pytest.raises(ValueError, match="group"):
        measure_effects(_noise(), RATE, "voice")
    with pytest.raises(ValueError, match="channels"):
        normalise_stem(_noise()[:1], RATE, load_features()["bass"], group="bass")


def test_tracks_of_a_group_are_added():
    one, two = torch.ones(1, 4), torch.stack((torch.ones(4), torch.zeros(4)))
    stems = group_stems(Song(("a", "b", "c"), ("kick", "snare", "synth"), (one, two, one), RATE))
    assert stems["drums"].tolist() == [[2.0] * 4, [1.0] * 4]
    assert list(stems) == ["drums", "other"]


def test_a_room_is_drawn_and_keeps_lows_dry():
    x = torch.zeros(2, RATE)
    x[:, 0] = 1.0
    rooms = [add_room(x, RATE, generator=torch.Generator().manual_seed(s)) - x for s in (1, 1, 2)]
    assert torch.equal(rooms[0], rooms[1]) and not torch.equal(rooms[0], rooms[2])
    power = torch.fft.rfft(rooms[0][0]).abs().square()
    low, middle = power[30:200].mean(), power[1500:4000].mean()
    assert 10 * torch.log10(low / middle) < -15.0


OCTAVES_HZ = [125.0 * 2**k for k in range(8)]


def _octaves_db(spectrum):
    freq_hz = torch.linspace(0, RATE / 2, len(spectrum))
    bands = [(freq_hz >= c / 2**0.5) & (freq_hz < c * 2**0.5) for c in OCTAVES_HZ]
    return torch.stack([10 * torch.log10(spectrum[band].square().mean()) for band in bands])


@pytest.mark.parametrize("group", GROUPS)
def test_dry_stems_of_a_song_become_the_published_normalised_ones(shared_data, group):
    """The averages are those of the published stems: what they were made from is a whole song's."""
    folder = shared_data / "song_fxnorm_008"
    if not folder.is_dir():
        pytest.skip("the song with published normalised stems is not there")
    dry, rate = load_audio(folder / "dry" / f"{group}.mp3")[:2]
    published = load_audio(folder / "normalised" / f"{group}.mp3")[0]
    wanted = measure_effects(published, rate, group)
    new = normalise_stem(dry, rate, wanted, group=group)
    found = measure_effects(new, rate, group)
    assert found.loudness_lufs == pytest.approx(wanted.loudness_lufs, abs=0.1)
    assert (_octaves_db(found.spectrum) - _octaves_db(wanted.spectrum)).abs().max() < 2.0
    assert abs(found.peaks_db - wanted.peaks_db) < max(1.0, wanted.deviation_db + 0.1)
    left_db, wanted_db = (
        10 * torch.log10(x[0].square().mean() / x[1].square().mean()) for x in (new, published)
    )
    assert left_db.sign() == wanted_db.sign()
    assert (left_db - wanted_db).abs() < 1.0
