"""Who decides which form of the kernels runs."""

import pytest

from dasp.signal import compile_first, use_kernels
from dasp.signal._choice import FORMS, chosen


@pytest.fixture(autouse=True)
def _as_the_user_left_it(monkeypatch):
    monkeypatch.delenv("DASP_KERNELS", raising=False)
    with use_kernels(chosen()):
        yield


def test_the_environment_decides_where_nobody_chose(monkeypatch):
    monkeypatch.setattr("dasp.signal._choice._chosen", None)
    assert chosen() == "auto"
    for form in FORMS:
        monkeypatch.setenv("DASP_KERNELS", form)
        assert chosen() == form
    monkeypatch.setenv("DASP_KERNELS", "")
    assert chosen() == "auto"


def test_a_choice_holds_until_the_next_or_until_the_end_of_its_block():
    use_kernels("torch")
    assert chosen() == "torch"
    with use_kernels("numba"):
        assert chosen() == "numba"
        with pytest.raises(ArithmeticError), use_kernels("auto"):
            assert chosen() == "auto"
            raise ArithmeticError
        assert chosen() == "numba"
    assert chosen() == "torch"


@pytest.mark.parametrize("wrong", ["nmba", "Torch", "triton", 1, None])
def test_unknown_forms_are_refused_by_name(wrong, monkeypatch):
    with pytest.raises(ValueError, match=f"form: expected one of .*'numba', 'cuda', got {wrong!r}"):
        use_kernels(wrong)
    monkeypatch.setattr("dasp.signal._choice._chosen", None)
    monkeypatch.setenv("DASP_KERNELS", "nmba")
    with pytest.raises(ValueError, match=r"DASP_KERNELS: .* got 'nmba'; did you mean 'numba'"):
        chosen()


def test_what_writes_files_compiles_first_unless_torch_was_asked_for():
    for before, then in (("auto", "numba"), ("numba", "numba"), ("torch", "torch")):
        with use_kernels(before):
            with compile_first():
                assert chosen() == then
            assert chosen() == before


def test_commands_compile_first(monkeypatch):
    from dasp.cli import info
    from dasp.cli.main import main

    seen = []
    monkeypatch.setattr(info, "run", lambda args: seen.append(chosen()) or 0)
    for form in ("auto", "torch"):
        with use_kernels(form):
            assert main(["info", "a.wav"]) == 0
    assert seen == ["numba", "torch"]


def test_a_command_refuses_an_unknown_form(monkeypatch, capsys):
    from dasp.cli.main import main

    monkeypatch.setattr("dasp.signal._choice._chosen", None)
    monkeypatch.setenv("DASP_KERNELS", "numbaa")
    assert main(["list"]) == 1
    assert "DASP_KERNELS: expected one of" in capsys.readouterr().err
