"""Hostile names and documents: each test tries the attack."""

import ast
import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from dasp.audio_io import save_audio
from dasp.batch.paths import Found, inside
from dasp.batch.run import plan
from dasp.batch.settings import read_table
from dasp.cli.main import main
from dasp.processors.catalogue import GAIN
from dasp.processors.chain import chain
from dasp.processors.document import MOST_BYTES, MOST_LEVELS, load_chain
from tests.syntax import syntax

PACKAGE = Path(__file__).resolve().parents[1] / "dasp"
HEAD = {"format": "dasp-chain", "version": 1}


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command line in a folder with one good file, `in/a.wav`."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    save_audio("in/a.wav", torch.zeros(1, 100), 48_000)

    def command(*arguments):
        try:
            status = main(list(map(str, arguments)))
        except SystemExit as stop:
            status = stop.code
        return status, capsys.readouterr().err

    return command


def _chain(text) -> Path:
    path = Path("chain.json")
    path.write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
    return path


def _nested(levels: int) -> dict:
    node = {"processor": "gain"}
    for _ in range(levels):
        node = {"chain": [node]}
    return {**HEAD, "chain": [node]}


# Documents are data


@pytest.mark.parametrize(
    "processor",
    ["os.system", "dasp.cli.main", "builtins.eval", "__import__('os')", "../gain", "", None, 3,
     ["gain"], {"gain": 1}],
)  # fmt: skip
def test_a_chain_names_processors_of_the_catalogue_and_nothing_else(tmp_path, processor):
    path = tmp_path / "chain.json"
    path.write_text(json.dumps({**HEAD, "chain": [{"processor": processor}]}))
    with pytest.raises(ValueError, match=r"chain\.json: chain\[0\]: "):
        load_chain(path)


@pytest.mark.parametrize("key", ["function", "module", "__class__", "import", "path"])
def test_a_node_has_no_other_keys(tmp_path, key):
    path = tmp_path / "chain.json"
    path.write_text(json.dumps({**HEAD, "chain": [{"processor": "gain", key: "os.system"}]}))
    with pytest.raises(ValueError, match=f"unknown key {key!r}"):
        load_chain(path)


@pytest.mark.parametrize("value", ['"__import__(\'os\')"', "1e999", "NaN", "-Infinity", "[1, 2]",
                                   "{}", "9" * 5000, "true"])  # fmt: skip
def test_a_setting_is_a_number_within_its_range(tmp_path, value):
    path = tmp_path / "chain.json"
    node = {"processor": "gain", "settings": {"gain_db": "VALUE"}}
    path.write_text(json.dumps({**HEAD, "chain": [node]}).replace('"VALUE"', value))
    if value == "true":  # Is 1, as for Python.
        load_chain(path)
        return
    with pytest.raises(ValueError, match=r"chain\.json: "):
        load_chain(path)


@pytest.mark.parametrize(
    ("processor", "option"),
    [("noise_shaped_reverb", "length_s"), ("feedback_delay_network", "size"),
     ("limiter", "lookahead_ms")],
)  # fmt: skip
def test_an_option_cannot_ask_for_all_memory(tmp_path, processor, option):
    node = {"processor": processor, "settings": {option: 1e9}}
    path = tmp_path / "chain.json"
    path.write_text(json.dumps({**HEAD, "chain": [node]}))
    with pytest.raises(ValueError, match=rf"{option}: expected at least .* and at most"):
        load_chain(path)


def test_a_document_has_a_size(tmp_path):
    path = tmp_path / "chain.json"
    path.write_text(json.dumps(_nested(1)) + " " * MOST_BYTES)
    with pytest.raises(ValueError, match="at most 1048576 bytes"):
        load_chain(path)
    with pytest.raises(ValueError, match="at most 1048576 bytes"):
        load_chain("/dev/zero")


@pytest.mark.parametrize("levels", [MOST_LEVELS, 1000, 40_000])
def test_a_document_has_a_depth(tmp_path, levels):
    path = tmp_path / "chain.json"
    path.write_text('{"chain": [' * levels + "0" + "]}" * levels)
    with pytest.raises(ValueError, match=r"levels|not a JSON text"):
        load_chain(path)
    path.write_text(json.dumps(_nested(20)))
    assert load_chain(path)[0].name == "chain"


def test_a_pickle_is_no_document(run, tmp_path):
    """Neither a chain, a table of settings, nor a journal is one, and none goes off."""
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    for name in ("chain.json", "settings.csv", "mix.json"):
        Path(name).write_bytes(bomb)
    Path("out").mkdir()
    Path("out/dasp-batch.jsonl").write_bytes(bomb)
    assert run("process", "in/a.wav", "-o", "b.wav", "--chain", "chain.json")[0] == 2
    assert run("render", "mix.json", "-o", "b.wav")[0] == 1
    effects = ("-o", "out", "-e", "gain", "-j", "1")
    assert run("batch", "in", *effects, "--settings", "settings.csv")[0] == 1
    assert run("batch", "in", *effects, "--resume")[0] == 0
    assert not (tmp_path / "exploded").exists()
    pickle.loads(bomb)  # So that the test would have seen it.
    assert (tmp_path / "exploded").exists()


UNPICKLES = {
    "_private.py": "machine code in the user's own cache, which numba keeps so too",
    "batches.py": "what a worker is sent by the process that has started it",
}
"""No file of a stranger's is among this."""


FORBIDDEN = {"pickle", "marshal", "shelve", "dill", "joblib", "pty", "a shell", "eval()",
             "exec()", "os.system()", "os.popen()", "subprocess.getoutput()", "yaml.load()",
             "yaml.full_load()", "yaml.unsafe_load()", "yaml.load_all()"}  # fmt: skip


def dangers(path):
    """What a file imports or calls and may not."""
    names = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
            names |= {f"{called}()", *(["a shell"] if "shell" in keywords else [])}
            if called == "torch.load" and keywords.get("weights_only") != "True":
                yield "torch.load() of anything"
    yield from names & (FORBIDDEN - ({"pickle"} if path.name in UNPICKLES else set()))
    yield from (name for name in names if name.startswith(("os.exec", "os.spawn")))


def test_nothing_in_the_package_unpickles_evaluates_or_calls_a_shell():
    files = sorted(PACKAGE.rglob("*.py"))
    assert {str(path): found for path in files if (found := [*dangers(path)])} == {}


# Names stay in the output folder


@pytest.mark.parametrize(
    "name",
    ["../{stem}", "/tmp/{stem}", "{stem}/../../x", "C:{stem}", "..\\{stem}", "{stem}\0",
     "{stem.__class__}", "{0}", "{", ""],
)  # fmt: skip
def test_a_template_of_names(run, tmp_path, name):
    status, err = run("batch", "in", "-o", "out", "-e", "gain", "-j", "1", f"--name={name}")
    assert status == 1 and "Traceback" not in err
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.wav", "in"]


@pytest.mark.parametrize("ending", ["../../wav", "/wav", "a/b", "\0", ".", "wav\\..\\x"])
def test_an_ending(run, tmp_path, ending):
    assert run("batch", "in", "-o", "out", "-e", "gain", f"--format={ending}")[0] == 1
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.wav", "in"]


@pytest.mark.parametrize("name", ["..\\..\\a.wav", "C:a.wav", "\\\\host\\share\\a.wav"])
def test_a_file_whose_name_is_a_path_elsewhere(tmp_path, name):
    """On Windows; here it is a name like others, and is refused all the same."""
    with pytest.raises(ValueError, match="no name of a file within"):
        plan([Found(tmp_path / name, tmp_path)], tmp_path / "out")


def test_a_folder_of_the_output_that_is_a_link(run, tmp_path):
    (tmp_path / "in" / "x").mkdir()
    os.replace("in/a.wav", "in/x/a.wav")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").symlink_to(tmp_path / "elsewhere")
    status, err = run("batch", "in", "-o", "out", "-e", "gain", "-j", "1")
    assert status == 1 and "a symbolic link leads out of out" in err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_output_that_is_a_link_out_is_not_followed(run, tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.wav").symlink_to(tmp_path / "precious")
    status, err = run("batch", "in", "-o", "out", "-e", "gain", "-j", "1", "--force")
    assert status == 1 and "a symbolic link leads out of out" in err
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("name", ["../a.wav", "/etc/passwd", "..", "out/../../a.wav"])
def test_a_table_of_settings_names_inputs_only(run, tmp_path, name):
    Path("s.csv").write_text(f"file,gain.gain_db\n{name},-3\n")
    status, err = run("batch", "in", "-o", "out", "-e", "gain", "--settings", "s.csv", "-j", "1")
    assert status == 1 and "is no input" in err and not Path("out").exists()


def test_a_journal_names_files_of_its_folder_only(run, tmp_path):
    """One that claims what lies elsewhere neither reads it nor lets it be replaced."""
    Path("precious.wav").write_text("precious")
    Path("out").mkdir()
    event = {"event": "done", "targets": {"../precious.wav": "0:0"}, "fingerprint": "x"}
    Path("out/dasp-batch.jsonl").write_text(json.dumps(event) + "\n")
    assert run("batch", "in", "-o", "out", "-e", "gain", "-j", "1", "--resume")[0] == 0
    assert Path("precious.wav").read_text() == "precious"


def test_names_are_no_commands(run, tmp_path):
    """There is no shell that could read them so."""
    name = "$(touch exploded); `touch exploded` & touch exploded #.wav"
    os.replace("in/a.wav", f"in/{name}")
    assert run("batch", "in", "-o", "out", "-e", "gain", "-j", "1")[0] == 0
    assert (Path("out") / name).exists() and not Path("exploded").exists()


def test_a_large_table_of_settings(tmp_path):
    path = tmp_path / "s.csv"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="at most 67108864 bytes"):
        read_table(path, chain(GAIN))


def test_inside_is_what_all_of_them_use(tmp_path):
    with pytest.raises(ValueError):
        inside(tmp_path, "../x")
