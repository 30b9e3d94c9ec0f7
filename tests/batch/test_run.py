"""A batch as a whole: what is planned, what is left alone, and that it goes on after a crash."""

import json
from pathlib import Path

import pytest

from dasp.batch import Journal, plan, run
from dasp.batch.job import Job, attempt, digest, fingerprints
from dasp.batch.paths import Found
from dasp.batch.run import strangers, unfinished
from tests.batch.works import Upper, jobs_for


def _here(work, jobs, *, workers, timeout_s):
    """An engine in this process."""
    for job in jobs:
        yield job, attempt(work, job)


def _run(folder, jobs, *, until=None, resume=False):
    """The jobs that came back, of a run that may be stopped after some of them."""
    path = folder / "out" / "journal.jsonl"
    journal = Journal(path, folder / "out", [path] if resume and path.exists() else [])
    todo = unfinished(Upper(), jobs, journal) if resume else jobs
    done = []
    with journal:
        outcomes = run(Upper(), todo, journal, engine=_here)
        for job, _ in outcomes:
            done.append(job.source.stem)
            if len(done) == until:
                break
        outcomes.close()
    return done


def test_a_resumed_run_does_what_is_left(tmp_path):
    jobs = jobs_for(tmp_path, ["one", "two", "three", "four"])
    assert _run(tmp_path, jobs, until=2) == ["000", "001"]
    assert _run(tmp_path, jobs, resume=True) == ["002", "003"]
    assert _run(tmp_path, jobs, resume=True) == []
    assert [job.targets[0].read_text() for job in jobs] == ["ONE", "TWO", "THREE", "FOUR"]


def test_what_is_no_longer_whole_is_made_again(tmp_path):
    """Changed, cut off, or gone; or made from something else than now."""
    jobs = jobs_for(tmp_path, ["one", "two", "three", "four", "five"])
    _run(tmp_path, jobs)
    jobs[0].targets[0].write_text("0NE")
    jobs[1].targets[0].write_text("TW")
    jobs[2].targets[0].unlink()
    jobs[3].source.write_text("4")
    assert _run(tmp_path, jobs, resume=True) == ["000", "001", "002", "003"]
    other = [Job(job.source, job.targets, {"gain_db": 1.0}) for job in jobs[4:]]
    assert _run(tmp_path, other, resume=True) == ["004"]
    assert [job.targets[0].read_text() for job in jobs] == ["ONE", "TWO", "THREE", "4", "FIVE"]


def test_a_line_that_was_cut_off_by_a_crash(tmp_path):
    jobs = jobs_for(tmp_path, ["one", "two"])
    _run(tmp_path, jobs)
    path = tmp_path / "out" / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert _run(tmp_path, jobs, resume=True) == ["001"]
    lines = path.read_text().splitlines()
    assert len(lines) == 6 and json.loads(lines[-1])["event"] == "done"
    assert _run(tmp_path, jobs, resume=True) == []


@pytest.mark.parametrize(
    "junk", ["null", "[]", "{}", '{"targets": 3}', '{"event": "done"}', "\0\xff"]
)
def test_a_journal_that_somebody_has_written_into(tmp_path, junk):
    jobs = jobs_for(tmp_path, ["one"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "journal.jsonl").write_text(junk)
    assert _run(tmp_path, jobs, resume=True) == ["000"]
    assert _run(tmp_path, jobs, resume=True) == []


def test_the_journal_says_what_happened(tmp_path):
    jobs = jobs_for(tmp_path, ["one", "is refused"])
    _run(tmp_path, jobs)
    lines = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == ["started", "done", "started", "failed"]
    assert events[1]["targets"] == {"000.txt": digest(jobs[0].targets[0])}
    assert events[1]["length"] == 3
    assert events[3]["source"] == str(jobs[1].source)
    assert events[3]["reason"] == f"{jobs[1].source}: no good"


def test_files_of_others_are_told_from_our_own(tmp_path):
    jobs = jobs_for(tmp_path, ["one", "two"])
    _run(tmp_path, jobs[:1])
    jobs[1].targets[0].write_text("precious")
    path = tmp_path / "out" / "journal.jsonl"
    assert strangers(jobs, Journal(path, tmp_path / "out", [path])) == [jobs[1].targets[0]]
    assert strangers(jobs, Journal(path, tmp_path / "out")) == [job.targets[0] for job in jobs]


def test_nothing_half_written_is_left(tmp_path):
    """Neither by a job that fails, nor by a run that was killed before."""
    jobs = jobs_for(tmp_path, ["is refused", "fine"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".001.txt.abcd.part").write_text("of a run that was killed")
    (tmp_path / "out" / ".other.txt.abcd.part").write_text("of somebody else")
    _run(tmp_path, jobs)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"journal.jsonl", "001.txt", ".other.txt.abcd.part"}


def test_the_fingerprint_knows_everything(tmp_path):
    (job,) = jobs_for(tmp_path, ["one"])
    numbers = [fingerprints(Upper())(job), fingerprints(Upper("italics"))(job)]
    assert fingerprints(Upper(overwrite=True))(job) == numbers[0]
    numbers.append(fingerprints(Upper())(Job(job.source, job.targets, {"a": 1})))
    job.source.write_text("another")
    numbers.append(fingerprints(Upper())(job))
    assert len(set(numbers)) == 4


# Plans


def _found(*names, root="in"):
    return [Found(Path(name), Path(root)) for name in names]


def test_the_tree_is_kept(tmp_path):
    jobs = plan(_found("in/a/1.wav", "in/b/c/2.flac", "in/3.wav"), tmp_path)
    targets = [job.targets[0].relative_to(tmp_path).as_posix() for job in jobs]
    assert targets == ["a/1.wav", "b/c/2.flac", "3.wav"]
    (job,) = plan(
        _found("in/a/1.wav"), tmp_path, name="{stem}-{stem}!", suffixes=[".flac", ".json"]
    )
    assert job.targets == (tmp_path / "a/1-1!.flac", tmp_path / "a/1-1!.json")


def test_settings_go_to_their_files(tmp_path):
    found = _found("in/a/1.wav", "in/2.wav")
    jobs = plan(found, tmp_path, table={"a/1.wav": {"gain.gain_db": 3}})
    assert [job.settings for job in jobs] == [{"gain.gain_db": 3}, {}]
    with pytest.raises(
        ValueError, match=r"name 'a/l.wav', which is no input; did you mean 'a/1.wav'"
    ):
        plan(found, tmp_path, table={"a/l.wav": {}})


def test_two_files_of_one_name(tmp_path):
    with pytest.raises(ValueError, match=r"both in/a.wav and in/a.flac would be written"):
        plan(_found("in/a.wav", "in/a.flac"), tmp_path, suffixes=[".wav"])


def test_an_input_is_not_written_over(tmp_path):
    (tmp_path / "a.wav").touch()
    with pytest.raises(ValueError, match="is an input"):
        plan(_found(str(tmp_path / "a.wav"), root=tmp_path), tmp_path)


def test_outputs_beneath_the_inputs_are_no_inputs(tmp_path):
    """However the name of their folder is written, on whatever disk."""
    inner = tmp_path / "e\u0301"
    inner.mkdir()
    for file in (tmp_path / "a.wav", inner / "a.wav"):
        file.touch()
    (tmp_path / "same").symlink_to(inner)
    found = _found(*map(str, (tmp_path / "a.wav", inner / "a.wav")), root=tmp_path)
    for name in ("e\u0301", "\u00e9", "same"):
        assert [job.source for job in plan(found, tmp_path / name)] == [tmp_path / "a.wav"]
    assert len(plan(found, tmp_path / "other")) == 2


def test_settings_find_their_files_in_either_form_of_accents(tmp_path):
    composed, apart = "\u00e9.wav", "e\u0301.wav"
    (job,) = plan(_found(apart, root=""), tmp_path, table={composed: {"gain_db": 1.0}})
    assert job.settings == {"gain_db": 1.0}
    first, second = plan(
        _found(composed, apart, root=""), tmp_path, table={composed: {"gain_db": 1.0}, apart: {}}
    )
    assert (first.settings, second.settings) == ({"gain_db": 1.0}, {})
    with pytest.raises(ValueError, match="twice, in two forms"):
        plan(_found(apart, root=""), tmp_path, table={composed: {}, apart: {}})


def test_a_name_that_is_too_long_fails_alone(tmp_path):
    """As the longest name is, with a longer ending."""
    jobs = plan(_found("a" * 251 + ".wav", "b.wav", root=""), tmp_path / "out", suffixes=[".flac"])
    journal = Journal(tmp_path / "journal.jsonl", tmp_path / "out")
    assert strangers(jobs, journal) == []
