"""The compiled cascade equals the block form, which defines it."""

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal import backends
from dasp.signal.biquad import design_low_pass, design_peak
from dasp.signal.iir import sosfilt

pytest.importorskip("numba")
from dasp.signal.backends import _rows
from dasp.signal.backends.cascade_numba import FEW, LANES, SPAN, STEP, TILE

ROWS_AND_TIMES = [
    (1, 1),
    (1, SPAN - 1),
    (1, SPAN),
    (2, 2 * SPAN + TILE + STEP + 3),  # as tiles, then the rest
    (FEW, SPAN + 1),
    (FEW + 1, 2 * TILE),  # as rows, and some lanes idle
    (LANES, STEP),
    (LANES, 3 * TILE + STEP - 1),
    (LANES + 2, SPAN + 5),  # a vector of rows, and two alone
]


def arguments(rows, time, sections=3, dtype=torch.float64):
    """Every row has a filter and a start of its own."""
    freq_hz = 20 * 10 ** (3 * torch.rand(rows, sections, dtype=torch.float64))
    sos = design_peak(freq_hz, 48_000, gain_db=6.0, q=1.0 + torch.rand(rows, sections)).squeeze(-2)
    x, zi = torch.randn(rows, time, dtype=dtype), torch.randn(rows, sections, 2).double()
    return x, 1.5 * sos, zi


def results(values, cotangents, needed=(True, True, True)):
    """Output, final states, and the gradients to what needs one."""
    leaves = [v.clone().requires_grad_(n) for v, n in zip(values, needed, strict=True)]
    outputs = sosfilt(*leaves)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    return *(o.detach() for o in outputs), *torch.autograd.grad(outputs, wanted, cotangents)


def assert_equal(got, expected, tolerance):
    for a, b in zip(got, expected, strict=True):
        assert a.dtype is b.dtype and a.shape == b.shape
        assert (a - b).abs().max() <= tolerance * b.abs().max()


@pytest.mark.parametrize("rows, time", ROWS_AND_TIMES)
@pytest.mark.parametrize("needed", [(True, True, True), (True, False, False)])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-11), (torch.float32, 2e-6)])
def test_equals_the_block_form(rows, time, needed, dtype, tolerance, monkeypatch):
    values = arguments(rows, time, dtype=dtype)
    cotangents = torch.randn_like(values[0]), torch.randn_like(values[2])
    compiled = results(values, cotangents, needed)
    monkeypatch.setattr(backends, "HAS_NUMBA", False)
    assert_equal(compiled, results(values, cotangents, needed), tolerance)


@pytest.mark.parametrize("rows", [1, 2, 3, 19, 2 * LANES])
@pytest.mark.parametrize("threads", [2, 3])
def test_rows_and_threads_do_not_matter(rows, threads, monkeypatch):
    values = arguments(rows, 5 * SPAN + 7)
    cotangents = torch.randn_like(values[0]), torch.randn_like(values[2])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    with monkeypatch.context() as patch:
        patch.setattr(_rows, "WORTH_A_THREAD", 1)
        together = results(values, cotangents)
    torch.set_num_threads(before)
    for row in range(rows):
        own = slice(row, row + 1)
        alone = results([v[own] for v in values], [c[own] for c in cotangents])
        assert_equal([t[own] for t in together], alone, 1e-11)


@pytest.mark.parametrize("rows", [1, LANES])
def test_float32_costs_one_rounding(rows):
    """All arithmetic is in float64: what comes out is the answer, rounded once."""
    x, sos, _ = arguments(rows, SPAN + 9, sections=8, dtype=torch.float32)
    y, _ = sosfilt(x, sos)
    pairs = zip(sos / sos[..., 3:4], x.double(), strict=True)
    exact = np.stack([scipy.signal.sosfilt(*pair) for pair in pairs])
    np.testing.assert_allclose(y, exact, rtol=2**-24, atol=1e-8)


@pytest.mark.parametrize("rows", [1, LANES])
def test_states_fade_to_nothing(rows):
    """Numbers below the smallest normal one would take a hundred times as long."""
    x = torch.zeros(rows, 20 * SPAN)
    x[:, 0] = 1
    _, zf = sosfilt(x, design_low_pass(500.0, 48_000))
    assert (zf == 0).all()
    _, zf = sosfilt(x[:, :SPAN], design_low_pass(500.0, 48_000))
    assert (zf != 0).all()


@pytest.mark.parametrize("rows", [2, LANES])
def test_a_nan_stays_in_its_row_and_is_not_forgotten(rows):
    x, sos, zi = arguments(rows, 2 * SPAN + 1)
    x[1, 1000] = torch.nan
    y, zf = sosfilt(x, sos, zi)
    others = torch.arange(rows) != 1
    assert y[others].isfinite().all() and zf[others].isfinite().all()
    assert y[1, :1000].isfinite().all() and y[1, 1000:].isnan().all() and zf[1].isnan().all()


def test_what_is_kept_for_the_gradient_is_small():
    """Nothing of the size of the signal, which autograd keeps as it is."""
    x, sos, _ = arguments(2, 40 * TILE, sections=6)
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        sosfilt(x.requires_grad_(), sos.requires_grad_())
    assert sum(kept.values()) < 1.1 * x.untyped_storage().nbytes()
