"""Numbers on the device of a signal; one that is no CPU stands for a GPU."""

import numpy as np
import pytest
import torch

from dasp._constants import constant


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    "values, shape",
    [
        (2.0, ()),
        ([1.0, 2.0], (2,)),
        (((1, 2), (3, 4)), (2, 2)),
        (np.ones(3), (3,)),
        (np.array(2.0), ()),
    ],
)
def test_numbers_of_every_kind_are_taken_to_every_device(values, shape, device):
    found = constant(values, torch.zeros(1, dtype=torch.float64, device=device))
    assert found.shape == shape and found.dtype is torch.float64 and found.device.type == device
    if device == "cpu":
        assert torch.equal(found, torch.from_numpy(np.asarray(values, dtype=np.float64)))
