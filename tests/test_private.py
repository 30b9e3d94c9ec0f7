"""On the day that a private name of another library goes, all is right, if slower."""

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from dasp import _private
from dasp._checks import check_range
from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import audio, differentiable, draw, run

OF_TORCH = ("_transforms_are_active", "_is_wrapped", "_is_slices", "_count_of_modes")


@pytest.fixture(params=[*OF_TORCH, "GOMP_parallel", "*"])
def gone(request, monkeypatch):
    """One name is not there, or none is."""
    for name in OF_TORCH:
        if request.param in (name, "*"):
            monkeypatch.setattr(_private, name, None)
    if request.param in ("GOMP_parallel", "*"):
        monkeypatch.setattr(ctypes, "CDLL", lambda path: object())
        _private.gomp_parallel.cache_clear()
    yield request.param
    _private.gomp_parallel.cache_clear()


def value_and_gradients(name):
    torch.manual_seed(1)
    settings = {key: value.requires_grad_() for key, value in draw(name, (2,)).items()}
    x = audio(name, (2,)).requires_grad_()
    y = run(name, x, settings)
    wanted = [x, *(settings[key] for key in differentiable(CATALOGUE[name]))]
    return [y.detach(), *torch.autograd.grad(y.square().sum(), wanted, allow_unused=True)]


def test_every_processor_has_its_value_and_gradients(gone, monkeypatch):
    found = {name: value_and_gradients(name) for name in CATALOGUE}
    monkeypatch.undo()
    for name, values in found.items():
        for value, expected in zip(values, value_and_gradients(name), strict=True):
            torch.testing.assert_close(value, expected, rtol=1e-7, atol=1e-9)


def test_transforms_are_seen(gone):
    """A batch is not read for a check, and no kernel gets hold of a tensor without memory."""

    def processed(x, threshold_db):
        check_range("threshold_db", threshold_db, high=0.0)
        compressed = CATALOGUE["compressor"](x, 8000, threshold_db=threshold_db)
        return CATALOGUE["low_pass"](compressed, 8000, freq_hz=900.0)

    x, threshold_db = torch.randn(3, 1, 50).double(), torch.tensor([-9.0, -20.0, -30.0]).double()
    expected = torch.stack([processed(*pair) for pair in zip(x, threshold_db, strict=True)])
    torch.testing.assert_close(torch.func.vmap(processed)(x, threshold_db), expected)
    x = x.requires_grad_()
    y = processed(x, threshold_db)
    slices = torch.autograd.grad(y, x, torch.stack((y, 2 * y)).detach(), is_grads_batched=True)[0]
    torch.testing.assert_close(slices[1], 2 * slices[0])
    gradient = torch.func.grad(lambda x: processed(x, threshold_db[0]).square().sum())(
        x[0].detach()
    )
    assert gradient.isfinite().all() and gradient.any()


@pytest.mark.parametrize("name", ["_are_functorch_transforms_active", "_functorch", "*"])
def test_a_name_that_is_not_there_is_not_found(name, monkeypatch):
    class Rest:
        def __getattr__(self, asked):
            if name in (asked, "*"):
                raise AttributeError(asked)
            return getattr(real, asked)

    real = torch._C
    monkeypatch.setattr(torch, "_C", Rest())
    assert _private._found(torch, "_C", "_are_functorch_transforms_active") is (
        None if name in ("_are_functorch_transforms_active", "*")
        else real._are_functorch_transforms_active
    )  # fmt: skip
    found = _private._found(torch, "_C", "_functorch", "is_functorch_wrapped_tensor")
    assert (found is None) == (name in ("_functorch", "*"))


NUMBAS = ("dumps", "CompileResult", "_reduce", "_rebuild", "_cache")


@pytest.mark.numba
@pytest.mark.parametrize("gone", [*((name,) for name in NUMBAS), NUMBAS], ids="-".join)
def test_without_the_names_of_numba_machine_code_is_made_in_every_process(
    gone, monkeypatch, tmp_path
):
    from numba.core.compiler import CompileResult

    from dasp.signal.backends._compiled import compiled

    def found(module, *path):
        return None if path[-1] in gone else real(module, *path)

    real = _private._found
    monkeypatch.setattr(_private, "_found", found)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for name in {"_reduce", "_rebuild"} & set(gone):
        monkeypatch.delattr(CompileResult, name)
    for _ in range(2):
        kernel = compiled()(_doubled)
        assert kernel(np.float32(1)) == 2
        assert sum(kernel.stats.cache_hits.values()) == 0
    assert not list(tmp_path.rglob("*.code"))


def _doubled(x):
    return x + x


def test_private_names_stand_in_one_file():
    root = Path(_private.__file__).parent
    private = re.compile(
        r"\b(torch|numba|llvmlite|ctypes)(\.\w+)*\._[a-z]|numba\.(core|misc)|GOMP_parallel|\._schema\b"
    )
    for path in root.rglob("*.py"):
        if path.name != "_private.py":
            found = private.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(root)}: {found.group()}"
