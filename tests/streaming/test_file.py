"""Files in segments: the samples of the whole, whatever the segments, rates and formats."""

import pytest
import torch

from dasp.audio_io import AudioFileError, load_audio, save_audio
from dasp.batch import Job, ProcessFile, Writing
from dasp.processors.catalogue import COMPRESSOR, GAIN, LIMITER, PLATE_REVERB
from dasp.processors.chain import chain
from dasp.streaming import stream_file

RATE = 24_000

CHAIN = {
    "format": "dasp-chain",
    "version": 1,
    "chain": [
        {"processor": "limiter", "settings": {"ceiling_db": -20, "true_peak": True}},
        {"processor": "compressor", "settings": {"threshold_db": -30, "lookahead_ms": 3}},
        {"processor": "plate_reverb"},
    ],
}


@pytest.fixture
def source(tmp_path):
    """Half a second of stereo."""
    save_audio(tmp_path / "in.wav", 0.2 * torch.randn(2, RATE // 2), RATE, subtype="FLOAT")
    return tmp_path / "in.wav"


def processed(source, segment_s, **choices):
    """What `ProcessFile` makes of it."""
    target = source.with_name("out.wav")
    document = choices.pop("document", CHAIN)
    writing = Writing("FLOAT")
    work = ProcessFile(document, writing, segment_s=segment_s, overwrite=True, **choices)
    facts = work(Job(source, (target,)))
    return load_audio(target)[0], facts


@pytest.mark.parametrize("rate", [None, 32_000, 8000])
def test_segments_are_the_whole(source, rate):
    """Also with a tail, and at another rate."""
    choices = {"tail_s": 0.3, "sample_rate": rate}
    document = {**CHAIN, "chain": CHAIN["chain"][:2]} if rate == 8000 else CHAIN
    whole, facts = processed(source, None, document=document, **choices)
    for segment_s in (0.07, 30.0):
        y, same_facts = processed(source, segment_s, document=document, **choices)
        torch.testing.assert_close(y, whole, rtol=0, atol=1e-6)
        assert same_facts == facts


def test_a_side_chain_runs_beside(source, tmp_path):
    """From a file of another rate, which ends sooner."""
    key = torch.randn(1, 15_000) * torch.linspace(0, 1, 15_000)
    save_audio(tmp_path / "key.wav", 0.3 * key, 44_100, subtype="FLOAT")
    settings = {"threshold_db": -40, "sidechain": str(tmp_path / "key.wav")}
    document = {**CHAIN, "chain": [{"processor": "compressor", "settings": settings}]}
    whole, _ = processed(source, None, document=document)
    y, _ = processed(source, 0.06, document=document)
    torch.testing.assert_close(y, whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.ogg", "out.aiff"])
def test_the_same_bytes_whatever_the_segments(source, name):
    """A gain does the same to the last bit; dither and what libsndfile draws do not differ."""
    target, contents = source.with_name(name), set()
    for segment_s in (0.1, 0.77, 10.0):
        stream_file(source, target, GAIN, {"gain_db": -3.0}, segment_s=segment_s, dither=3,
                    overwrite=True)  # fmt: skip
        contents.add(target.read_bytes())
    assert len(contents) == 1


def test_rounding_to_steps_is_dithered(source):
    target = source.with_name("out.wav")
    stream_file(source, target, GAIN, {"gain_db": -3.0}, subtype="PCM_16", dither=0)
    error = load_audio(target)[0] - GAIN(load_audio(source)[0], RATE, gain_db=-3.0)
    variance = (error * 2**15).square().mean()
    assert abs(variance - (1 / 12 + 1 / 6)) < 0.01  # of rounding, and of the noise


@pytest.mark.parametrize("clip_mode", ["error", "clamp", "rescale"])
def test_samples_over_full_scale(source, clip_mode):
    """As `save_audio` has them."""
    x, target = load_audio(source)[0], source.with_name("out.wav")
    choices = {"subtype": "PCM_16", "clip_mode": clip_mode, "overwrite": True}

    def attempts():
        loud = {"gain_db": 12.0}
        yield lambda: stream_file(source, target, GAIN, loud, segment_s=0.3, **choices)
        yield lambda: save_audio(target, GAIN(x, RATE, **loud), RATE, **choices)

    results = []
    for attempt in attempts():
        try:
            saved = attempt()
            results.append((saved.over, round(saved.gain_db, 4), load_audio(target)[0]))
        except AudioFileError as error:
            results.append((str(error), None, torch.zeros(1)))
            assert not target.exists()
    assert results[0][:2] == results[1][:2]
    torch.testing.assert_close(results[0][2], results[1][2], rtol=0, atol=2**-15)


def test_a_failure_leaves_nothing(source):
    """Neither an output, nor what was written of it."""
    target = source.with_name("out.wav")
    strip = chain(LIMITER, COMPRESSOR, PLATE_REVERB, GAIN)
    settings = {"gain.gain_db": torch.zeros(2, 7)}  # of no shape that fits
    with pytest.raises(ValueError, match="gain_db"):
        stream_file(source, target, strip, settings)
    (source.parent / "cut.wav").write_bytes(source.read_bytes()[:50_000])
    with pytest.raises(AudioFileError, match="cut off"):
        stream_file(source.parent / "cut.wav", target, GAIN)
    assert sorted(path.name for path in source.parent.iterdir()) == ["cut.wav", "in.wav"]


def test_an_empty_file_stays_empty(tmp_path):
    save_audio(tmp_path / "in.wav", torch.zeros(2, 0), RATE)
    stream_file(tmp_path / "in.wav", tmp_path / "out.wav", chain(LIMITER, GAIN))
    assert load_audio(tmp_path / "out.wav")[0].shape == (2, 0)
