"""Tensors that are kept between calls: made under `torch.inference_mode`, they can have gradients
through them later."""

import importlib
import pkgutil

import pytest
import torch

import dasp

ARGUMENTS = {
    "dasp._constants._kept": ((1.0, 2.0), torch.float32, torch.device("cpu")),
    "dasp.controllers.diff_mst.hearing._bank": (1025, 44_100),
    "dasp.estimation.matching.console._what_bands_do": (44_100,),
    "dasp.estimation.matching.equaliser._loudness_weights": (31,),
    "dasp.functional.noise_shaped_reverb._kept_shares": (
        4096, 44_100, torch.float32, torch.device("cpu"),
    ),
    "dasp.signal.backends.dynamics_numba._scale": (torch.float32, 10.0, 1.0),
}  # fmt: skip
"""Of those that take any."""


def kept_tensors():
    """Every function of a module that keeps what it returns, which is a tensor or has some."""
    for found in pkgutil.walk_packages(dasp.__path__, "dasp."):
        if found.name.rpartition(".")[2].startswith("__") or "compat" in found.name:
            continue
        try:
            module = importlib.import_module(found.name)
        except ImportError:  # of an extra
            continue
        for name, function in vars(module).items():
            own = getattr(function, "__module__", "") == found.name
            told = str(getattr(function, "__annotations__", {}).get("return", ""))
            if own and hasattr(function, "cache_clear") and "Tensor" in told:
                yield f"{found.name}.{name}"


@pytest.mark.parametrize("path", sorted(kept_tensors()))
def test_they_may_meet_gradients(path):
    module, _, name = path.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    function.cache_clear()
    with torch.inference_mode():
        kept = function(*ARGUMENTS.get(path, ()))
    function.cache_clear()
    tensors = kept.values() if isinstance(kept, dict) else [kept]
    assert not any(tensor.is_inference() for tensor in tensors)
