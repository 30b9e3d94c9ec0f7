"""Broken audio files: a result or the reason for every one, no crash, no gasp for memory."""

import pytest

from dasp.audio_io import AudioFileError, load_audio
from tests.broken_audio import WHOLE, broken_files, cut_off, write_whole_files
from tests.fuzz_audio import LARGEST_GROWTH, check, resident, run_round


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_whole_files(tmp_path_factory.mktemp("whole"))


def test_the_corpus_of_broken_files(whole, tmp_path):
    before, names = resident(), set()
    for name, content in broken_files(whole):
        check(tmp_path / name, content)
        assert resident() - before < LARGEST_GROWTH, name
        names.add(name)
    assert len(names) > 500


@pytest.mark.parametrize("name", WHOLE)
def test_every_cut_is_noticed(whole, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(whole[name])
    load_audio(path)
    for kind, content in cut_off(whole[name]):
        path.write_bytes(content)
        with pytest.raises(AudioFileError):
            pytest.fail(f"{kind}: {load_audio(path)[0].shape}")


def test_damaged_bytes():
    """A short run of `python -m tests.fuzz_audio`."""
    found, files = run_round(0, 60, files=400)
    assert found is None, found
    assert files == 400
