"""Energies of blocks, beside sums that are written out."""

import pytest
import torch

from dasp.analysis import energy
from dasp.analysis.energy import block_energies


@pytest.mark.parametrize(("time", "size"), [(1000, 1), (1000, 7), (1000, 250), (10, 30), (0, 4)])
@pytest.mark.parametrize("at_once", [64, 2**16])
def test_every_sample_is_in_one_block(time, size, at_once, monkeypatch):
    monkeypatch.setattr(energy, "AT_ONCE", at_once)
    x = torch.randn(3, 2, time)
    starts = range(0, max(time, 1), size)
    wanted = [(x[..., start : start + size].double() ** 2).sum(-1) for start in starts]
    torch.testing.assert_close(block_energies(x, size), torch.stack(wanted, -1))


def test_a_block_has_a_length():
    with pytest.raises(ValueError, match="size: expected at least 1, got 0"):
        block_energies(torch.zeros(1, 9), 0)
