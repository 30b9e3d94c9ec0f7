"""The catalogue is collected from declarations, and finds those of other packages by name."""

import importlib
import pkgutil
import sys

import pytest
import torch

import dasp.functional as F
from dasp.processors import CATALOGUE, Processor, load_chain, save_chain
from dasp.processors import catalogue as module

PACKAGE = """
import torch
from torch import Tensor
from dasp.processors import Param, Processor, Value, audio_processor, memoryless, per_sample

@audio_processor
def soft_clip(x: Tensor, sample_rate: float, *, drive: Value = 1.0) -> Tensor:
    return torch.tanh(per_sample("drive", drive, x) * x)

SOFT_CLIP = Processor(memoryless(soft_clip), Param("drive", 1.0, 10.0))
NUMBER = 3
"""

ENTRY_POINTS = """[dasp.processors]
soft_clip = clipping_of_a_test:SOFT_CLIP
hard_clip = clipping_of_a_test:SOFT_CLIP
number = clipping_of_a_test:NUMBER
missing = clipping_of_a_test:MISSING
gain = clipping_of_a_test:SOFT_CLIP
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Another package, as an installer would leave it."""
    (tmp_path / "clipping_of_a_test.py").write_text(PACKAGE)
    info = tmp_path / "clipping-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clipping\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("clipping_of_a_test", None)


def test_every_declaration_is_in_it_under_the_name_of_its_constant():
    declared = {}
    for file in pkgutil.iter_modules(F.__path__, "dasp.functional."):
        constants = vars(importlib.import_module(file.name)).items()
        declared |= {k: v for k, v in constants if isinstance(v, Processor)}
    assert declared == {name.upper(): processor for name, processor in CATALOGUE.items()}
    assert all(getattr(module, name) is processor for name, processor in declared.items())


def test_a_processor_of_another_package_is_found_by_its_name(package, tmp_path):
    soft_clip = CATALOGUE["soft_clip"]
    x = torch.tensor([[0.5, -2.0]])
    assert torch.equal(soft_clip(x, 44_100), x.tanh())
    save_chain(tmp_path / "chain.json", soft_clip, {"drive": 2.0})
    chained, settings = load_chain(tmp_path / "chain.json")
    assert chained.parts == (soft_clip,)
    assert settings == {"soft_clip.drive": 2.0}
    assert "soft_clip" in CATALOGUE
    assert CATALOGUE.get("soft_clip") is soft_clip


def test_it_is_not_gone_through_and_takes_no_name_of_ours(package):
    assert "soft_clip" not in [*CATALOGUE]
    assert CATALOGUE["gain"].function is F.gain


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing", "clipping has the processor 'missing' at clipping_of_a_test:MISSING, which"),
        ("number", "expected a Processor, got 3"),
        ("hard_clip", "expected it to have that name, got 'soft_clip'"),
    ],
)
def test_an_entry_point_that_is_broken_is_named(package, name, error):
    with pytest.raises(ValueError, match=error):
        CATALOGUE[name]


def test_an_unknown_name_is_answered_with_the_nearest(package):
    with pytest.raises(KeyError, match="did you mean 'soft_clip'"):
        CATALOGUE["soft_clp"]
    assert "soft_clp" not in CATALOGUE
    assert CATALOGUE.get("soft_clp") is None
