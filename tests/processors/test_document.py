import json

import pytest
import torch

from dasp.processors.catalogue import CATALOGUE, COMPRESSOR, GAIN, PARAMETRIC_EQ
from dasp.processors.chain import chain, dry_wet, parallel
from dasp.processors.document import (
    from_document,
    load_chain,
    save_chain,
    to_document,
)

NESTED = chain(GAIN, dry_wet(chain(PARAMETRIC_EQ, COMPRESSOR)), parallel(GAIN, COMPRESSOR), GAIN)


def _settings(processor):
    controls = torch.rand(processor.n_controls, dtype=torch.float64)
    return processor.to_physical(controls)


def test_a_saved_chain_sounds_the_same(tmp_path):
    settings = _settings(NESTED)
    save_chain(tmp_path / "chain.json", NESTED, settings)
    loaded, read = load_chain(tmp_path / "chain.json")
    x = torch.randn(2, 2000, dtype=torch.float64)
    assert torch.equal(loaded(x, 48_000, **read), NESTED(x, 48_000, **settings))


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_processor_can_be_saved(name):
    processor = CATALOGUE[name]
    document = json.loads(json.dumps(to_document(processor, _settings(processor))))
    loaded, settings = from_document(document)
    assert loaded.parts == (processor,)
    assert {key.split(".", 1)[1] for key in settings} == {p.name for p in processor.params}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"processor": "compresor"}, r"chain\[0\]: no processor 'compresor'.*mean 'compressor'"),
        ({"processor": "gain", "setings": {}}, r"chain\[0\]: unknown key 'setings'.*'settings'"),
        ({"processor": "gain", "settings": {"gain": 1}}, r"no parameter 'gain'.*mean 'gain_db'"),
        ({"processor": "gain", "settings": {"gain_db": 99}}, r"gain_db: expected at least -60 and"),
        ({"processor": "gain", "settings": {"gain_db": "loud"}}, r"chain\[0\]"),
        ({"processor": "gain", "settings": [1]}, r"chain\[0\].settings: expected an object"),
        ({"parallel": []}, r"chain\[0\]: expected a list"),
        ({"dry_wet": {"processor": "gian"}}, r"chain\[0\]\[0\]: no processor 'gian'"),
        ({"effect": "gain"}, r"chain\[0\]: expected one of the keys processor"),
        ("gain", r"chain\[0\]: expected an object"),
    ],
)
def test_a_wrong_document_is_refused_by_place(node, message):
    with pytest.raises(ValueError, match=message):
        from_document({"format": "dasp-chain", "version": 1, "chain": [node]})


@pytest.mark.parametrize(
    "document", [[], {}, {"format": "dasp-mix"}, {"format": "dasp-chain", "version": 2}]
)
def test_another_document_is_no_chain(document):
    with pytest.raises(ValueError, match="expected"):
        from_document(document)


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"broken.json: not a JSON text"):
        load_chain(path)
