"""`dasp convert`, and a folder of stems by the same network."""

import pytest
import torch

from dasp.audio_io import load_audio, save_audio

RATE = 22_050


@pytest.fixture
def files(tmp_path):
    for seed, (name, rate) in enumerate((("in", RATE), ("one", 44_100), ("two", RATE))):
        noise = torch.randn(2, rate, generator=torch.Generator().manual_seed(seed))
        low = torch.nn.functional.avg_pool1d(noise, 1 + 8 * (seed % 2), 1)
        save_audio(tmp_path / f"{name}.wav", 0.05 * low, rate, subtype="FLOAT")
    save_audio(tmp_path / "silent.wav", torch.zeros(1, RATE), RATE)
    return tmp_path


def test_a_file_gets_the_style_of_another(dasp, files):
    words = (files / "in.wav", "--reference", files / "one.wav", "-o", files / "out.wav")
    status, out, _ = dasp("convert", *words, "--subtype", "FLOAT")
    assert status == 0 and str(files / "out.wav") in out
    made, rate = load_audio(files / "out.wav")
    assert rate == RATE and made.shape == (2, RATE)
    assert dasp("convert", *words)[0] == 1  # it is there already
    assert dasp("convert", *words, "--force", "--stem", "drums", "--subtype", "FLOAT")[0] == 0
    assert not torch.equal(load_audio(files / "out.wav")[0], made)


def test_between_two_styles(dasp, files):
    words = ("convert", files / "in.wav", "--reference", files / "one.wav", "--subtype", "FLOAT")
    between = ("--between", files / "two.wav")
    made = []
    for name, more in (("0", (*between, "--amount", "0%")), ("half", between), ("none", ())):
        assert dasp(*words, *more, "-o", files / f"{name}.wav")[0] == 0
        made.append(load_audio(files / f"{name}.wav")[0])
    assert torch.equal(made[0], made[2]) and not torch.equal(made[1], made[2])
    status, _, err = dasp(*words, "--amount", "50%", "-o", files / "x.wav")
    assert status == 2 and "--amount: needs a second style" in err


def test_a_reference_that_says_nothing_is_named(dasp, files):
    out = files / "out.wav"
    words = ("convert", files / "in.wav", "-o", out, "--reference", files / "one.wav")
    status, _, err = dasp(*words, files / "silent.wav")
    assert status == 1 and "--reference[1]: expected music, got silence" in err
    status, _, err = dasp(*words, "--between", files / "silent.wav")
    assert status == 1 and "--between[0]: expected music, got silence" in err
    assert not out.exists()


def test_a_folder_of_stems_like_a_reference(dasp, files, tmp_path):
    stems = tmp_path / "stems"
    stems.mkdir()
    for name in ("kick", "vocal"):
        (files / "in.wav").rename(stems / f"{name}.wav") if name == "kick" else save_audio(
            stems / f"{name}.wav", load_audio(files / "two.wav")[0], RATE
        )
    words = ("mix", stems, "--system", "style-transfer", "-o", tmp_path / "mix.wav")
    status, _, err = dasp(*words)
    assert status == 2 and "style-transfer mixes like other mixes, and needs one" in err
    words += ("--reference", files / "one.wav")
    status, out, err = dasp(*words, "--target-lufs", "-20")
    assert status == 0 and "there are no settings to write" in err
    assert "loudness -20.0 LUFS" in out and not (tmp_path / "mix.json").exists()
    assert dasp(*words, "--force", "--amount", "50%")[0] == 2
