"""Recordings of kits: the dry mix is faders and pans, and the wet one more, as loud."""

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.estimation.least_squares import fit_filters
from dasp.losses import esr
from dasp.songs.kit_groove import MICROPHONES, Hit, Kit
from dasp.songs.kit_recordings import SUM_PEAK, kit_recording

RATE, SECONDS = 22_050, 4.0


@pytest.fixture(scope="module")
def kit() -> Kit:
    draw = torch.Generator().manual_seed(0)
    decay = torch.exp(-torch.arange(1600) / 300)
    return Kit(
        RATE,
        {
            stroke: (Hit(5, 1, decay * torch.randn(len(MICROPHONES), 1600, generator=draw)),)
            for stroke in ("ks", "sc", "ht", "th", "tm", "tl")
        },
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("real", [False, True])
def test_the_dry_mix_is_faders_near_0_db_and_pans(seed, real, kit):
    """Least squares find it to the last, and the power of the gains of each microphone is 1."""
    song = kit_recording(seed, kit if real else None, seconds=SECONDS, sample_rate=RATE)
    tracks, dry = torch.stack(song.tracks).double(), song.mix("dry").double()
    found = fit_filters(tracks, dry)
    assert esr(found.images(tracks).sum(0), dry) < 1e-6
    faders_db = 20 * found.filters[..., 0].norm(dim=-1).log10()
    assert faders_db.abs().max() < 3.5 * 0.5
    assert sum(song.tracks).abs().max().item() == pytest.approx(SUM_PEAK, rel=1e-4)


def test_the_wet_mix_is_as_loud_and_no_sum_of_the_microphones():
    song = kit_recording(0, seconds=SECONDS, sample_rate=RATE)
    dry, wet = song.mix("dry"), song.mix("wet")
    assert torch.isclose(measure_loudness(dry, RATE), measure_loudness(wet, RATE), atol=0.05)
    tracks = torch.stack(song.tracks)
    assert esr(fit_filters(tracks, wet).images(tracks).sum(0), wet) > 0.01


def test_without_taste_the_wet_mix_is_the_dry_one_and_with_less_it_is_nearer():
    apart = []
    for taste in (0.0, 0.5, 1.0):
        song = kit_recording(0, seconds=SECONDS, sample_rate=RATE, taste=taste)
        apart.append(esr(song.mix("wet"), song.mix("dry")).item())
    assert apart[0] < 1e-4 and apart[0] < apart[1] < apart[2]


def test_overheads_are_on_their_sides_and_the_hi_hat_on_the_right():
    for seed in range(2):
        song = kit_recording(seed, seconds=SECONDS, sample_rate=RATE)
        tracks = torch.stack(song.tracks).double()
        gains = fit_filters(tracks, song.mix("dry").double()).filters[..., 0]
        by_name = dict(zip(song.names, gains, strict=True))
        for name, louder in (("overhead_L", 0), ("overhead_R", 1), ("hihat", 1), ("tom_3", 0)):
            if name in by_name:
                assert by_name[name][louder] > by_name[name][1 - louder]


def test_kits_differ_in_their_microphones():
    names = {kit_recording(seed, seconds=1.0, sample_rate=RATE).names for seed in range(5)}
    assert len(names) > 2
