"""Losses of waveforms, beside NumPy and their defining facts."""

import numpy as np
import pytest
import torch

from dasp.losses import esr, l1, mse, negative_sdr, negative_si_sdr
from tests.losses.signals import noise

OUTPUT, TARGET = noise(2, 500), noise(2, 500, seed=1)
o, t = OUTPUT.numpy(), TARGET.numpy()


def test_against_numpy():
    alpha = np.sum(o * t) / np.sum(t * t)
    for loss, expected in (
        (l1, np.mean(np.abs(o - t))),
        (mse, np.mean((o - t) ** 2)),
        (esr, np.sum((o - t) ** 2) / np.sum(t**2)),
        (negative_sdr, -10 * np.log10(np.sum(t**2) / np.sum((o - t) ** 2))),
        (
            negative_si_sdr,
            -10 * np.log10(np.sum((alpha * t) ** 2) / np.sum((alpha * t - o) ** 2)),
        ),
    ):
        assert loss(OUTPUT, TARGET).item() == pytest.approx(expected, rel=1e-12)


def test_an_error_of_a_hundredth_is_minus_40_db():
    assert esr(1.01 * TARGET, TARGET).item() == pytest.approx(1e-4)
    assert negative_sdr(0.99 * TARGET, TARGET).item() == pytest.approx(-40.0)
    assert esr(torch.zeros_like(TARGET), TARGET).item() == pytest.approx(1.0)


def test_si_sdr_does_not_see_a_gain_nor_its_sign():
    plain = negative_si_sdr(OUTPUT, TARGET).item()
    for gain in (1e-3, 7.0, -2.0):
        assert negative_si_sdr(gain * OUTPUT, TARGET).item() == pytest.approx(plain, abs=1e-9)


def test_si_sdr_sees_the_balance_of_the_channels():
    unbalanced = TARGET * torch.tensor([[1.0], [0.5]], dtype=torch.float64)
    assert negative_si_sdr(unbalanced, TARGET).item() > -12
