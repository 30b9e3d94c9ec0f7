"""What the tests of the commands share: audio files, and a way to call the command line."""

import pytest
import torch

from dasp.audio_io import save_audio
from dasp.cli.main import main

SAMPLE_RATE = 44_100


@pytest.fixture
def dasp(capsys):
    """Run the command line in this process: `status, out, err = dasp("info", path)`."""

    def run(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def stereo(tmp_path):
    """A quarter of a second of stereo noise below full scale, and its file."""
    x = 0.5 * torch.rand(2, SAMPLE_RATE // 4) - 0.25
    path = tmp_path / "stereo.wav"
    save_audio(path, x, SAMPLE_RATE, subtype="FLOAT")
    return x, path
