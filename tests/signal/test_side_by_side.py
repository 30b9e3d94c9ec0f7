"""Items that are worked on side by side."""

import threading
import warnings

import pytest
import torch

from dasp.signal.side_by_side import side_by_side


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_in_inference_mode_two_items_are_under_way_at_once():
    both = threading.Barrier(2, timeout=30)

    def meet(item):
        both.wait()
        return item, torch.is_inference_mode_enabled(), torch.get_num_threads()

    with torch.inference_mode():
        found = side_by_side(meet, range(4))
    assert found == [(item, True, 1) for item in range(4)]
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_where_gradients_are_followed_one_item_comes_after_the_other():
    x = torch.ones(3, requires_grad=True)
    threads = set()

    def doubled(item):
        threads.add(threading.get_ident())
        return 2 * item

    torch.stack(side_by_side(doubled, list(x))).sum().backward()
    assert x.grad.tolist() == [2.0] * 3
    assert threads == {threading.get_ident()}


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("length", "at_once"), [(10, True), (11, False)])
def test_long_pieces_come_one_after_the_other(monkeypatch, length, at_once):
    """Two at once would take twice the memory."""
    monkeypatch.setattr("dasp.signal.side_by_side.SHORT", 10)
    threads = set()
    with torch.inference_mode():
        side_by_side(lambda x: threads.add(threading.get_ident()), [torch.zeros(1, length)] * 4)
    assert (threading.get_ident() not in threads) == at_once


@pytest.mark.usefixtures("two_threads")
def test_what_an_item_raises_or_warns_of_reaches_the_caller():
    def fail(item):
        warnings.warn(f"item {item}", stacklevel=1)
        raise ArithmeticError("no")

    with (
        torch.inference_mode(),
        pytest.warns(UserWarning, match="item 1"),
        pytest.raises(ArithmeticError, match="no"),
    ):
        side_by_side(fail, [1, 2])
