"""The gallery shows every processor, and shows nothing that did not happen."""

from dataclasses import replace

import pytest

from dasp.processors import CATALOGUE
from dasp.songs.synthetic import synthesise_song
from docs.building import examples, gallery
from docs.building.examples import EXAMPLES, example
from tests.contracts.cases import every_processor

pytest.importorskip("matplotlib")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A gallery in another folder, with one dry sound of a second."""
    monkeypatch.setattr(gallery, "FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    guitar = synthesise_song(5, seconds=1.0, sample_rate=gallery.RATE)["guitar"]
    gallery._save("band", guitar)
    return tmp_path


def test_every_processor_is_on_the_first_page():
    page = gallery._index()
    assert [name for name in CATALOGUE if f"[{name}]({name}.md)" not in page] == []


@every_processor
def test_the_code_of_a_page_is_python(name):
    """It runs when the site is built."""
    shown = example(CATALOGUE[name])
    compile(gallery._sound_code(CATALOGUE[name], shown), name, "exec")
    compile(gallery._search_code(CATALOGUE[name], shown), name, "exec")


def test_a_processor_without_a_line_gets_a_page_with_its_sound(folder, monkeypatch):
    monkeypatch.delitem(EXAMPLES, "gain")
    page = gallery.make_page(CATALOGUE["gain"])
    assert "{before-after} band gain" in page
    assert "| `gain_db` | −60 to 24 dB | 0 |" in page
    made = {path.name for path in folder.iterdir()}
    assert {"gain.flac", "gain-stereo.png", "gain-search.png"} <= made


def test_a_search_that_does_not_arrive_is_no_page(folder, monkeypatch):
    """Here because what it hears says nothing of the knob."""
    deaf = replace(example(CATALOGUE["gain"]), sound="band", distance="0.0 * ({} - {}).sum()")
    monkeypatch.setitem(examples.EXAMPLES, "gain", deaf)
    with pytest.raises(ValueError, match=r"the search of gain_db ends 0\.250 off"):
        gallery.make_page(CATALOGUE["gain"])
