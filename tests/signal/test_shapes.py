"""Shapes that stretch over each other, beside torch's own; and that torch is not asked."""

import itertools
import subprocess
import sys

import pytest
import torch

from dasp.signal._shapes import broadcast_shapes

SHAPES = [(), (1,), (3,), (0,), (2, 1), (2, 3), (1, 1), (4, 1, 3), (4, 2, 1)]


@pytest.mark.parametrize("first", SHAPES)
def test_the_shape_is_that_of_torch(first):
    for others in itertools.product(SHAPES, repeat=2):
        shapes = first, *others
        try:
            expected = torch.broadcast_shapes(*shapes)
        except RuntimeError as error:
            with pytest.raises(RuntimeError) as refused:
                broadcast_shapes(*shapes)
            assert str(refused.value) == str(error), shapes
        else:
            found = broadcast_shapes(*shapes)
            assert found == expected and type(found) is torch.Size, shapes


def test_no_shapes_have_the_shape_of_a_number():
    assert broadcast_shapes() == ()


def test_a_filter_does_not_load_what_torch_has_for_symbols():
    program = (
        "import sys, torch\n"
        "from dasp.processors.catalogue import PARAMETRIC_EQ as EQ\n"
        "EQ(torch.zeros(2, 100), 44100, **EQ.defaults())\n"
        "assert 'torch.fx.experimental.symbolic_shapes' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
