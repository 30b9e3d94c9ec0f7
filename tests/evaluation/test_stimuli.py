import json

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.audio_io import AudioFileError, load_audio
from dasp.evaluation.stimuli import write_stimuli

RATE = 44_100


@pytest.fixture
def mixes():
    return {"quiet": 0.01 * torch.randn(2, 2 * RATE), "loud": 0.9 * torch.rand(2, 2 * RATE) - 0.45}


def test_files_are_matched_at_the_loudness_of_the_test(mixes, tmp_path):
    facts = write_stimuli(tmp_path, "song", mixes, RATE)
    for name, x in mixes.items():
        y, rate = load_audio(tmp_path / "song" / f"{name}.wav")
        assert rate == RATE and y.shape == x.shape
        assert measure_loudness(y, RATE).item() == pytest.approx(-28.0, abs=0.01)
        gain = 10 ** (facts[name]["gain_db"] / 20)
        torch.testing.assert_close(y, gain * x, rtol=1e-3, atol=2**-22)
    assert json.loads((tmp_path / "song" / "stimuli.json").read_text()) == facts


def test_what_cannot_be_compared_is_refused(mixes, tmp_path):
    with pytest.raises(ValueError, match=r"expected mixes of one length, got \[88200, 88201\]"):
        write_stimuli(tmp_path, "song", {**mixes, "odd": torch.zeros(2, 2 * RATE + 1)}, RATE)
    with pytest.raises(ValueError, match="song: none is silent"):
        write_stimuli(tmp_path, "song", {"none": torch.zeros(2, RATE)}, RATE)
    click = torch.zeros(2, 10 * RATE)
    click[:, RATE] = 0.5
    with pytest.raises(ValueError, match="click at -10 LUFS has a true peak of"):
        write_stimuli(tmp_path, "song", {"click": click}, RATE, lufs=-10)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(mixes, tmp_path):
    write_stimuli(tmp_path, "song", mixes, RATE)
    with pytest.raises(AudioFileError, match="exists already"):
        write_stimuli(tmp_path, "song", mixes, RATE)
    write_stimuli(tmp_path, "song", mixes, RATE, overwrite=True)
