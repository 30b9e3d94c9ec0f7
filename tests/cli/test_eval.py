import json

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.audio_io import load_audio, save_audio
from dasp.evaluation.metrics import measure_errors

RATE, TIME = 22_050, 55_125


@pytest.fixture
def songs(tmp_path):
    """Two songs: a reference, a mix that is 6 dB down, and stems."""
    for name in ("a", "b"):
        stems = [0.05 * torch.randn(1, TIME) for _ in range(3)]
        (tmp_path / name / "stems").mkdir(parents=True)
        for stem, x in zip(("vox", "overhead L", "overhead R"), stems, strict=True):
            save_audio(tmp_path / name / "stems" / f"{stem}.wav", x, RATE, subtype="FLOAT")
        reference = torch.cat((stems[0] + stems[1], stems[0] + stems[2]))
        save_audio(tmp_path / name / f"{name} ref.wav", reference, RATE, subtype="FLOAT")
        save_audio(tmp_path / name / f"{name} mix.wav", 0.5 * reference, RATE, subtype="FLOAT")
    return tmp_path


def test_mixes_of_one_song(dasp, songs):
    ref, mix = songs / "a" / "a ref.wav", songs / "a" / "a mix.wav"
    status, out, err = dasp("eval", mix, ref, "--reference", ref)
    assert (status, err) == (0, "")
    head, first, second = out.splitlines()
    assert head.split()[:4] == ["song", "mix", "loudness", "LU"]
    assert first.split()[4:6] == ["6.02", "6.02"]
    assert second.split()[4:6] == ["0", "0"]
    status, out, _ = dasp("eval", mix, "--reference", ref, "--json")
    (song,) = json.loads(out)["songs"]
    errors = measure_errors(load_audio(mix)[0], load_audio(ref)[0], RATE)
    assert (song.pop("song"), song.pop("mix")) == ("a ref", "a mix")
    assert song == pytest.approx(errors)


def test_baselines_means_and_intervals_of_songs(dasp, songs):
    status, out, _ = dasp(
        "eval", songs / "a" / "a mix.wav", songs / "b" / "b mix.wav",
        "--reference", songs / "a" / "a ref.wav", songs / "b" / "b ref.wav",
        "--stems", songs / "a", songs / "b",
    )  # fmt: skip
    assert status == 0
    lines = out.splitlines()
    assert len(lines) == 1 + 2 * 6 + 2 + 1 + 6
    assert lines[-6].startswith("mix             6.02 [6.02, 6.02]")
    assert [line[:14].strip() for line in lines[-5:]] == [
        "mono sum", "equal loudness", "random", "rule mix", "anchor",
    ]  # fmt: skip


def test_percentage_errors_for_comparison(dasp, songs):
    ref = songs / "a" / "a ref.wav"
    status, out, _ = dasp("eval", ref, "--reference", ref, "--mape")
    assert status == 0 and "mean_mape_panning" in out.splitlines()[0]
    assert out.splitlines()[1].split()[-4:] == ["0"] * 4


def test_a_folder_to_listen_to(dasp, songs):
    folder = songs / "listen"
    command = ("eval", songs / "a" / "a mix.wav", "--reference", songs / "a" / "a ref.wav",
               "--stems", songs / "a", "--stimuli", folder)  # fmt: skip
    assert dasp(*command)[0] == 0
    files = sorted(path.name for path in (folder / "a ref").iterdir())
    assert files == [
        "a_mix.wav", "anchor.wav", "equal_loudness.wav", "mono_sum.wav", "random.wav",
        "reference.wav", "rule_mix.wav", "stimuli.json",
    ]  # fmt: skip
    for path in (folder / "a ref").glob("*.wav"):
        assert measure_loudness(*load_audio(path)).item() == pytest.approx(-28.0, abs=0.01)
    status, _, err = dasp(*command)
    assert status == 1 and "exists already" in err
    assert dasp(*command, "--force")[0] == 0


def test_other_rates_and_lengths_are_noted(dasp, songs):
    save_audio(songs / "short.wav", 0.1 * torch.randn(1, RATE), 2 * RATE)
    status, _, err = dasp("eval", songs / "short.wav", "--reference", songs / "a" / "a ref.wav")
    assert status == 0
    assert "short.wav: resampled from 44100 to 22050 Hz" in err
    assert "short.wav: 2.000 s shorter than the reference" in err
    save_audio(songs / "a" / "stems" / "long.wav", 0.1 * torch.randn(1, TIME + RATE), RATE)
    ref = songs / "a" / "a ref.wav"
    status, out, err = dasp("eval", ref, "--reference", ref, "--stems", songs / "a")
    assert status == 0 and len(out.splitlines()) == 7
    assert err.count("a: 1.000 s longer than the reference") == 1


def test_numbers_of_files_that_do_not_fit_are_wrong_usage(dasp, songs):
    mix, ref = songs / "a" / "a mix.wav", songs / "a" / "a ref.wav"
    status, _, err = dasp("eval", mix, "--reference", ref, ref)
    assert status == 2 and "expected one reference or 1, got 2" in err
    status, _, err = dasp("eval", mix, "--reference", ref, "--stems", songs, songs)
    assert status == 2 and "as many folders of stems as references" in err


@pytest.fixture
def dsd100(tmp_path):
    """Two songs in the layout of DSD100, one of each split; the mixture is the plain sum."""
    for split, name in (("Dev", "one"), ("Test", "two")):
        stems = {stem: 0.05 * torch.randn(2, TIME) for stem in ("bass", "drums", "vocals")}
        places = {stem: tmp_path / "Sources" / split / name / f"{stem}.wav" for stem in stems}
        places["mixture"] = tmp_path / "Mixtures" / split / name / "mixture.wav"
        for stem, path in places.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            save_audio(path, stems.get(stem, sum(stems.values())), 44_100, subtype="FLOAT")
    return f"dsd100:{tmp_path}"


def test_a_data_set_by_name(dasp, dsd100):
    """Its mixtures are the references; baselines and automatic mixers are judged."""
    status, out, err = dasp("eval", "--data", dsd100, "--system", "equal-loudness", "--json")
    assert (status, err) == (0, "")
    songs = json.loads(out)["songs"]
    assert {row["song"] for row in songs} == {"one", "two"}
    mixes = [row["mix"] for row in songs if row["song"] == "one"]
    assert mixes == ["equal-loudness", "mono sum", "equal loudness", "random", "rule mix", "anchor"]
    assert all(row["gain_invariant_sdr"] > 3 for row in songs if row["mix"] == "equal-loudness")


def test_a_split_of_a_data_set(dasp, dsd100):
    status, out, _ = dasp("eval", "--data", dsd100, "--split", "Test", "--json")
    assert status == 0 and {row["song"] for row in json.loads(out)["songs"]} == {"two"}
    status, _, err = dasp("eval", "--data", dsd100, "--split", "test")
    assert status == 1 and "--split: expected one of Dev, Test, got test" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("a.wav", "--data", "dsd100:x"), "--data stands in place of"),
        (("a.wav",), "expected MIX and --reference, or --data"),
        (("a.wav", "--reference", "a.wav", "--system", "rules"), "are of --data"),
    ],
)
def test_a_data_set_or_files(dasp, arguments, expected):
    status, _, err = dasp("eval", *arguments)
    assert status == 2 and expected in err


def test_a_data_set_that_is_none(dasp, tmp_path):
    status, _, err = dasp("eval", "--data", f"dsd:{tmp_path}")
    assert status == 1 and "did you mean 'dsd100'?" in err
