"""The command line as a whole: help, exit statuses, which stream says what."""

import os
import subprocess
import sys

import pytest

from dasp.cli import main as command_line


def _python(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_as_a_module_of_its_own():
    done = _python("-m", "dasp", "--help")
    assert done.returncode == 0 and done.stderr == ""
    for command in command_line.COMMANDS:
        assert f"    {command.__name__.split('.')[-1]}" in done.stdout
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


def test_help_does_not_wait_for_torch():
    code = "import sys; from dasp.cli.main import _parser; _parser(); print('torch' in sys.modules)"
    assert _python("-c", code).stdout == "False\n"


@pytest.mark.parametrize("command", command_line.COMMANDS, ids=lambda c: c.__name__)
def test_every_command_has_help(dasp, command):
    status, out, err = dasp(command.__name__.split(".")[-1], "--help")
    assert status == 0 and out.startswith("usage: dasp") and err == ""


def test_no_command(dasp):
    status, out, err = dasp()
    assert status == 2 and out == "" and "COMMAND" in err


@pytest.mark.parametrize("error", [ValueError("no good"), OSError("no good")])
def test_expected_errors_have_no_traceback(dasp, monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr(command_line.list, "run", fail)
    assert dasp("list") == (1, "", "dasp list: no good\n")
    with pytest.raises(type(error)):
        command_line.main(["--debug", "list"])


def test_errors_of_the_program_are_not_hidden(monkeypatch):
    def fail(_):
        raise KeyError("a mistake in the code")

    monkeypatch.setattr(command_line.list, "run", fail)
    with pytest.raises(KeyError):
        command_line.main(["list"])
