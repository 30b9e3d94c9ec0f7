"""`dasp batch`: folders through a chain, and what is said, left alone, and done again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from dasp.audio_io import audio_info, load_audio, save_audio
from dasp.mixing import load_mix
from dasp.songs.synthetic import synthesise_song

ROOT = Path(__file__).resolve().parents[2]
GAIN = ("-e", "gain:gain_db=-6")


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """Six files in a tree, from the folder that holds it."""
    for number in range(6):
        path = tmp_path / "in" / "abc"[number % 3] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_audio(path, 0.5 * torch.rand(2, 1000) - 0.25, 48_000, subtype="PCM_16")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


def _names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


ALL = ["a/0.wav", "a/3.wav", "b/1.wav", "b/4.wav", "c/2.wav", "c/5.wav", "dasp-batch.jsonl"]


def test_a_tree_of_files(dasp, songs):
    status, out, err = dasp("batch", "in/**/*.wav", "-o", songs, *GAIN, "-j", "2")
    assert (status, err) == (0, "")
    assert out == "6 written, 0 whole already, 0 failed\n"
    assert _names(songs) == ALL
    info = audio_info(songs / "b" / "4.wav")
    assert (info.subtype, info.sample_rate) == ("PCM_16", 48_000)
    dasp("process", "in/b/4.wav", "-o", "one.wav", *GAIN)
    x, _ = load_audio("one.wav")
    assert (load_audio(songs / "b" / "4.wav")[0] - x).abs().max() <= 2 / 2**15  # of dither


def test_segments(dasp, songs):
    """The journal has of them what it has of whole files, and `--resume` knows them."""
    command = ("batch", "in", "-o", songs, *GAIN, "-j", "1", "--segment", "0.01")
    assert dasp(*command)[:2] == (0, "6 written, 0 whole already, 0 failed\n")
    assert audio_info(songs / "b" / "4.wav").frames == 1000
    assert dasp(*command, "--resume")[1] == "0 written, 6 whole already, 0 failed\n"


def test_dry_run_writes_nothing(dasp, songs):
    status, out, _ = dasp(
        "batch", "in", "-o", songs, *GAIN, "--dry-run", "--format", "flac", "--name", "{stem}-6"
    )
    assert status == 0 and not songs.exists()
    assert out.splitlines()[3] == f"in/b/4.wav -> {songs}/b/4-6.flac"


def test_a_bad_file_costs_itself(dasp, songs):
    Path("in/b/1.wav").write_text("no audio")
    status, out, err = dasp("batch", "in", "-o", songs, *GAIN, "-j", "1")
    assert status == 1 and out == "5 written, 0 whole already, 1 failed\n"
    assert err.startswith("dasp batch: in/b/1.wav: is not audio") and err.count("\n") == 1
    assert _names(songs) == [name for name in ALL if name != "b/1.wav"]
    (line,) = [
        event
        for event in map(json.loads, (songs / "dasp-batch.jsonl").read_text().splitlines())
        if event["event"] == "failed"
    ]
    assert line["source"] == "in/b/1.wav" and "is not audio" in line["reason"]


def test_existing_files_resume_and_force(dasp, songs):
    arguments = ("batch", "in", "-o", songs, *GAIN, "-j", "1")
    (songs / "a").mkdir(parents=True)
    (songs / "a" / "0.wav").write_text("precious")
    for option in ((), ("--resume",)):
        status, _, err = dasp(*arguments, *option)
        assert status == 1 and f"{songs}/a/0.wav: exists already; --force replaces" in err
    assert (songs / "a" / "0.wav").read_text() == "precious"
    (songs / "a" / "0.wav").unlink()
    assert dasp(*arguments)[1] == "6 written, 0 whole already, 0 failed\n"
    first = {name: (songs / name).read_bytes() for name in ALL[:-1]}
    status, _, err = dasp(*arguments)
    assert status == 1 and "exists already, and 5 more" in err
    (songs / "c" / "2.wav").write_bytes(first["c/2.wav"][:-10])
    assert dasp(*arguments, "--resume")[1] == "1 written, 5 whole already, 0 failed\n"
    assert dasp(*arguments, "--resume")[1] == "0 written, 6 whole already, 0 failed\n"
    assert dasp(*arguments, "--force")[1] == "6 written, 0 whole already, 0 failed\n"
    assert {name: (songs / name).read_bytes() for name in ALL[:-1]} == first
    other = ("batch", "in", "-o", songs, "-e", "gain:gain_db=-7", "--resume", "-j", "1")
    assert dasp(*other)[1] == "6 written, 0 whole already, 0 failed\n"


def test_shards_share_the_work(dasp, songs):
    for part in (1, 2):
        status, out, _ = dasp("batch", "in", "-o", songs, *GAIN, "--shard", f"{part}/2", "-j", "1")
        assert status == 0 and out.startswith("3 written")
    journals = ["dasp-batch-1-of-2.jsonl", "dasp-batch-2-of-2.jsonl"]
    assert _names(songs) == [*ALL[:-1], *journals]
    _, out, _ = dasp("batch", "in", "-o", songs, *GAIN, "--resume", "-j", "1")
    assert out == "0 written, 6 whole already, 0 failed\n"


def test_settings_of_single_files(dasp, songs):
    Path("s.csv").write_text("file,gain.gain_db\nb/1.wav,-20\n")
    arguments = ("-o", songs, *GAIN, "--settings", "s.csv", "--subtype", "FLOAT", "-j", "1")
    assert dasp("batch", "in", *arguments)[0] == 0
    for name, gain_db in (("b/1.wav", -20), ("b/4.wav", -6)):
        x, _ = load_audio(Path("in") / name)
        expected = x * 10 ** (gain_db / 20)
        torch.testing.assert_close(load_audio(songs / name)[0], expected, rtol=1e-6, atol=0)
    Path("s.csv").write_text("file,gain.gain_db\nb/9.wav,-20\n")
    status, _, err = dasp("batch", "in", "-o", "new", *arguments[2:])
    assert status == 1 and "'b/9.wav', which is no input; did you mean" in err


def test_clipping_is_reported(dasp, songs):
    arguments = ("batch", "in/a", "-o", songs, "-e", "gain:gain_db=13", "-j", "1")
    status, _, err = dasp(*arguments)
    assert status == 1 and err.count("samples are over full scale") == 2
    status, _, err = dasp(*arguments, "--clip-mode", "clamp")
    assert status == 0 and err.count("samples were over full scale: clipped") == 2
    events = map(json.loads, (songs / "dasp-batch.jsonl").read_text().splitlines())
    assert [event["over"] > 0 for event in events if event["event"] == "done"] == [True, True]


def test_folders_of_stems_to_mixes(dasp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, song in enumerate(("one", "two")):
        folder = tmp_path / "songs" / song
        folder.mkdir(parents=True)
        for name, audio in synthesise_song(seed, seconds=3.0, sample_rate=22_050).items():
            save_audio(folder / f"{name}.wav", audio, 22_050)
    status, out, err = dasp("batch", "songs", "-o", "mixes", "--mix", "-j", "1")
    assert (status, err) == (0, "") and out == "2 written, 0 whole already, 0 failed\n"
    mixes = ["dasp-batch.jsonl", "one.json", "one.wav", "two.json", "two.wav"]
    assert _names(tmp_path / "mixes") == mixes
    assert dasp("render", "mixes/one.json", "-o", "again.wav")[::2] == (0, "")
    assert Path("again.wav").stat().st_size == Path("mixes/one.wav").stat().st_size
    Path("mixes/two.json").unlink()
    _, out, _ = dasp("batch", "songs", "-o", "mixes", "--mix", "-j", "1", "--resume")
    assert out == "1 written, 1 whole already, 0 failed\n"


@pytest.mark.parametrize("options", [(), ("--no-prepare",)])
def test_a_batch_prepares_every_song_and_reports_it(dasp, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "songs" / "one"
    folder.mkdir(parents=True)
    noise = 0.1 * torch.randn(2, 1, 16_000, generator=torch.Generator().manual_seed(0))
    for name, x in {"bass": noise[0], "keys": noise[1], "keys copy": 0.5 * noise[1]}.items():
        save_audio(folder / f"{name}.wav", x, 16_000, subtype="FLOAT")
    words = ("--mix", "--system", "equal-loudness", "-j", "1", *options)
    status, _, err = dasp("batch", "songs", "-o", "mixes", *words)
    done = json.loads((tmp_path / "mixes" / "dasp-batch.jsonl").read_text().splitlines()[-1])
    mutes = [t.name for t in load_mix(tmp_path / "mixes" / "one.json").tracks if t.mute]
    told = [(found["track"], found["kind"], found["done"]) for found in done["prepared"]]
    if options:
        assert (status, told, mutes) == (0, [], []) and "keys copy" not in err
    else:
        assert (status, told) == (0, [("keys copy", "duplicate", True)]), err
        assert mutes == ["keys copy"] and "keys copy: keys again" in err
    other = () if options else ("--no-prepare",)
    words = ("--mix", "--system", "equal-loudness", "-j", "1", *other, "--resume")
    _, out, _ = dasp("batch", "songs", "-o", "mixes", *words)
    assert out.startswith("1 written, 0 whole"), "made in another way"


@pytest.mark.parametrize(
    "arguments, status, expected",
    [
        (("--no-prepare",), 2, "--no-prepare is for --mix"),
        (("--shard", "3/2"), 2, "expected I/N with I from 1 to N"),
        (("--shard", "0/2"), 2, "expected I/N with I from 1 to N"),
        (("-j", "0"), 2, "expected at least 1"),
        (("--format", "../wav"), 1, "expected an ending such as wav"),
        (("--name", "{song}"), 1, "no other field than {stem}"),
        (("--settings", "gone.csv"), 1, "gone.csv"),
        (("--device", "abacus"), 2, "'abacus' cannot be used here"),
        (("--mix",), 2, "not allowed with argument"),
    ],
)
def test_wrong_usage(dasp, songs, arguments, status, expected):
    got, _, err = dasp("batch", "in", "-o", songs, *GAIN, *arguments)
    assert got == status and expected in err and not songs.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
@pytest.mark.parametrize("command", ["batch", "process"])
def test_cuda_where_there_is_none(dasp, songs, command):
    status, _, err = dasp(command, "in/a/0.wav", "-o", songs, *GAIN, "--device", "cuda")
    assert status == 2 and "'cuda' cannot be used here: " in err


def test_nothing_to_do(dasp, songs):
    status, _, err = dasp("batch", "in/*.mp3", "-o", songs, *GAIN)
    assert status == 1 and "in/*.mp3: nothing to do, no such files" in err


def test_a_folder_that_cannot_be_made(dasp, songs):
    Path("file").write_text("in the way")
    status, _, err = dasp("batch", "in", "-o", "file/out", *GAIN)
    assert status == 1 and err.startswith("dasp batch: ") and "file" in err


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_ctrl_c_ends_cleanly(songs):
    """To the whole group, as a terminal does: a line of words, no traceback, nothing half."""
    save_audio("in/a/more.wav", torch.zeros(1, 48_000), 48_000)
    for number in range(3000):  # More than can be done before the signal comes.
        os.link("in/a/more.wav", f"in/a/more {number}.wav")
    command = [sys.executable, "-m", "dasp", "batch", "in", "-o", str(songs), *GAIN, "-j", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # Not so in background.
    )  # fmt: skip
    end = time.monotonic() + 60
    while time.monotonic() < end and not list(songs.rglob("*.wav")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("dasp batch: stopped; --resume goes on from here\n")
    assert "Traceback" not in err and out.endswith(" failed\n")
    assert not list(songs.rglob("*.part"))
    for path in songs.rglob("*.wav"):
        load_audio(path)
