"""Texts with and without a byte-order mark."""

import codecs

import pytest

from dasp._texts import decoded
from dasp._toml import read_toml
from dasp.evaluation.stats import load_ratings
from dasp.processors.document import load_chain

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
MARKED = [(codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_BE, "utf-32-be")]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_documents_of_all_kinds(tmp_path, encoding):
    chain, table, settings = (tmp_path / name for name in ("c.json", "r.csv", "s.toml"))
    node = '{"processor": "gain", "settings": {"gain_db": -3}}'
    text = f'{{"format": "dasp-chain", "version": 1, "chain": [{node}]}}'
    chain.write_bytes(text.encode(encoding))
    assert load_chain(chain)[1] == {"gain.gain_db": -3}
    table.write_bytes("ours\n70\n".encode(encoding))
    assert load_ratings(table) == {"ours": [70.0]}
    settings.write_bytes("steps = 3".encode(encoding))
    assert read_toml(settings) == {"steps": 3}


@pytest.mark.parametrize("mark, encoding", MARKED)
def test_big_endian_marks(mark, encoding):
    assert decoded(mark + "\u00e9".encode(encoding)) == "\u00e9"


def test_what_is_no_text_is_refused():
    with pytest.raises(UnicodeDecodeError):
        decoded(b"\xff\xff")
