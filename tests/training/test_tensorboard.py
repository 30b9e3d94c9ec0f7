"""What TensorBoard reads back from the events."""

import io
import sys
import wave

import numpy as np
import pytest
import torch

from dasp.mixing.settings import Mix, Track
from dasp.training import Preview
from dasp.training.tensorboard import Board


def test_without_it_there_is_an_instruction(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'dasp-audio\[tensorboard\]'"):
        Board(tmp_path)


@pytest.fixture
def read():
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )

    def events(folder):
        found = event_accumulator.EventAccumulator(str(folder))
        return found.Reload()

    return events


def _draw(mix):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    figure.text(0.1, 0.5, mix.tracks[0].name)
    return figure


def test_curves_sounds_and_pictures(tmp_path, read):
    board = Board(tmp_path, _draw)
    board.after(0)
    board.numbers(10, loss=0.5)
    board.numbers(20, loss=0.25)
    audio = torch.stack([torch.linspace(-1, 1, 800), torch.zeros(800)])
    board.preview(20, Preview(audio, 8000, Mix(8000, (Track("kick"),))))
    board.preview(30, Preview(2 * audio, 8000))
    board.close()

    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(10, 0.5), (20, 0.25)]
    first, second = events.Audio("mix")
    assert (first.step, first.sample_rate, first.length_frames) == (20, 8000, 800)
    for event in (first, second):  # The louder one is lowered, not clipped.
        with wave.open(io.BytesIO(event.encoded_audio_string)) as file:
            assert file.getnchannels() == 2
            samples = np.frombuffer(file.readframes(800), "<i2").reshape(-1, 2).T / 32767
        np.testing.assert_allclose(samples, audio, atol=0.6 / 32767)
    (picture,) = events.Images("console")
    assert (picture.step, picture.width, picture.height) == (20, 100, 50)


def test_what_a_killed_run_wrote_behind_its_checkpoint_is_hidden(tmp_path, read):
    for after, loss in ((0, 1.0), (20, 2.0)):
        board = Board(tmp_path, _draw)
        board.after(after)
        for step in range(after + 10, 50, 10):
            board.numbers(step, loss=loss)
        board.close()
    found = [(e.step, e.value) for e in read(tmp_path).Scalars("loss")]
    assert found == [(10, 1.0), (20, 1.0), (30, 2.0), (40, 2.0)]
