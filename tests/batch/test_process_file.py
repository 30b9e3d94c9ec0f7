"""Files through a chain: the same bytes, however many are at work and wherever."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from dasp.audio_io import load_audio, save_audio
from dasp.batch import Job, ProcessFile, Writing
from dasp.batch.job import attempt
from dasp.batch.processes import in_processes
from dasp.batch.ray_data import in_ray
from dasp.processors.catalogue import COMPRESSOR, LIMITER, PARAMETRIC_EQ, PLATE_REVERB
from dasp.processors.chain import chain
from dasp.processors.document import to_document

CHAIN = chain(PARAMETRIC_EQ, COMPRESSOR, PLATE_REVERB, LIMITER)
WORK = ProcessFile(
    to_document(CHAIN, {"compressor.threshold_db": -30.0, "limiter.ceiling_db": -1.0}),
    writing=Writing(subtype="PCM_16"),
    overwrite=True,
)


@pytest.fixture
def jobs(tmp_path):
    """Twelve files of other lengths, rates and channels, each with settings of its own."""
    jobs = []
    for number in range(12):
        source, target = tmp_path / f"{number}.wav", tmp_path / "out" / f"{number}.wav"
        x = 0.5 * torch.rand(1 + number % 2, 3000 + 500 * number) - 0.25
        save_audio(source, x, (44_100, 48_000, 96_000)[number % 3])
        jobs.append(Job(source, (target,), {"parametric_eq.low_shelf_gain_db": float(number)}))
    return jobs


@pytest.fixture
def serial(jobs):
    """The bytes that come out one after the other."""
    for job in jobs:
        WORK(job)
    return _contents(jobs)


def _contents(jobs) -> list[bytes]:
    contents = [job.targets[0].read_bytes() for job in jobs]
    for job in jobs:
        job.targets[0].unlink()
    return contents


def test_the_file_is_what_the_processor_gives(jobs):
    job = jobs[3]
    facts = ProcessFile(WORK.document, writing=Writing(subtype="FLOAT"), overwrite=True)(job)
    x, sample_rate = load_audio(job.source)
    expected = CHAIN(
        x, sample_rate, **job.settings,
        **{"compressor.threshold_db": -30.0, "limiter.ceiling_db": -1.0},
    )  # fmt: skip
    assert torch.equal(load_audio(job.targets[0])[0], expected)
    assert facts == {
        "frames": x.shape[-1], "sample_rate": 44_100, "subtype": "FLOAT", "over": 0, "gain_db": 0.0
    }  # fmt: skip


def test_eight_threads_at_once(jobs, serial):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(WORK, jobs))
    assert _contents(jobs) == serial


def test_eight_processes_at_once(jobs, serial):
    results = list(in_processes(WORK, jobs, workers=8))
    assert all(outcome["status"] == "ok" for _, outcome in results)
    assert _contents(jobs) == serial


def test_a_local_ray(jobs, serial):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    results = dict((job.source.stem, outcome) for job, outcome in in_ray(WORK, jobs, workers=2))
    assert all(outcome["status"] == "ok" for outcome in results.values()) and len(results) == 12
    assert _contents(jobs) == serial


def test_what_is_read(jobs, tmp_path):
    """The file, and every file that the settings name, so that a change of it is noticed."""
    document = {
        "format": "dasp-chain",
        "version": 1,
        "chain": [
            {"processor": "convolution_reverb", "settings": {"impulse_response": "room.wav"}}
        ],
    }
    names = [path.name for path in ProcessFile(document).reads(jobs[0])]
    assert names == ["0.wav", "room.wav"]


def test_dither_has_a_seed_and_can_be_off(tmp_path):
    save_audio(tmp_path / "a.wav", torch.full((1, 1000), 0.1), 48_000, subtype="FLOAT")
    document = {"format": "dasp-chain", "version": 1, "chain": [{"processor": "gain"}]}

    def written(name, **choices):
        work = ProcessFile(document, writing=Writing("PCM_16", **choices), overwrite=True)
        work(Job(tmp_path / "a.wav", (tmp_path / name,)))
        return load_audio(tmp_path / name)[0]

    assert torch.equal(written("b.wav"), written("c.wav"))
    assert not torch.equal(written("b.wav"), written("c.wav", seed=1))
    assert written("b.wav").unique().numel() > 1
    assert written("b.wav", dither=False).unique().numel() == 1


def test_numbers_that_are_none_are_told(tmp_path):
    """A file that the chain turns into infinity is not written."""
    save_audio(tmp_path / "a.wav", torch.full((1, 10), 3e38), 48_000, subtype="FLOAT")
    document = {
        "format": "dasp-chain",
        "version": 1,
        "chain": [{"processor": "gain", "settings": {"gain_db": 24}}],
    }
    outcome = attempt(ProcessFile(document), Job(tmp_path / "a.wav", (tmp_path / "b.wav",)))
    assert outcome["status"] == "failed" and "holds inf at sample 0" in outcome["reason"]
    assert not (tmp_path / "b.wav").exists()
