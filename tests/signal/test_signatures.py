"""How much machine code the kernels need: one file for each loop and type, however signals lie."""

import importlib
import pkgutil

import pytest
import torch

from dasp.signal import backends
from dasp.signal.backends.examples import RECURSIONS, STEPS, examples

MOST_FILES = 60
"""Of all kernels in single and double precision, with their gradients."""


def as_it_is(t):
    return t.clone()


def scattered(t):
    """The same numbers, none beside the next."""
    return torch.stack((t, t), -1)[..., 0]


def repeated(t):
    """One row for all."""
    return t[:1].expand(t.shape)


@pytest.fixture
def signatures(monkeypatch):
    """Types that each kept loop is called with, none of which is compiled or run."""
    numba = pytest.importorskip("numba")
    from dasp.signal.backends._compiled import _Shelf

    found = {}

    def recorder(name):
        def record(*arguments):
            found.setdefault(name, set()).add(tuple(map(numba.typeof, arguments)))
            return False

        return record

    for module in pkgutil.iter_modules(backends.__path__, backends.__name__ + "."):
        if not module.name.endswith("_numba"):
            continue
        loops = importlib.import_module(module.name)
        for name, value in vars(loops).copy().items():
            if isinstance(getattr(value, "_cache", None), _Shelf):
                monkeypatch.setattr(loops, name, recorder(f"{module.name}.{name}"))
    return found


def run(kernel, real, laid):
    module, name = kernel.split(".")
    loops = importlib.import_module(f"{backends.__name__}.{module}")
    for arguments in examples(kernel, real):
        tensors = [laid(a) for a in arguments if isinstance(a, torch.Tensor)]
        options = arguments[len(tensors) :]
        if kernel in RECURSIONS:
            getattr(loops, name)(*tensors, *options)
            continue
        y, kept = getattr(loops, name)(False, *tensors, *options)
        if adjoint := getattr(loops, f"{name}_adjoint", None):
            tensors = [t.requires_grad_() if t.is_floating_point() else t for t in tensors]
            with torch.no_grad():
                y, kept = getattr(loops, name)(True, *tensors, *options)
                grads = [laid(torch.ones_like(t)) for t in (y if isinstance(y, tuple) else (y,))]
                adjoint(*grads, *kept, *tensors, *options)


@pytest.mark.numba
def test_a_loop_is_compiled_once_for_each_type_and_all_of_them_are_few(signatures):
    for kernel in (*STEPS, *RECURSIONS):
        for real in (torch.float32, torch.float64):
            for laid in (as_it_is, scattered, repeated):
                run(kernel, real, laid)
    for name, found in signatures.items():
        by_type = {tuple(getattr(kind, "dtype", kind) for kind in one) for one in found}
        assert len(found) == len(by_type), f"{name} is compiled for how its signals lie: {found}"
    files = sum(map(len, signatures.values()))
    assert len(signatures) < files <= MOST_FILES
