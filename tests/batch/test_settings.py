"""Tables of settings: what stands in a cell reaches its file, and what has no meaning is told."""

import pytest

from dasp.batch.settings import read_table
from dasp.processors.catalogue import COMPRESSOR, CONVOLUTION_REVERB, GRAPHIC_EQ
from dasp.processors.chain import chain

CHAIN = chain(COMPRESSOR, GRAPHIC_EQ, CONVOLUTION_REVERB)


def _table(tmp_path, text):
    (tmp_path / "settings.csv").write_text(text, encoding="utf-8")
    return read_table(tmp_path / "settings.csv", CHAIN, {"graphic_eq.gain_db": [1] * 10})


def test_cells_of_every_kind(tmp_path):
    """Numbers, choices, bands by their numbers, the name of a file; what is empty is left out."""
    table = _table(
        tmp_path,
        "\ufefffile,compressor.ratio,compressor.detector,graphic_eq.gain_db[2],"
        "convolution_reverb.impulse_response\n"
        "a/1.wav,4:1,rms,-3dB,room.wav\n"
        '"b, c.wav",,,,\n',
    )
    assert table == {
        "a/1.wav": {
            "compressor.ratio": 4,
            "compressor.detector": "rms",
            "graphic_eq.gain_db": [1, -3, *[1] * 8],
            "convolution_reverb.impulse_response": str(tmp_path / "room.wav"),
        },
        "b, c.wav": {},
    }


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", "line 0: expected a first line with a column 'file'"),
        ("name,compressor.ratio\na,1\n", "a first line with a column 'file'"),
        ("file,compressor.ratoi\na,1\n", "line 2: chain has no parameter 'compressor.ratoi'; did"),
        ("file,compressor.ratio\na,1\nb,99\n", "line 3: compressor.ratio: expected at least 1"),
        ("file,compressor.ratio\na,nan\n", "line 2: compressor.ratio: expected"),
        ("file,compressor.ratio\na,1\na,2\n", "line 3: 'a' is there twice"),
        ("file,compressor.ratio\na,1,2\n", "line 2: expected as many cells as the first line"),
        ("file,compressor.ratio\na\n", "line 2: expected as many cells as the first line"),
        ("file,compressor.ratio\na,high\n", "expected a number, got 'high'"),
        ("file,graphic_eq.gain_db\na,3\n", "line 2: graphic_eq.gain_db: which of its 10 bands"),
    ],
)
def test_tables_without_meaning(tmp_path, text, expected):
    with pytest.raises(ValueError, match=r"settings\.csv: line") as caught:
        _table(tmp_path, text)
    assert expected in str(caught.value)
