"""The command line as a whole: help, exit statuses, which stream says what."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dasp.cli import list as list_command
from dasp.cli.main import ALIASES, COMMANDS, main
from tests.syntax import syntax


def _python(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "given, spins",
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")],
)
def test_threads_of_a_command_do_not_spin_for_long_unless_asked_to(given, spins):
    left = {name: v for name, v in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    code = (
        "import os, sys, dasp.cli; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=left | given
    )
    assert done.stdout.split() == [spins, "False"]


def test_as_a_module_of_its_own():
    done = _python("-m", "dasp", "--help")
    assert done.returncode == 0 and done.stderr == ""
    told = " ".join(done.stdout.split())
    for command, line in COMMANDS.items():
        assert re.search(rf" {command}( \([\w-]+\))? {re.escape(line)} ", told)
    done = _python("-m", "dasp", "info", "there-is-no-such-file.wav")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == "dasp info: there-is-no-such-file.wav: does not exist\n"
    assert _python("-m", "dasp", "mixx").returncode == 2


def test_a_closed_pipe_loses_no_file(tmp_path):
    """Whoever reads the output has gone: the files are whole all the same, and nothing is said."""
    stems, out = tmp_path / "stems", tmp_path / "out"
    for arguments, files in (
        (("synthesise", stems, "--seconds", "1", "--rate", "22050"), ["stems/vocal.wav"]),
        (("process", stems / "bass.wav", stems / "kick.wav", "-o", out, "-e", "gain",
          "--save-chain", tmp_path / "chain.json"), ["out/bass.wav", "out/kick.wav", "chain.json"]),
        (("mix", stems, "-o", tmp_path / "mix.wav", "--system", "equal-loudness"),
         ["mix.wav", "mix.json"]),
    ):  # fmt: skip
        reads, writes = os.pipe()
        os.close(reads)
        with os.fdopen(writes, "w") as nobody:
            done = subprocess.run(
                [sys.executable, "-m", "dasp", *arguments], stdout=nobody, stderr=subprocess.PIPE,
                text=True, timeout=120, check=False,
                env={**os.environ, "DASP_KERNELS": "torch"},  # which compiles nothing
            )  # fmt: skip
        assert done.stderr == ""
        assert [name for name in files if not (tmp_path / name).is_file()] == []


CODE = """
import sys
from dasp.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*sorted({"torch", "numpy", "tqdm"} & sys.modules.keys()))
print(*sorted(name for name in sys.modules if name.startswith("dasp.cli.")))
"""


def test_a_mix_does_not_wait_for_what_it_has_no_use_for():
    code = """
import sys, torch
import dasp.cli.mix, dasp.controllers.auto.system
print(*sorted({"scipy", "torch._dynamo", "matplotlib"} & sys.modules.keys()))
"""
    assert _python("-c", code).stdout == "\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["mixx", "a"], []])
def test_what_names_no_command_imports_none(words):
    *_, heavy, files = _python("-c", CODE, *words).stdout.split("\n")[:-1]
    assert heavy == ""
    assert files == "dasp.cli.main dasp.cli.parser dasp.cli.streams"


def test_one_command_does_not_import_another():
    *_, files = _python("-c", CODE, "doctor", "--help").stdout.split("\n")[:-1]
    assert {name for name in COMMANDS if f"dasp.cli.{name}" in files.split()} == {"doctor"}


def test_the_table_has_every_command_there_is():
    folder = Path(list_command.__file__).parent
    functions = {}
    for path in folder.glob("*.py"):
        body = syntax(path).body
        functions[path.stem] = {n.name for n in body if isinstance(n, ast.FunctionDef)}
    files = {name.replace("-", "_") for name in COMMANDS}
    assert {name for name, own in functions.items() if "add_arguments" in own} == files
    assert all("run" in functions[name] for name in files)
    assert set(ALIASES) <= set(COMMANDS)


@pytest.mark.parametrize("command", [*COMMANDS, *(n for names in ALIASES.values() for n in names)])
def test_every_command_has_help(dasp, command):
    status, out, err = dasp(command, "--help")
    assert status == 0 and out.startswith("usage: dasp ") and err == ""
    assert "\n\n" in out and out.isascii()


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        (("mix", "--system"), "dasp.controllers.table:MIXERS"),
        (("batch", "--clip-mode"), "dasp.audio_io:CLIP_MODES"),
        (("render", "--subtype"), "dasp.audio_io:SUBTYPES"),
        (("fit", "--gradient"), "dasp.grad:GRADIENTS"),
        (("unmix", "--stages"), "dasp.estimation.unmixing.unmix:STAGES"),
    ],
)
def test_what_an_option_may_be_is_what_the_library_takes(dasp, words, choices):
    """One list: what is refused is told all that is taken, in the order that the library has."""
    module, _, name = choices.partition(":")
    there = list(getattr(importlib.import_module(module), name))
    status, _, err = dasp(*words, "no-such-word")
    assert status == 2 and ", ".join(there) in " ".join(err.split())


def test_no_list_of_the_library_is_typed_again():
    """A tuple of words in the command line that a module beneath it has too has two homes."""
    package = Path(list_command.__file__).parents[1]
    beneath = {}
    for path in package.rglob("*.py"):
        if path.parent.name != "cli":
            for words in _tuples_of_words(path):
                beneath[words] = path.name
    again = [
        f"{path.name}: {', '.join(sorted(words))}, as in {beneath[words]}"
        for path in (package / "cli").glob("*.py")
        for words in _tuples_of_words(path)
        if words in beneath
    ]
    assert again == []


def _tuples_of_words(path: Path) -> list[frozenset[str]]:
    """What any three or more words stand in one tuple, list or set."""
    found = []
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) >= 3:
            words = [n.value for n in node.elts if isinstance(n, ast.Constant)]
            if len(words) == len(node.elts) and all(isinstance(word, str) for word in words):
                found.append(frozenset(words))
    return found


def test_no_command(dasp):
    status, out, err = dasp()
    assert status == 2 and out == "" and "COMMAND" in err


@pytest.mark.parametrize("error", [ValueError("no good"), OSError("no good")])
def test_expected_errors_have_no_traceback(dasp, monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr(list_command, "run", fail)
    assert dasp("list") == (1, "", "dasp list: no good\n")
    with pytest.raises(type(error)):
        main(["--debug", "list"])


def test_errors_of_the_program_are_not_hidden(monkeypatch):
    def fail(_):
        raise KeyError("a mistake in the code")

    monkeypatch.setattr(list_command, "run", fail)
    with pytest.raises(KeyError):
        main(["list"])
