"""`import dasp` alone: what is there, and what it costs."""

import subprocess
import sys

import pytest

import dasp


@pytest.mark.parametrize("name", dasp.__all__)
def test_every_name_is_there(name):
    assert getattr(dasp, name) is not None
    assert name in dir(dasp)


@pytest.mark.parametrize("package", ["controllers", "evaluation", "mixing", "songs"])
def test_every_name_of_a_package_is_there(package):
    module = getattr(dasp, package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_names_of_the_mixers_load_no_torch():
    code = "import sys; from dasp.controllers import SYSTEMS; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_modules_are_found_without_being_imported():
    code = "import dasp; print(dasp.functional.gain.__name__, dasp.analysis.measure_rms.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["gain", "measure_rms"]


def test_the_import_loads_no_torch():
    code = "import sys, dasp; dir(dasp); dasp.__version__; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_functions_stay_functions_when_packages_of_like_names_are_imported():
    code = (
        "import dasp, dasp.mixing, dasp.evaluation, dasp.estimation.fitting.fit, dasp.desk\n"
        "print(*(type(getattr(dasp, name)).__name__ for name in sorted(dasp._HOMES)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"function", "type"}


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="'dasp' has no attribute 'functinoal'"):
        dasp.functinoal  # noqa: B018


def test_the_version_is_that_of_the_command_line(capsys):
    from dasp.cli.main import main

    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.split() == ["dasp-audio", dasp.__version__]
