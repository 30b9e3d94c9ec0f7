"""One strip, seen from four sides: a chain, a console's, a document's, and stages themselves."""

import ast
import json
from pathlib import Path

import pytest
import torch

import dasp
from dasp.mixing import Console, Settings
from dasp.processors import Param, Processor
from dasp.processors.catalogue import COMPRESSOR, GAIN, LIMITER, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.chain import chain, combined, dry_wet, parallel, parts_of
from dasp.processors.document import load_chain, save_chain
from dasp.processors.node import MORE_KEYS, from_json, to_json
from dasp.processors.stage import Stage
from dasp.processors.strip import named, run_strip, settings_of, with_settings
from tests.syntax import syntax

RATE = 44_100
DATA = Path(__file__).parent / "data"

STRIP = (
    Stage(GAIN, {"gain_db": 6.0}),
    Stage(PARAMETRIC_EQ, {"peak_gain_db": [3.0, 0.0, -4.0, 0.0], "low_shelf_gain_db": 2.0}),
    Stage(COMPRESSOR, {"threshold_db": -30.0, "ratio": 6.0, "detector": "rms"}),
    Stage(GAIN, {"gain_db": -2.0}),
)
PROCESSORS = tuple(stage.processor for stage in STRIP)


def test_a_chain_a_console_and_stages_give_the_same_samples():
    x = torch.randn(2, 3000)
    expected = run_strip(x, RATE, STRIP)
    settings = settings_of(STRIP)
    assert torch.equal(chain(*PROCESSORS)(x, RATE, **settings), expected)
    as_tensors = {k: v if isinstance(v, str) else torch.tensor(v) for k, v in settings.items()}
    console = Console(strip=PROCESSORS, buses={}, master=())
    assert torch.equal(console(x[None], RATE, Settings(tracks=as_tensors)), expected)
    blocks, state = [], None
    for block in x.split(700, -1):
        y, state = chain(*PROCESSORS).step(block, RATE, state, **settings)
        blocks.append(y)
    torch.testing.assert_close(torch.cat(blocks, -1), expected, atol=1e-5, rtol=0)


def test_from_a_chain_file_to_a_node_of_a_mix_and_back(tmp_path):
    one = combined("chain", STRIP)
    save_chain(tmp_path / "chain.json", one.processor, one.settings)
    loaded = Stage(*load_chain(tmp_path / "chain.json"))
    assert loaded.settings == one.settings
    nodes = [json.loads(json.dumps(to_json(stage))) for stage in parts_of(loaded)[1]]
    strip = tuple(from_json(node, "strip", more=MORE_KEYS, numbers=True) for node in nodes)
    assert strip == STRIP


def test_a_chain_file_is_written_as_it_was(tmp_path):
    """With a part in parallel and one beside the dry signal, names of files, and bands."""
    save_chain(tmp_path / "chain.json", *load_chain(DATA / "chain.json"))
    assert (tmp_path / "chain.json").read_bytes() == (DATA / "chain.json").read_bytes()


def test_settings_by_names_and_back():
    assert with_settings(PROCESSORS, settings_of(STRIP)) == STRIP
    assert [name for name, _ in named((GAIN, GAIN, COMPRESSOR, GAIN))] == [
        "gain", "gain_2", "compressor", "gain_3"
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"no stage 'gian'; did you mean 'gain'"):
        with_settings(PROCESSORS, {"gian.gain_db": 1.0})


@pytest.mark.parametrize("join", [chain, parallel])
def test_parts_of_a_combination_are_its_stages(join):
    whole = combined(join.__name__, (STRIP[0], Stage(dry_wet(GAIN), {"mix": 0.5}), STRIP[0]))
    own, parts = parts_of(whole)
    assert own == {} and parts[0] == parts[2] == STRIP[0]
    assert parts_of(parts[1])[0] == {"mix": 0.5}


def test_a_setting_that_is_called_on_is_no_bypass():
    def switched(x, sample_rate, *, on):
        return x * on

    switch = Processor(switched, Param("on", 0.0, 1.0, default=1.0))
    assert chain(switch)(torch.ones(1, 4), RATE, **{"switched.on": 0.5}).sum() == 2


def test_a_bypass_of_some_items():
    x = torch.ones(2, 1, 8)
    y = Stage(GAIN, {"gain_db": 20.0}, on=torch.tensor([True, False])).run(x, RATE)
    torch.testing.assert_close(y[:, 0, 0], torch.tensor([10.0, 1.0]))


def test_values_without_times_stand_in_the_middle_of_equal_parts():
    x = torch.ones(1, 100)
    moving = {"gain_db": [0.0, 20.0]}
    y = Stage(GAIN, automation=moving).run(x, RATE)
    timed = Stage(GAIN, automation={"time_s": [25 / RATE, 75 / RATE], **moving}).run(x, RATE)
    assert torch.equal(y, timed)
    torch.testing.assert_close(y[0, [0, 25, 75, 99]], torch.tensor([1.0, 1.0, 10.0, 10.0]))


def test_mono_tracks_in_stereo_are_panned_as_mono():
    x = torch.ones(2, 2, 4)
    strip = (Stage(STEREO_PANNER, {"pan": 0.0}),)
    y = run_strip(x, RATE, strip, mono=torch.tensor([True, False]))
    torch.testing.assert_close(y[:, 0, 0], torch.tensor([0.5**0.5, 1.0]))


def test_more_than_settings_has_no_place_in_a_chain_or_a_block():
    moving = Stage(GAIN, automation={"time_s": [0.0], "gain_db": [1.0]})
    for stage in (moving, Stage(COMPRESSOR, sidechain="kick"), Stage(LIMITER, on=False)):
        with pytest.raises(ValueError, match="of a strip that runs on a whole signal"):
            combined("chain", (STRIP[0], stage))
    with pytest.raises(ValueError, match="gain: a document has no stage that is bypassed for some"):
        to_json(Stage(GAIN, on=torch.tensor([True, False])))
    with pytest.raises(ValueError, match="tracks: expected the audio of kick"):
        Stage(COMPRESSOR, sidechain="kick").run(torch.zeros(1, 9), RATE)


HOMES = {
    "the numbering of stages": ("strip.py", lambda node: _is_numbering(node)),
    "a node of a processor": ("node.py", lambda node: _is_node(node)),
    "settings that move": ("stage.py", lambda node: _calls(node, "run_moving")),
}
"""What stands in one file, and how it looks."""


@pytest.mark.parametrize("idea", HOMES)
def test_an_idea_has_one_home(idea):
    home, looks_so = HOMES[idea]
    package = Path(dasp.__file__).parent
    found = {
        path.name
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(syntax(path))
        if looks_so(node)
    }
    assert found == {home}


def _is_numbering(node: ast.AST) -> bool:
    """A text like `f"{name}_{n + 1}"`."""
    if not isinstance(node, ast.JoinedStr) or len(node.values) != 3:
        return False
    _, between, number = node.values
    return (
        isinstance(between, ast.Constant)
        and between.value == "_"
        and isinstance(number, ast.FormattedValue)
        and isinstance(number.value, ast.BinOp)
    )


def _is_node(node: ast.AST) -> bool:
    """A dictionary like `{"processor": processor.name, "settings": ...}`."""
    if not isinstance(node, ast.Dict):
        return False
    keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    value = node.values[keys.index("processor")] if {"processor", "settings"} <= {*keys} else None
    return isinstance(value, ast.Attribute) and value.attr == "name"


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
