"""`dasp plot`: the picture of a chain, and that of a mix."""

import json
import sys

import pytest
import torch

from dasp.audio_io import save_audio

pytest.importorskip("matplotlib")


def test_a_picture_of_a_chain(dasp, tmp_path):
    document = tmp_path / "chain.json"
    nodes = [
        {"processor": "high_pass", "settings": {"freq_hz": 80}},
        {"processor": "compressor"},
        {"processor": "high_pass"},
    ]
    document.write_text(json.dumps({"format": "dasp-chain", "version": 1, "chain": nodes}))
    out = tmp_path / "chain.png"
    assert dasp("plot", document, "-o", out) == (0, f"{out}\n", "")
    assert out.read_bytes().startswith(b"\x89PNG")
    status, _, err = dasp("plot", document, "-o", out)
    assert status == 1 and "--force" in err
    assert dasp("plot", document, "-o", out, "--force")[0] == 0


def test_without_matplotlib_it_says_what_to_install(dasp, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = tmp_path / "out.png"
    status, _, err = dasp("plot", "-e", "gain", "-o", out)
    assert status == 1 and "pip install 'dasp-audio[plot]'" in err and not out.exists()


def test_the_gain_reduction_of_a_file(dasp, tmp_path):
    noise = tmp_path / "noise.wav"
    save_audio(noise, 0.1 * torch.randn(1, 4000), 22_050)
    out = tmp_path / "reduction.png"
    effects = ("-e", "compressor:threshold_db=-30", "-e", "limiter")
    assert dasp("plot", *effects, "--input", noise, "-o", out) == (0, f"{out}\n", "")
    assert out.read_bytes().startswith(b"\x89PNG")
    status, _, err = dasp("plot", "-e", "gain", "--input", noise, "-o", tmp_path / "none.png")
    assert status == 1 and "expected a dynamics stage" in err


def test_neither_chain_nor_effects(dasp, tmp_path):
    status, _, err = dasp("plot", "-o", tmp_path / "out.png")
    assert status == 2 and "either a document or -e effects" in err


def test_a_mix_is_drawn_as_a_console(dasp, tmp_path):
    """Every track has its strip, its gain and its pan in the picture."""
    stems = tmp_path / "stems"
    dasp("synthesise", stems, "--seconds", 1, "--rate", 22_050)
    dasp("mix", stems, "-o", tmp_path / "mix.wav")
    out = tmp_path / "console.png"
    assert dasp("plot", tmp_path / "mix.json", "-o", out)[0] == 0
    assert out.read_bytes().startswith(b"\x89PNG")
