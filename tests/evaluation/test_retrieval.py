"""Retrieval: known answers, and chance."""

import pytest
import torch

from dasp.evaluation.retrieval import retrieval


def test_settings_alone_are_always_found_and_pieces_alone_by_chance():
    draw = torch.Generator().manual_seed(0)
    settings = torch.randn(1, 10, 8, generator=draw)
    pieces = torch.randn(25, 1, 8, generator=draw)
    noise = 1e-3 * torch.randn(25, 10, 8, generator=draw)
    assert retrieval(settings + noise) == (1.0, 1.0, 1.0)
    assert retrieval(settings + 0.1 * pieces).nearest > 0.9
    found = retrieval(pieces + noise)
    assert found.nearest == pytest.approx(0.1, abs=0.06)
    assert found.first == pytest.approx(0.1, abs=0.02)
    assert found.first_five == pytest.approx(0.5, abs=0.03)


def test_a_small_case_by_hand():
    """Three settings on a line; in the second piece two of them have changed places."""
    vectors = torch.tensor([[[0.0], [1.0], [10.0]], [[1.1], [0.1], [10.1]]])
    nearest, first, first_five = retrieval(vectors)
    assert nearest == first == pytest.approx(2 / 6)
    assert first_five == 1.0


def test_a_piece_does_not_find_itself():
    """The nearest of all is the same piece in another setting, which does not count."""
    vectors = torch.tensor([[[0.0], [0.01]], [[5.0], [9.0]]])
    assert retrieval(vectors).nearest == pytest.approx(0.5)


def test_one_piece_is_refused():
    with pytest.raises(ValueError, match="pieces: expected"):
        retrieval(torch.zeros(1, 4, 2))
