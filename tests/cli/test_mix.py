import json
import re
from dataclasses import asdict

import pytest
import torch

from dasp.audio_io import audio_info, load_audio, save_audio
from dasp.controllers.console.mix import WEIGHTS
from dasp.controllers.wave_unet import Architecture
from dasp.mixing.document import load_mix
from dasp.songs.synthetic import BAND, synthesise_song, synthetic_song
from dasp.training.checkpoint import save_weights

RATE = 44_100


@pytest.fixture(scope="module")
def stems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("song") / "stems"
    folder.mkdir()
    for name, audio in synthesise_song(5, seconds=3.0, sample_rate=RATE).items():
        save_audio(folder / f"{name}.wav", audio, RATE)
    return folder


def test_a_mix_and_its_settings(dasp, stems, tmp_path):
    status, out, err = dasp("mix", stems, "-o", tmp_path / "mix.wav")
    assert status == 0 and "mixed by the trained console" in err
    assert all(line.startswith("note: ") for line in err.splitlines())
    audio, rate = load_audio(tmp_path / "mix.wav")
    assert (audio.shape, rate) == ((2, 3 * RATE), RATE)
    document = json.loads((tmp_path / "mix.json").read_text())
    assert [track["name"] for track in document["tracks"]] == sorted(
        path.stem for path in stems.iterdir()
    )
    for name in ("kick", "vocal", "limited at -1 dB", "loudness -18.0 LUFS", "true peak"):
        assert name in out


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_rendering_the_settings_gives_the_same_file(dasp, stems, tmp_path, subtype):
    dasp("mix", stems, "-o", tmp_path / "mix.wav", "--subtype", subtype)
    status, _, err = dasp(
        "render", tmp_path / "mix.json", "-o", tmp_path / "again.wav", "--subtype", subtype
    )
    assert (status, err) == (0, "")
    assert (tmp_path / "again.wav").read_bytes() == (tmp_path / "mix.wav").read_bytes()


def test_a_changed_setting_changes_the_mix(dasp, stems, tmp_path):
    dasp("mix", stems, "-o", tmp_path / "mix.wav")
    document = json.loads((tmp_path / "mix.json").read_text())
    document["master"] = []
    for track in document["tracks"]:
        for stage in track["strip"]:
            if stage["processor"] == "gain" and track["name"] != "bass":
                stage["settings"]["gain_db"] = -60.0
    (tmp_path / "mix.json").write_text(json.dumps(document))
    assert dasp("render", tmp_path / "mix.json", "-o", tmp_path / "bass.wav")[0] == 0
    solo, _ = load_audio(tmp_path / "bass.wav")
    bass, _ = load_audio(stems / "bass.wav")
    cosine = torch.nn.functional.cosine_similarity(solo.mean(0), bass[0], dim=0)
    assert cosine > 0.98


def test_stems_that_do_not_fit_are_noted(dasp, tmp_path):
    folder = tmp_path / "stems"
    folder.mkdir()
    save_audio(folder / "vocal.wav", 0.1 * torch.randn(1, 22_050), 22_050)
    save_audio(folder / "bass.wav", 0.1 * torch.randn(1, RATE // 2), RATE)
    status, _, err = dasp("mix", folder, "-o", tmp_path / "mix.wav")
    assert status == 0
    assert "note: vocal: resampled from 22050 to 44100 Hz" in err
    assert "note: bass: 0.500 s of silence added" in err


def test_nothing_is_overwritten_without_force(dasp, stems, tmp_path):
    for existing in ("mix.wav", "mix.json"):
        (tmp_path / existing).write_text("precious")
        status, _, err = dasp("mix", stems, "-o", tmp_path / "mix.wav")
        assert status == 1
        assert f"{existing}: exists already; --force" in err
        assert (tmp_path / existing).read_text() == "precious"
        (tmp_path / existing).unlink()
    (tmp_path / "mix.wav").write_text("old")
    assert dasp("mix", stems, "-o", tmp_path / "mix.wav", "--force")[0] == 0
    assert load_audio(tmp_path / "mix.wav")[0].shape[0] == 2


def test_a_broken_stem_is_named_and_nothing_written(dasp, stems, tmp_path):
    folder = tmp_path / "stems"
    folder.mkdir()
    whole = (stems / "bass.wav").read_bytes()
    (folder / "bass.wav").write_bytes(whole[: len(whole) // 2])
    status, _, err = dasp("mix", folder, "-o", tmp_path / "mix.wav")
    assert status == 1
    assert "bass.wav: is cut off" in err
    assert not (tmp_path / "mix.wav").exists() and not (tmp_path / "mix.json").exists()


def test_missing_folders_and_files_are_named(dasp, tmp_path):
    status, _, err = dasp("mix", tmp_path / "nowhere", "-o", tmp_path / "mix.wav")
    assert status == 1 and "nowhere: expected a folder" in err
    status, _, err = dasp("render", tmp_path / "mix.json", "-o", tmp_path / "mix.wav")
    assert status == 1 and "mix.json" in err


@pytest.mark.long
def test_a_real_drum_kit(dasp, shared_data, tmp_path):
    """Mixed from the terminal, and rendered again from its settings to the same bytes."""
    stems = shared_data / "drums_enst066" / "tracks"
    assert dasp("mix", stems, "-o", tmp_path / "m.wav")[0] == 0
    assert dasp("render", tmp_path / "m.json", "-o", tmp_path / "again.wav")[0] == 0
    assert (tmp_path / "again.wav").read_bytes() == (tmp_path / "m.wav").read_bytes()


def test_none_of_the_mix_is_the_plain_sum(dasp, stems, tmp_path):
    out = tmp_path / "plain.wav"
    assert dasp("mix", stems, "-o", out, "--amount", 0, "--subtype", "FLOAT")[0] == 0
    plain, _ = load_audio(out)
    tracks = [load_audio(path)[0] for path in sorted(stems.iterdir())]
    expected = sum(track.expand(2, -1) for track in tracks)
    assert expected.abs().max() < 0.89, "no work for the limiter"
    torch.testing.assert_close(plain, expected, atol=1e-4, rtol=0)
    assert dasp("mix", stems, "-o", tmp_path / "m.wav", "--amount", 1.5)[0] == 2


@pytest.mark.parametrize("amount", [0.5, "10%"])
def test_part_of_the_way_ends_at_the_loudness(dasp, stems, tmp_path, amount):
    options = ("--amount", amount, "--system", "rules", "--target-lufs", "-21LUFS")
    status, out, err = dasp("mix", stems, "-o", tmp_path / "m.wav", *options)
    assert (status, err) == (0, "") and "loudness -21.0 LUFS" in out


def test_a_loudness_that_is_not_reached_is_reported(dasp, stems, tmp_path):
    options = ("--system", "equal-loudness", "--target-lufs", -1)
    status, out, err = dasp("mix", stems, "-o", tmp_path / "m.wav", *options)
    reached = re.search(r"loudness (\S+) LUFS", out)[1]
    assert status == 0 and float(reached) < -1.5
    assert f"note: the mix has {reached} LUFS and not the -1 asked for: " in err


@pytest.mark.parametrize("system", ["console", "rules", "dugan"])
def test_silent_stems_are_told_and_not_raised(dasp, tmp_path, system):
    stems = tmp_path / "stems"
    stems.mkdir()
    for name, level in (("kick", 0.0), ("bass", 1e-5)):
        save_audio(stems / f"{name}.wav", level * torch.randn(1, RATE), RATE)
    status, out, err = dasp("mix", stems, "-o", tmp_path / "m.wav", "--system", system)
    assert status == 0 and "note: every track is silent" in err
    assert "silent: nothing passes the gate" in out and "-160" not in out
    document = json.loads((tmp_path / "m.json").read_text())
    strips = [document["master"], *(track["strip"] for track in document["tracks"])]
    gains_db = [s["settings"].get("gain_db", 0) for strip in strips for s in strip]
    assert all(gain_db <= 0 for gain_db in gains_db)


def test_a_role_that_is_none_is_named_by_its_place(dasp, stems, tmp_path):
    dasp("mix", stems, "-o", tmp_path / "mix.wav", "--system", "equal-loudness")
    document = json.loads((tmp_path / "mix.json").read_text())
    for role, expected in (
        ("kik", "mix.json: tracks[1].role: no role 'kik'; did you mean 'kick'? (there are kick, "),
        (7, "mix.json: tracks[1].role: expected a text, got 7"),
    ):
        document["tracks"][1]["role"] = role
        (tmp_path / "mix.json").write_text(json.dumps(document))
        for system in ("console", "rules", "dugan"):
            status, _, err = dasp("mix", "--start", tmp_path / "mix.json", "-o",
                                  tmp_path / "b.wav", "--system", system)  # fmt: skip
            assert status == 1 and expected in err


@pytest.mark.parametrize("system", ["console", "rules", "dugan"])
def test_groups_buses_and_sends_stay(dasp, stems, tmp_path, system):
    first = ("mix", stems, "-o", tmp_path / "mix.wav", "--no-groups")
    dasp(*first, "--system", "equal-loudness")
    document = json.loads((tmp_path / "mix.json").read_text())
    low = [{"processor": "low_pass", "settings": {"freq_hz": 900.0, "order": 2}}]
    echo = [{"processor": "delay", "settings": {"mix": 1.0}}]
    document |= {"groups": [{"name": "low", "strip": low}]}
    document |= {"buses": [{"name": "echo", "strip": echo}]}
    for track in document["tracks"]:
        if track["name"] in ("kick", "bass"):
            track |= {"group": "low", "sends_db": {"echo": -12.0}}
    (tmp_path / "mix.json").write_text(json.dumps(document))
    again = ("mix", "--start", tmp_path / "mix.json", "-o", tmp_path / "again.wav")
    status, out, _ = dasp(*again, "--no-groups", "--system", system)
    new = json.loads((tmp_path / "again.json").read_text())
    assert status == 0 and "loudness -18.0 LUFS" in out
    assert new["groups"][0]["strip"][0]["settings"]["freq_hz"] == 900.0
    assert [bus["name"] for bus in new["buses"]] == ["echo"]
    for track in new["tracks"]:
        is_low = track["name"] in ("kick", "bass")
        assert track.get("group", "") == ("low" if is_low else "")
        assert track.get("sends_db", {}) == ({"echo": -12.0} if is_low else {})


def test_a_mix_that_starts_from_another_keeps_what_is_locked(dasp, stems, tmp_path):
    dasp("mix", stems, "-o", tmp_path / "mix.wav")
    document = json.loads((tmp_path / "mix.json").read_text())
    bass = next(track for track in document["tracks"] if track["name"] == "bass")
    bass |= {"strip": [{"processor": "gain", "settings": {"gain_db": -17.5}}], "locked": True}
    (tmp_path / "mix.json").write_text(json.dumps(document))
    status, _, err = dasp("mix", "--start", tmp_path / "mix.json", "-o", tmp_path / "again.wav")
    assert status == 0
    assert all(line.startswith("note: ") for line in err.splitlines())
    again = json.loads((tmp_path / "again.json").read_text())
    assert next(track for track in again["tracks"] if track["name"] == "bass") == bass
    assert dasp("mix", stems, "--start", tmp_path / "mix.json", "-o", tmp_path / "b.wav")[0] == 2
    assert dasp("mix", "-o", tmp_path / "b.wav")[0] == 2


def test_a_missing_stem_is_named_by_its_place(dasp, stems, tmp_path):
    dasp("mix", stems, "-o", tmp_path / "mix.wav")
    document = json.loads((tmp_path / "mix.json").read_text())
    document["tracks"][2]["file"] = "gone.wav"
    (tmp_path / "mix.json").write_text(json.dumps(document))
    status, _, err = dasp("render", tmp_path / "mix.json", "-o", tmp_path / "b.wav")
    assert status == 1 and "mix.json: tracks[2].file: " in err and "gone.wav: does not exist" in err


def test_a_network_makes_the_mix_and_no_settings(dasp, tmp_path):
    """By weights of one's own or those of the package; what it makes is brought to the loudness."""
    stems = tmp_path / "stems"
    stems.mkdir()
    for name, seed in (("kick", 1), ("snare", 2)):
        noise = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(seed))
        save_audio(stems / f"{name}.wav", 0.1 * noise, 16_000)
    network = Architecture(("kick", "snare"), 16_000, levels=2, filters=2)
    facts = {"recipe": "wave_unet", "config": {"network": asdict(network)}}
    save_weights(tmp_path / "weights.safetensors", network.network(), facts)
    options = ("--system", "wave-u-net", "-o", tmp_path / "mix.wav")
    assert dasp("mix", stems, *options)[0] == 0
    shipped, _ = load_audio(tmp_path / "mix.wav")
    options += ("--force", "--weights", tmp_path / "weights.safetensors")
    (stems / "session.toml").write_text('genre = "rock"\n[role]\nkick = "kick"\n')
    status, out, err = dasp("mix", stems, *options, "--target-lufs", -20)
    assert status == 0 and "there are no settings to write" in err
    assert "wave-u-net cannot follow what session.toml says of --genre" in err
    assert "loudness -20.0 LUFS" in out and not (tmp_path / "mix.json").exists()
    own, _ = load_audio(tmp_path / "mix.wav")
    assert own.shape == shipped.shape == (2, 16_000) and not torch.equal(own, shipped)
    for impossible in (("--amount", 0.5), ("--system", "rules")):
        assert dasp("mix", stems, *options, *impossible)[0] == 2


def test_a_folder_of_any_usual_kit_is_mixed_dry_and_wet(dasp, tmp_path):
    """What is heard together, and what is not in the mix, is told; without a drum there is none."""
    stems, voices = tmp_path / "kit", tmp_path / "voices"
    channels = {"Kick In": 1, "Kick Out": 1, "Snare Top": 1, "HiHat": 1, "Floor Tom": 1, "OH": 2,
                "Room L": 1}  # fmt: skip
    for folder, names in ((stems, channels), (voices, {"Lead Vox": 1, "Bass": 1})):
        folder.mkdir()
        for i, (name, count) in enumerate(names.items()):
            noise = torch.randn(count, 16_000, generator=torch.Generator().manual_seed(i))
            save_audio(folder / f"{name}.wav", 0.1 * noise, 16_000)
    network = Architecture(
        sample_rate=16_000, levels=2, filters=2, mixes=("dry", "wet"), prepared=True
    )
    facts = {"recipe": "wave_unet", "config": {"network": asdict(network)}}
    weights = tmp_path / "weights.safetensors"
    save_weights(weights, network.network(), facts)
    mixes = []
    for system in ("wave-u-net", "wave-u-net-wet"):
        out = tmp_path / f"{system}.wav"
        status, _, err = dasp("mix", stems, "-o", out, "--system", system, "--weights", weights)
        assert status == 0
        assert "Kick In and Kick Out are heard together, as kick" in err
        assert "not in the mix, since no slot is for them: Room L" in err
        mixes.append(load_audio(out)[0])
    assert mixes[0].shape == (2, 16_000) and not torch.equal(*mixes)
    status, _, err = dasp("mix", voices, "-o", tmp_path / "x.wav", "--system", "wave-u-net")
    assert status == 1 and "no microphone of a drum kit among Bass, Lead Vox" in err


def test_fxnorm_makes_the_mix_of_normalised_stems_and_no_settings(dasp, tmp_path):
    stems = tmp_path / "stems"
    stems.mkdir()
    for name, seed in (("bass", 1), ("vocals", 2)):
        noise = torch.randn(1, 44_100, generator=torch.Generator().manual_seed(seed))
        save_audio(stems / f"{name}.wav", 0.1 * noise, 44_100)
    status, out, err = dasp("mix", stems, "--system", "fxnorm", "-o", tmp_path / "mix.wav")
    assert status == 0 and "fxnorm makes the mix itself: there are no settings to write" in err
    assert "loudness -18.0 LUFS" in out and not (tmp_path / "mix.json").exists()
    mix, rate = load_audio(tmp_path / "mix.wav")
    assert mix.shape == (2, 44_100) and rate == 44_100


def test_weights_are_of_a_console(dasp, stems, tmp_path):
    out = tmp_path / "mix.wav"
    status, _, _ = dasp("mix", stems, "-o", out, "--system", "rules", "--weights", WEIGHTS)
    assert status == 2
    (tmp_path / "other.safetensors").write_bytes(b"no")
    status, _, err = dasp("mix", stems, "-o", out, "--weights", tmp_path / "other.safetensors")
    assert status == 1 and "other.safetensors" in err
    documents = []
    for weights in ((), ("--weights", WEIGHTS)):
        assert dasp("mix", stems, "-o", out, "--force", *weights)[0] == 0
        documents.append(out.with_suffix(".json").read_text())
    assert documents[0] == documents[1]


def test_stems_of_every_ending_are_mixed_and_the_rest_is_named(dasp, tmp_path):
    stems, out = tmp_path / "stems", tmp_path / "mix.wav"
    stems.mkdir()
    noise = 0.1 * torch.rand(1, 22_050)
    names = ["a.opus", "b.oga", "c.au", "d.aifc", "e.WAVE", "f.bwf", "g.Flac"]
    for name in names:
        save_audio(stems / name, noise, 48_000)
    (stems / "h.m4a").write_text("not read here")
    status, _, err = dasp("mix", stems, "-o", out, "--system", "rules")
    assert status == 0
    assert f"note: {stems}: passed over 1 file that is no audio by its name: h.m4a" in err
    mix = json.loads(out.with_suffix(".json").read_text())
    assert [track["file"] for track in mix["tracks"]] == [f"stems/{name}" for name in names]


def test_a_preview_mixes_a_part_with_settings_of_the_whole(dasp, tmp_path):
    stems = tmp_path / "stems"
    stems.mkdir()
    for name, plays in (("kick", (0, 9)), ("vocal", (3, 8)), ("pad", (11, 12))):
        x = torch.zeros(1, 12 * RATE)
        x[:, plays[0] * RATE : plays[1] * RATE] = 0.1 * torch.randn((plays[1] - plays[0]) * RATE)
        save_audio(stems / f"{name}.wav", x, RATE)
    options = ("--system", "rules", "--preview", "4s")
    status, _, err = dasp("mix", stems, "-o", tmp_path / "p.wav", *options)
    assert status == 0, err
    assert "note: preview: 4 s from 0:0" in err and "pad do not play there" in err
    assert audio_info(tmp_path / "p.wav").frames == 4 * RATE
    mix = load_mix(tmp_path / "p.json", with_files=True)
    assert not any(track.mute for track in mix.tracks), "silent there, and not in the song"
    assert dasp("render", tmp_path / "p.json", "-o", tmp_path / "whole.wav")[0] == 0
    assert audio_info(tmp_path / "whole.wav").frames == 12 * RATE


def test_variants_are_written_each_with_its_settings(dasp, tmp_path):
    song = synthetic_song(3, seconds=4.0, sample_rate=RATE, ensemble=BAND)
    stems = tmp_path / "stems"
    stems.mkdir()
    for name, x in zip(song.names, song.tracks, strict=True):
        save_audio(stems / f"{name}.wav", x, RATE, subtype="FLOAT")
    options = ("--system", "rules", "--variants", 3)
    status, out, err = dasp("mix", stems, "-o", tmp_path / "m.wav", *options)
    assert status == 0, err
    files = sorted(path.name for path in tmp_path.glob("m - *.wav"))
    assert len(files) == 3 and "m - as found.wav" in files and not (tmp_path / "m.wav").exists()
    assert all(name in out for name in files)
    for name in files:
        document = (tmp_path / name).with_suffix(".json")
        assert dasp("render", document, "-o", tmp_path / "again.wav", "--force")[0] == 0
        assert (tmp_path / "again.wav").read_bytes() == (tmp_path / name).read_bytes()
    status, _, err = dasp("mix", stems, "-o", tmp_path / "m.wav", *options)
    assert status == 1 and "exists already" in err


def test_a_mix_like_a_reference_of_another_rate(dasp, stems, tmp_path):
    other = synthesise_song(6, seconds=3.0, sample_rate=32_000)
    reference = 0.2 * sum(track.expand(2, -1) for track in other.values())
    save_audio(tmp_path / "reference.wav", reference, 32_000, subtype="FLOAT")
    words = ("mix", stems, "--system", "diff-mst", "-o", tmp_path / "mix.wav", "--reference")
    status, out, _ = dasp(*words, tmp_path / "reference.wav")
    assert status == 0 and "loudness -18.0 LUFS" in out
    document = json.loads((tmp_path / "mix.json").read_text())
    names = {stage["processor"] for track in document["tracks"] for stage in track["strip"]}
    assert {"gain", "parametric_eq", "stereo_panner"} <= names


def test_a_network_that_mixes_like_a_reference_needs_one(dasp, stems, tmp_path):
    words = ("mix", stems, "--system", "diff-mst", "-o", tmp_path / "mix.wav")
    status, _, err = dasp(*words)
    assert status == 2 and "--reference: diff-mst mixes like other mixes, and needs one" in err
    save_audio(tmp_path / "silence.wav", torch.zeros(2, RATE), RATE)
    status, _, err = dasp(*words, "--reference", tmp_path / "silence.wav")
    assert status == 1 and "reference 1: expected sound, got silence" in err
    assert not (tmp_path / "mix.wav").exists()
