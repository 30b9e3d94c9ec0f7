"""`dasp fx-normalise`: stems in, four stems out."""

import pytest
import torch

from dasp import load_audio, save_audio
from dasp.analysis import measure_loudness

RATE = 44_100


@pytest.fixture
def stems(tmp_path):
    generator = torch.Generator().manual_seed(0)
    folder = tmp_path / "stems"
    folder.mkdir()
    for name in ("lead vocal", "kick", "snare", "bass"):
        save_audio(
            folder / f"{name}.wav", 0.1 * torch.randn(1, 2 * RATE, generator=generator), RATE
        )
    return folder


def test_every_group_gets_a_file_at_its_loudness(dasp, stems, tmp_path):
    out = tmp_path / "out"
    status, said, _ = dasp("fx-normalise", str(stems), "-o", str(out), "--format", "flac")
    assert status == 0
    assert {file.name for file in out.iterdir()} == {"vocals.flac", "drums.flac", "bass.flac"}
    drums, rate = load_audio(out / "drums.flac")[:2]
    assert measure_loudness(drums, rate).item() == pytest.approx(-34.18, abs=0.05)
    assert "-34.2" in said


def test_what_is_there_is_not_overwritten(dasp, stems, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "bass.wav").write_bytes(b"mine")
    status, _, error = dasp("fx-normalise", str(stems), "-o", str(out))
    assert status == 1 and "bass.wav: exists already" in error
    assert (out / "bass.wav").read_bytes() == b"mine" and len(list(out.iterdir())) == 1


def test_a_room_is_heard(dasp, stems, tmp_path):
    for name, more in (("dry", ()), ("wet", ("--room", "3"))):
        assert dasp("fx-normalise", str(stems), "-o", str(tmp_path / name), *more)[0] == 0
    dry, wet = (load_audio(tmp_path / name / "vocals.wav")[0] for name in ("dry", "wet"))
    assert not torch.equal(dry, wet)
    same = [load_audio(tmp_path / name / "drums.wav")[0] for name in ("dry", "wet")]
    assert torch.equal(*same)


def test_features_of_other_songs_are_measured_and_used(dasp, stems, tmp_path):
    features = tmp_path / "features.safetensors"
    train = ("train", "fx_features", "--data", str(stems.parent), "-o", str(features))
    status, said, error = dasp(*train)
    assert status == 0, error
    assert "drums" in said
    out = str(tmp_path / "out")
    assert dasp("fx-normalise", str(stems), "-o", out, "--features", str(features))[0] == 0
    both = load_audio(tmp_path / "out" / "bass.wav")[0], load_audio(stems / "bass.wav")[0]
    new, old = (measure_loudness(x.expand(2, -1), RATE).item() for x in both)
    assert new == pytest.approx(old, abs=0.1)
