"""`dasp doctor`: what is well is said to be, and every fault is named with its cure."""

import json

import pytest
import torch

from dasp.cli import doctor
from dasp.signal import backends


def _findings(dasp) -> tuple[int, dict[str, dict]]:
    status, out, err = dasp("doctor", "--json")
    assert err == ""
    return status, {finding["what"]: finding for finding in json.loads(out)}


@pytest.fixture
def no_kernels(monkeypatch):
    monkeypatch.setattr(doctor, "_all_kernels", list)


@pytest.mark.numba
def test_a_healthy_machine(dasp):
    status, findings = _findings(dasp)
    assert status == 0
    assert {finding["status"] for finding in findings.values()} <= {"ok", "note"}
    assert findings["torch"]["found"] == torch.__version__
    kernels = doctor._all_kernels() if backends.numba_works() else []
    for kernel in (kernel for kernel in kernels if kernel.cpu):
        found = findings[f"kernel: {kernel.title}"]["found"]
        assert "compiled and portable differ by" in found
        assert ("gradients by" in found) == (kernel.cpu_adjoint is not None)
    assert findings["format: WAV"]["found"] == "reads what it writes"


def test_in_words(dasp, no_kernels):
    status, out, _ = dasp("doctor")
    assert status == 0 and out.endswith("\nAll is well.\n")
    assert any(line.startswith("ok     python ") for line in out.splitlines())


@pytest.fixture
def one_kernel(monkeypatch):
    (limiter,) = (k for k in doctor._all_kernels() if k.cpu == "limiter_numba.limiting_db")
    monkeypatch.setattr(doctor, "_all_kernels", lambda: [limiter])
    return f"kernel: {limiter.title}"


@pytest.mark.numba
@pytest.mark.parametrize("wrong", ["value_difference", "gradient_difference"])
@pytest.mark.parametrize("error", [1e-3, float("nan")])
def test_a_kernel_that_computes_something_else(dasp, monkeypatch, one_kernel, wrong, error):
    from dasp.signal.backends import agreement

    real = getattr(agreement, wrong)
    monkeypatch.setattr(agreement, wrong, lambda *of: real(*of) + error)
    status, findings = _findings(dasp)
    assert status == 1
    assert findings[one_kernel]["status"] == "fault"
    assert "delete the folder" in findings[one_kernel]["remedy"]


@pytest.mark.numba
def test_a_kernel_that_does_not_compile(dasp, monkeypatch, one_kernel):
    from dasp.signal.backends import agreement

    monkeypatch.setattr(agreement, "value_difference", lambda *_: {}["lowering"])
    status, findings = _findings(dasp)
    assert status == 1
    assert findings[one_kernel]["found"].startswith("does not run (KeyError")


@pytest.mark.numba
def test_warm_makes_both_directions_in_both_precisions(dasp, monkeypatch, one_kernel, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    status, _, err = dasp("doctor", "--warm")
    assert status == 0 and "machine code: 100%" in err and "2/2" in err
    assert {path.name for path in tmp_path.rglob("*.ready")} == {
        f"limiter_numba.limiting_db-{direction}-{real}.ready"
        for direction in ("value", "gradient")
        for real in ("float32", "float64")
    }


def test_no_numba(dasp, monkeypatch):
    monkeypatch.setattr(backends, "HAS_NUMBA", False)
    status, findings = _findings(dasp)
    assert status == 0 and findings["kernels"]["status"] == "note"
    assert findings["kernels"]["remedy"] == "pip install --upgrade numba numpy"


@pytest.mark.numba
def test_nowhere_to_keep_machine_code(dasp, monkeypatch, no_kernels, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "folder"))
    _, findings = _findings(dasp)
    assert findings["machine code"]["status"] == "note"
    assert "NUMBA_CACHE_DIR" in findings["machine code"]["remedy"]


def test_a_codec_that_damages(dasp, monkeypatch, no_kernels):
    from dasp import audio_io

    monkeypatch.setattr(audio_io, "load_audio", lambda path: (torch.zeros(1, 4800), 48_000))
    status, findings = _findings(dasp)
    assert status == 1 and findings["format: FLAC"]["status"] == "fault"


def test_a_library_that_is_missing(dasp, monkeypatch, no_kernels):
    monkeypatch.setattr(doctor, "REQUIRED", ("torch", "no_such_library"))
    status, findings = _findings(dasp)
    assert status == 1 and findings["no_such_library"]["remedy"] == "pip install no_such_library"


def test_an_examination_that_breaks_is_a_fault(dasp, monkeypatch, no_kernels):
    def break_down():
        raise OSError("libsndfile.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "_codecs", break_down)
    status, findings = _findings(dasp)
    assert status == 1 and "cannot open shared object" in findings["break_down"]["found"]


@pytest.fixture
def code_folder(monkeypatch, tmp_path, no_kernels):
    """A folder for machine code that holds none."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path / "dasp"


@pytest.mark.numba
def test_where_machine_code_is_and_of_which_sources(dasp, code_folder):
    from dasp.signal.backends import _code_folder

    _, findings = _findings(dasp)
    own = str(code_folder / _code_folder.digest())
    assert findings["machine code"]["found"].startswith(own)
    assert "none of these sources yet" in findings["machine code"]["found"]
    _code_folder.begin(_code_folder.folder())
    _, findings = _findings(dasp)
    assert findings["machine code"]["found"] == f"{own} (of these sources)"
    assert "stale machine code" not in findings


@pytest.mark.numba
def test_stale_machine_code_is_found(dasp, code_folder):
    from dasp.signal.backends import _code_folder

    _code_folder.begin(_code_folder.folder())
    old = code_folder / "0123456789"
    _code_folder.folder().rename(old)
    _, findings = _findings(dasp)
    assert str(old) in findings["stale machine code"]["found"]
    assert "none of these sources yet" in findings["machine code"]["found"]


@pytest.mark.numba
def test_machine_code_of_earlier_versions_beside_the_sources_is_found(
    dasp, code_folder, tmp_path, monkeypatch
):
    from dasp.signal.backends import _code_folder

    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "cascade_numba._tile-288.py311.nbi").touch()
    monkeypatch.setattr(_code_folder, "__file__", str(tmp_path / "_code_folder.py"))
    _, findings = _findings(dasp)
    assert findings["old machine code"]["remedy"] == f"delete {tmp_path / '__pycache__'}"


def test_a_build_of_torch_is_named_as_torch_names_it(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.15.0+cu132")
    assert doctor._version("torch") == "2.15.0+cu132"
    assert doctor._version("no such library") == "of unknown version"
