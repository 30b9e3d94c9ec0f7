"""Levels in bands over time, beside written-out loops and closed forms."""

import math

import numpy as np
import pytest
import torch

from dasp.estimation.fitting.levels import (
    FLOOR,
    LOWEST_HZ,
    PER_OCTAVE,
    SILENCE,
    UNIT_DB,
    levels_apart,
)

RATE = 16_000
FFT = 1024  # the power of two that is nearest to 46 ms of them


def levels_db(x, target):
    """By loops: every frame of every band."""

    def powers(x):
        padded = np.pad(x, ((0, 0), (FFT // 2, 2 * FFT)))
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
        frames = math.ceil(x.shape[-1] / (FFT // 2)) + 1
        bands = {}
        for bin in range(FFT // 2 + 1):
            freq_hz = bin * RATE / FFT
            if freq_hz < LOWEST_HZ:
                continue
            band = math.floor(PER_OCTAVE * math.log2(freq_hz / LOWEST_HZ))
            row = [
                np.mean([
                    abs(np.fft.rfft(padded[c, k * FFT // 2 :][:FFT] * window)[bin]) ** 2
                    for c in range(len(x))
                ])
                for k in range(frames)
            ]  # fmt: skip
            bands.setdefault(band, []).append(row)
        return np.array([np.mean(rows, 0) for _, rows in sorted(bands.items())])

    wanted = powers(target)
    floor = FLOOR * wanted.mean(-1, keepdims=True) + SILENCE * wanted.max()
    return 10 * np.log10(powers(x) + floor)


def test_they_are_those_of_a_loop():
    x, target = torch.randn(2, 2, 1000, dtype=torch.float64)
    apart = levels_db(x.numpy(), target.numpy()) - levels_db(target.numpy(), target.numpy())
    made = levels_apart(target, RATE)(x)
    np.testing.assert_allclose(
        made.numpy(), (apart / (UNIT_DB * math.sqrt(apart.size))).flatten(), atol=1e-9
    )


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_a_gain_is_as_far_as_it_is_large(gain_db):
    """In every band and frame alike, where the floor is far below."""
    target = torch.randn(1, RATE)
    error = levels_apart(target, RATE)(target * 10 ** (gain_db / 20)).square().sum()
    assert UNIT_DB * error.sqrt().item() == pytest.approx(abs(gain_db), rel=0.1)


def test_the_sign_of_the_waveform_and_a_loud_neighbour_do_not_matter():
    time = torch.arange(RATE) / RATE
    soft = 0.01 * torch.randn(1, RATE)
    loud = (2 * torch.pi * 5000 * time).sin()
    apart = levels_apart(soft + loud, RATE)
    assert apart(-soft - loud).abs().max() < 1e-6
    assert UNIT_DB * apart(0.5 * soft + loud).square().sum().sqrt() == pytest.approx(5.5, abs=0.8)


def test_a_batch_and_a_moment():
    target = torch.randn(2, 700)
    x = torch.randn(3, 4, 2, 700)
    batch = levels_apart(target, RATE)(x)
    torch.testing.assert_close(batch[1, 2], levels_apart(target, RATE)(x[1, 2]))
    assert levels_apart(target[:, :1], RATE)(target[:, :1]).abs().max() < 1e-6
