"""A mix like a reference: its loudness, its image, what is refused, what is kept."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness, measure_spectral_centroid, measure_stereo_imbalance
from dasp.controllers import BY_REFERENCE
from dasp.controllers.diff_mst.system import WEIGHTS, load_trained, shipped, spectrum_of
from dasp.controllers.systems import automatic_mix
from dasp.mixing.mixdown import mix_down, mix_stems
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage, setting
from dasp.songs.synthetic import synthetic_song

RATE = 44_100


@pytest.fixture(scope="module")
def song():
    made = synthetic_song(1_000_000, seconds=3.0)
    return Song(made.names, made.roles, made.tracks, RATE)


@pytest.fixture(scope="module")
def reference():
    """Another song, summed."""
    return 0.3 * sum(track.expand(2, -1) for track in synthetic_song(1_000_001, seconds=3.0).tracks)


def mixed_like(song, *references, **options):
    mix = automatic_mix(song, system="diff-mst", references=references, **options)
    return mix, mix_down(song.tracks, mix)


def test_the_mix_is_as_loud_as_was_asked(song, reference):
    _, audio = mixed_like(song, reference, target_lufs=-25.0)
    assert measure_loudness(audio, RATE).item() == pytest.approx(-25.0, abs=0.1)


def test_the_mix_leans_and_is_as_bright_as_the_reference_is(song, reference):
    def like(stage):
        return mixed_like(song, stage.run(reference, RATE))[1]

    left, right = (like(Stage(STEREO_PANNER, {"pan": pan})) for pan in (-0.8, 0.8))
    assert measure_stereo_imbalance(left, RATE) + 0.1 < measure_stereo_imbalance(right, RATE)
    dark, bright = (
        like(Stage(PARAMETRIC_EQ, {"high_shelf_gain_db": db, "low_shelf_gain_db": -db}))
        for db in (-12.0, 12.0)
    )
    centroids = [measure_spectral_centroid(x, RATE).mean().item() for x in (dark, bright)]
    assert 1.2 * centroids[0] < centroids[1]


def test_leads_stand_in_the_middle_unless_those_of_the_reference_do_not(song, reference):
    def leads(mix):
        return [
            setting(track.strip, "pan", 0.0)
            for track in mix.tracks
            if track.role in ("kick", "snare", "bass", "vocal")
        ]

    record, _ = mixed_like(song, reference)
    assert leads(record) and not any(leads(record))
    aside, _ = mixed_like(song, Stage(STEREO_PANNER, {"pan": 0.8}).run(reference, RATE))
    assert max(leads(aside)) > 0.3


def test_no_track_is_lost(song, reference):
    quiet = replace(song, tracks=(0.03 * song.tracks[0], *song.tracks[1:]))
    for tracks in (song, quiet):
        mix, _ = mixed_like(tracks, reference)
        stems = mix_stems(tracks.tracks, replace(mix, master=()))
        lufs = [measure_loudness(stem.audio, RATE).item() for stem in stems if stem.kind == "track"]
        assert min(lufs) > max(lufs) - 40


def test_the_same_reference_at_another_level_twice_or_in_mono_is_the_same(song, reference):
    mono = reference[:1]
    mixes = [mixed_like(song, *heard, target_lufs=-20.0)[0]
             for heard in ((mono,), (0.25 * mono,), (mono, mono.expand(2, -1)))]  # fmt: skip
    settings = [
        torch.tensor([value for track in mix.tracks for stage in track.strip
                      for key, value in stage.settings.items() if key in ("gain_db", "pan")])
        for mix in mixes
    ]  # fmt: skip
    torch.testing.assert_close(settings[1], settings[0], atol=0.02, rtol=0)
    torch.testing.assert_close(settings[2], settings[0], atol=0.02, rtol=0)


def test_what_is_locked_stays_and_silent_tracks_change_nothing(song, reference):
    fader = Stage(GAIN, {"gain_db": -3.0}, locked=True)
    start = song.plain_mix()
    start = replace(start, tracks=(replace(start.tracks[0], strip=(fader,)), *start.tracks[1:]))
    mix, _ = mixed_like(song, reference, start=start)
    assert fader in mix.tracks[0].strip
    silent = Song((*song.names, "nothing"), (*song.roles, "other"),
                  (*song.tracks, torch.zeros(1, song.tracks[0].shape[-1])), RATE)  # fmt: skip
    plain, more = (mixed_like(s, reference)[0] for s in (song, silent))
    pans = [[stage.settings["pan"] for track in mix.tracks[: len(song.names)]
             for stage in track.strip if stage.processor is STEREO_PANNER]
            for mix in (plain, more)]  # fmt: skip
    assert pans[0] == pytest.approx(pans[1], abs=1e-3)


def test_no_reference_silence_and_other_systems_are_refused(song, reference):
    with pytest.raises(ValueError, match="references: diff-mst mixes like other mixes, got none"):
        automatic_mix(song, system="diff-mst")
    with pytest.raises(ValueError, match=r"references\[1\]: expected music, got silence"):
        mixed_like(song, reference, torch.zeros(2, RATE))
    with pytest.raises(ValueError, match="system: expected"):
        automatic_mix(song, system="rules", references=[reference])
    with pytest.raises(ValueError, match="references: expected one or more"):
        spectrum_of([], RATE)
    assert "diff-mst" in BY_REFERENCE


def test_weights_of_another_recipe_are_refused(tmp_path):
    from dasp.controllers.console.mix import WEIGHTS as CONSOLE_WEIGHTS

    with pytest.raises(ValueError, match="expected weights of the recipe diff_mst"):
        load_trained(CONSOLE_WEIGHTS)
    other = tmp_path / "x.safetensors"
    other.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"x\.safetensors: not a safetensors file"):
        load_trained(other)


def test_the_network_of_the_package_is_small_and_does_not_train():
    assert WEIGHTS.stat().st_size < 1_000_000
    assert not any(weight.requires_grad for weight in shipped().parameters())
