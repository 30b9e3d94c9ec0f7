"""Every example runs in its quick form, and does what its first lines say."""

import ast
import json
import runpy
from pathlib import Path

import pytest
import torch

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))


def run(number: int, *arguments: str):
    """What `main` of an example returns, on one thread."""
    (path,) = (path for path in EXAMPLES if path.name.startswith(f"{number:02}_"))
    threads = torch.get_num_threads()
    try:
        return runpy.run_path(str(path))["main"](["--quick", *arguments])
    finally:
        torch.set_num_threads(threads)


def test_a_knob_is_found_within_2_per_cent():
    assert all(error < 0.02 for error in run(1).values())


def test_an_eq_halves_the_error_of_the_octaves():
    for before, after in run(2):
        assert after < before / 2


def test_a_chain_models_a_clipper_better_than_a_gain():
    fitted_db, gain_db = run(3)["clipper"]
    assert fitted_db < gain_db - 10


def test_a_plugin_is_trained_through_spsa_and_a_proxy():
    pytest.importorskip("pedalboard")
    assert all(error_db < -10 for error_db in run(4).values())


def test_without_pedalboard_the_fourth_says_so(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(4) == {}
    assert "pip install" in capsys.readouterr().out


def test_a_network_trains_through_a_black_box():
    """On songs that it has not heard."""
    (level_before, _), (level_after, _) = run(5)
    assert level_after < level_before / 2


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_begin_with_a_number(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 80
    assert any(character.isdigit() for character in ast.get_docstring(ast.parse(source)))


def test_a_listening_test_has_seven_mixes_of_a_loop(tmp_path):
    key = run(6, str(tmp_path))
    names = json.loads(key.read_text(encoding="utf-8"))["names"].values()
    assert len({one["name"] for one in names if one["name"]}) == 7
    assert (tmp_path / "page" / "index.html").is_file()
