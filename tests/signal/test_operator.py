import pytest
import torch

from dasp.signal._operator import define_row_operator

double = define_row_operator("test_double(Tensor x, int by) -> Tensor", lambda x, by: x * by)


def test_more_rows_under_vmap():
    x = torch.randn(4, 3, 5)
    assert torch.equal(torch.func.vmap(double, in_dims=(1, None))(x, 2), 2 * x.movedim(1, 0))


def test_it_is_one_step_of_a_compiled_graph():
    x = torch.randn(3, 5)
    compiled = torch.compile(lambda x: double(x, 2) + 1, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), 2 * x + 1)


def test_a_gradient_around_the_function_is_an_error_and_not_a_zero():
    y = double(torch.randn(3, 5, requires_grad=True), 2)
    with pytest.raises(NotImplementedError, match="no gradient by itself"):
        y.sum().backward()
