"""What every picture keeps to: nothing of pyplot's, no figure that lives on, a clear refusal."""

import gc
import subprocess
import sys
import weakref

import pytest

pytest.importorskip("matplotlib")

from dasp.mixing.settings import Mix, Track
from dasp.pictures import draw_chain, draw_console
from dasp.processors.catalogue import GAIN


def test_pyplot_is_not_touched():
    code = (
        "import sys; from dasp.pictures import draw_chain; from dasp.processors import CATALOGUE; "
        "draw_chain(CATALOGUE['gain'], 8000); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_figure_that_nobody_holds_is_gone():
    figure = weakref.ref(draw_chain(GAIN, 8000))
    gc.collect()
    assert figure() is None


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match=r"pip install 'dasp-audio\[plot\]'"):
        draw_console(Mix(44_100, (Track("kick"),)))
