import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.functional import graphic_eq, graphic_eq_31
from dasp.functional.graphic_eq import CENTRES_HZ, design_graphic_eq
from dasp.signal.biquad import frequency_response
from dasp.units import gain_to_db

RATES = (44_100, 48_000, 96_000)


def alternating(bands):
    return torch.tensor([12.0, -12.0] * bands, dtype=torch.float64)[:bands]


def asked_gains(bands):
    """The hard cases, and random ones, within 12 dB."""
    one = torch.zeros(bands, dtype=torch.float64)
    one[bands // 2] = -12.0
    torch.manual_seed(bands)
    return torch.stack(
        (
            alternating(bands),
            torch.full((bands,), 12.0, dtype=torch.float64),
            torch.full((bands,), -12.0, dtype=torch.float64),
            one,
            *(24 * torch.rand(10, bands, dtype=torch.float64) - 12),
            *(12 * torch.randn(10, bands, dtype=torch.float64).sign()),
        )
    )


def response_db(sos, freq_hz, sample_rate):
    """By SciPy."""
    _, h = scipy.signal.sosfreqz(sos.numpy(), np.asarray(freq_hz), fs=sample_rate)
    return 20 * np.log10(np.abs(h))


def test_the_centres_are_those_of_the_standard():
    """Nominal octaves and thirds of IEC 61260-1, which round the exact centres by at most 1.3 %."""
    third = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8]
    thirds = [10 * n for n in third[3:]] + [100 * n for n in third] + [1000 * n for n in third]
    thirds += [10_000, 12_500, 16_000, 20_000]
    np.testing.assert_allclose(CENTRES_HZ[31], thirds, rtol=0.013)
    octaves = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000]
    np.testing.assert_allclose(CENTRES_HZ[10], octaves, rtol=0.013)
    assert CENTRES_HZ[10] == CENTRES_HZ[31][2:-1:3]


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("bands", [10, 31])
def test_the_response_passes_through_the_gains_at_every_centre(bands, sample_rate):
    for gain_db in asked_gains(bands):
        sos = design_graphic_eq(gain_db, sample_rate)
        found = response_db(sos, CENTRES_HZ[bands], sample_rate)
        np.testing.assert_allclose(found, gain_db, rtol=0, atol=1e-8)


@pytest.mark.parametrize("bands", [10, 31])
def test_the_sound_passes_through_the_gains_at_every_centre(bands):
    """The spectrum of the impulse response, in the precision of music."""
    x = torch.zeros(1, 2**16)
    x[0, 0] = 1.0
    y = graphic_eq(x, 44_100, gain_db=alternating(bands))
    time = np.arange(x.shape[-1]) / 44_100
    spectrum = np.exp(-2j * math.pi * np.outer(CENTRES_HZ[bands], time)) @ y[0].double().numpy()
    np.testing.assert_allclose(20 * np.log10(np.abs(spectrum)), alternating(bands), atol=1e-2)


@pytest.mark.parametrize("bands", [10, 31])
def test_a_centre_just_below_nyquist_is_still_reached(bands):
    for sample_rate in (8000, 2.0001 * CENTRES_HZ[bands][-1], 2.01 * CENTRES_HZ[bands][-1], 40_000):
        reachable = sum(centre < sample_rate / 2 for centre in CENTRES_HZ[bands])
        gain_db = asked_gains(bands)
        gain_db[:, reachable:] = 0
        sos = design_graphic_eq(gain_db, sample_rate)
        assert sos.shape == (len(gain_db), reachable, 6)
        for one, asked_db in zip(sos, gain_db, strict=True):
            found = response_db(one, CENTRES_HZ[bands][:reachable], sample_rate)
            np.testing.assert_allclose(found, asked_db[:reachable], rtol=0, atol=1e-7)


@pytest.mark.parametrize("bands", [10, 31])
def test_gains_beyond_a_console_are_exact_too(bands):
    sos = design_graphic_eq(2 * alternating(bands), 48_000)
    found = response_db(sos, CENTRES_HZ[bands], 48_000)
    np.testing.assert_allclose(found, 2 * alternating(bands), rtol=0, atol=1e-8)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("bands", [10, 31])
def test_between_the_centres_a_level_setting_is_level(bands, sample_rate):
    """Within a tenth of the gain and a little, from the lowest centre to the highest."""
    freq_hz = np.geomspace(CENTRES_HZ[bands][0], CENTRES_HZ[bands][-1], 5000)
    for gain_db, ripple_db in ((6.0, 0.6), (12.0, 1.3)):
        sos = design_graphic_eq(torch.full((bands,), gain_db), sample_rate)
        assert np.abs(response_db(sos, freq_hz, sample_rate) - gain_db).max() < ripple_db


@pytest.mark.parametrize("bands", [10, 31])
def test_opposite_gains_undo_each_other(bands):
    x = torch.randn(2, 3000, dtype=torch.float64)
    y = graphic_eq(x, 44_100, gain_db=alternating(bands))
    torch.testing.assert_close(
        graphic_eq(y, 44_100, gain_db=-alternating(bands)), x, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("bands", [10, 31])
def test_each_item_is_filtered_by_its_own_sections(bands):
    x, gain_db = torch.randn(2, 2, 1000, dtype=torch.float64), asked_gains(bands)[:2]
    sos = design_graphic_eq(gain_db, 48_000)
    y = graphic_eq(x, 48_000, gain_db=gain_db)
    for i in range(2):
        expected = scipy.signal.sosfilt(sos[i].numpy(), x[i].numpy())
        np.testing.assert_allclose(y[i], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("bands", [10, 31])
def test_one_decibel_more_is_one_decibel_more_there_and_nowhere_else(bands):
    """The gradient goes through the solution: the Jacobian of the response is the identity."""
    centres = torch.tensor(CENTRES_HZ[bands], dtype=torch.float64)

    def found_db(gain_db):
        sos = design_graphic_eq(gain_db, 44_100)
        return gain_to_db(frequency_response(sos, centres, 44_100))

    for gain_db in asked_gains(bands)[[0, 1, -1]]:
        jacobian = torch.func.jacrev(found_db)(gain_db)
        torch.testing.assert_close(
            jacobian, torch.eye(bands, dtype=torch.float64), rtol=0, atol=1e-7
        )


def test_errors():
    x = torch.randn(2, 100)
    with pytest.raises(ValueError, match="gain_db: expected 10 or 31 bands, got 12"):
        graphic_eq(x, 44_100, gain_db=torch.zeros(12))
    with pytest.raises(ValueError, match="gain_db: expected at least -24 and at most 24, got 25"):
        graphic_eq(x, 44_100, gain_db=torch.full((10,), 25.0))
    with pytest.raises(ValueError, match=r"gain_db: .* got nan"):
        graphic_eq(x, 44_100, gain_db=torch.full((10,), torch.nan))
    gain_db = torch.zeros(10)
    gain_db[-2] = 3.0
    with pytest.raises(ValueError, match=r"gain_db: .*from 7943 Hz on.*Nyquist at 8000 Hz.*0 to 3"):
        graphic_eq(x, 8000, gain_db=gain_db)
    assert torch.equal(graphic_eq(x, 8000, gain_db=torch.zeros(10)), x)


def test_thirds_of_an_octave_by_their_own_name():
    """The response at every centre, and 31 bands where one number is given."""
    x = torch.randn(2, 500, dtype=torch.float64)
    gain_db = alternating(31)
    y = graphic_eq_31(x, 48_000, gain_db=gain_db)
    assert torch.equal(y, graphic_eq(x, 48_000, gain_db=gain_db))
    level = graphic_eq_31(x, 48_000, gain_db=3.0)
    assert torch.equal(level, graphic_eq(x, 48_000, gain_db=torch.full((31,), 3.0)))
    with pytest.raises(ValueError, match=r"gain_db: expected a tensor of shape \(31,\)"):
        graphic_eq_31(x, 48_000, gain_db=torch.zeros(10))
