"""Which form of the kernels runs: torch operations, or code for the machine."""

import os

from dasp._suggestion import did_you_mean

VARIABLE = "DASP_KERNELS"

AUTO, TORCH, NUMBA, CUDA = FORMS = ("auto", "torch", "numba", "cuda")

_chosen: str | None = None


class use_kernels:
    """Choose the form of the kernels that signals run through.

    All forms give the same samples and gradients but for rounding. The choice is that of the whole
    process, from the call on; in a `with` statement it ends with the block.

    Args:
        form: "torch": the portable form, on every device. "numba": machine code on a CPU; what is
            not compiled yet is compiled first, and waited for. "cuda": code for a GPU of NVIDIA's
            or AMD's; other devices have the portable form with either. "auto": the code for each
            device, but on a CPU the portable form until a process in the background has made the
            machine code, which is kept for the next time; kernels that compile in a moment, or
            signals that the portable form would take longer for, do not wait for it. The
            environment variable `DASP_KERNELS` says the same for processes that choose nothing;
            without it the form is "auto".

    Raises:
        ValueError: If there is no such form.

    >>> import torch
    >>> from dasp.functional import gain
    >>> with use_kernels("torch"):
    ...     gain(torch.ones(1, 2), 44_100, gain_db=20.0)
    tensor([[10., 10.]])
    """

    def __init__(self, form: str):
        global _chosen
        _check(form, "form")
        self._before, _chosen = _chosen, form

    def __enter__(self) -> "use_kernels":
        return self

    def __exit__(self, *_) -> None:
        global _chosen
        _chosen = self._before


def chosen() -> str:
    """The form that is chosen: by `use_kernels`, by the environment, or "auto"."""
    if _chosen is not None:
        return _chosen
    form = os.environ.get(VARIABLE) or AUTO
    if form not in FORMS:
        _check(form, VARIABLE)
    return form


def compile_first() -> use_kernels:
    """Choose machine code from the first sample on, for results that must not depend on the time.

    A choice of "torch" by name stays as it is.

    Returns:
        The choice, which a `with` statement ends.

    Raises:
        ValueError: If the environment variable `DASP_KERNELS` names no form.

    >>> with compile_first():
    ...     chosen() in ("numba", "torch", "cuda")
    True
    """
    form = chosen()
    return use_kernels(NUMBA if form == AUTO else form)


def _check(form: str, name: str) -> None:
    if form not in FORMS:
        raise ValueError(
            f"{name}: expected one of {', '.join(map(repr, FORMS))}, got {form!r}"
            f"{did_you_mean(form, FORMS)}"
        )
