"""The options by which a person steers `dasp mix`."""

import json

import pytest
import torch

from dasp.audio_io import save_audio

RATE = 16_000


@pytest.fixture
def stems(tmp_path):
    draw = torch.Generator().manual_seed(0)
    folder = tmp_path / "song"
    folder.mkdir()
    for name in ("Voix", "Choeurs", "Thing", "BD"):
        save_audio(folder / f"{name}.wav", 0.1 * torch.randn(1, RATE, generator=draw), RATE)
    return folder


def settings(path):
    return {t["name"]: t for t in json.loads(path.with_suffix(".json").read_text())["tracks"]}


def test_roles_are_shown_with_what_told_them(dasp, stems, tmp_path):
    (stems / "session.toml").write_text('[role]\nBD = "tom"\n[pan]\nVoix = "right"\n')
    mix = tmp_path / "mix.wav"
    status, out, err = dasp(
        "mix", stems, "-o", mix, "--system", "rules", "--role", "Thing=guitar", "--pan", "voix=L30",
        "--reverb", "voices=more", "--priority", "BD=low", "--genre", "folk",
    )  # fmt: skip
    assert (status, err) == (0, f"note: {stems / 'session.toml'}: heeded\n")
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert 'vocal          "voix" in its name' in lines["Voix"]
    assert "guitar         --role" in lines["Thing"] and "session.toml" in lines["BD"]
    assert "loudness -19.0 LUFS" in out  # of the genre
    tracks = settings(mix)
    assert tracks["Thing"]["role"] == "guitar" and tracks["BD"]["role"] == "tom"
    assert tracks["Voix"]["sends_db"] == tracks["Choeurs"]["sends_db"] == {"reverb": -18.0}
    assert tracks["Voix"]["group"] == "voices"
    pans = [n["settings"]["pan"] for n in tracks["Voix"]["strip"] if "pan" in n["settings"]]
    assert pans == [-0.3]
    status, out, _ = dasp("mix", "--start", mix.with_suffix(".json"), "-o", tmp_path / "again.wav",
                          "--system", "rules")  # fmt: skip
    assert "the earlier mix" in out


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--priority", "Voxi=high"], 1, "no track, role or group 'Voxi' in this song; did you"),
        (["--priority", "Voix=hihg"], 2, "--priority of Voix: expected one of"),
        (["--pan", "Voix"], 2, "argument --pan: expected TRACK=..., got 'Voix'"),
        (["--pan", "Voix=up"], 2, "--pan of Voix: expected left, centre, right"),
        (["--role", "Voix=singer"], 2, "--role of Voix: expected one of"),
        (["--genre", "roc"], 2, "did you mean 'rock'"),
        (["--system", "wave-u-net", "--pan", "Voix=left", "--no-groups"], 2,
         "--pan, --no-groups: wave-u-net makes audio, and cannot follow"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_name(dasp, stems, tmp_path, words, status, message):
    got, _, err = dasp("mix", stems, "-o", tmp_path / "mix.wav", "--system", "rules", *words)
    assert got == status and message in err
    assert not (tmp_path / "mix.wav").exists()


def test_no_groups(dasp, stems, tmp_path):
    dasp("mix", stems, "-o", tmp_path / "mix.wav", "--system", "rules", "--no-groups")
    assert not any("group" in track for track in settings(tmp_path / "mix.wav").values())
