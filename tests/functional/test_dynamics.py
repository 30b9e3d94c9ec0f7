import torch

from dasp.functional.dynamics import advanced


def test_fractions_of_a_sample_are_kept_late_in_a_long_signal():
    x = torch.arange(3_000_000, dtype=torch.float32)[None] % 2
    y = advanced(x, torch.tensor(0.25))
    torch.testing.assert_close(y[0, -1001:-1], torch.tensor([0.75, 0.25]).repeat(500))
