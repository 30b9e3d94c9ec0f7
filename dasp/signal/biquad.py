"""Second-order filter sections: the RBJ designs, and Butterworth and Linkwitz-Riley cascades.

Every design returns float64 sections `(..., sections, 6)` in SciPy's order b0 b1 b2 a0 a1 a2
with a0 = 1. Arguments broadcast, and a designed filter is differentiable in each of them.

Source: Robert Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter
coefficients", with its symbols: w0 = 2 pi f0 / fs, alpha = sin(w0) / (2 Q), A = 10^(dB / 40).
"""

import math

import torch
from torch import Tensor

from dasp._checks import check_choice, check_frequency, check_range, check_real
from dasp._constants import constant
from dasp._typing import Value
from dasp.signal._fused import on_gpu

BUTTERWORTH_Q = math.sqrt(0.5)
"""The quality factor without a resonance: the steepest shelf that does not overshoot."""


def design_low_shelf(
    freq_hz: Value, sample_rate: float, *, gain_db: Value, q: Value = BUTTERWORTH_Q
) -> Tensor:
    """Design a low shelf: `gain_db` at DC, half of it (in dB) at `freq_hz`, 0 dB at Nyquist.

    Args:
        freq_hz: Midpoint of the slope in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        gain_db: Gain at DC in dB; 0 changes nothing.
        q: Quality factor, above 0; the default is the steepest without overshoot.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_low_shelf(100.0, 48_000, gain_db=6.0)
    >>> round(float(frequency_response(sos, torch.tensor([0.0]), 48_000).abs()), 3)
    1.995
    """
    return _designed("low_shelf", freq_hz, sample_rate, gain_db, q)


def design_high_shelf(
    freq_hz: Value, sample_rate: float, *, gain_db: Value, q: Value = BUTTERWORTH_Q
) -> Tensor:
    """Design a high shelf: `gain_db` at Nyquist, half of it (in dB) at `freq_hz`, 0 dB at DC.

    Args:
        freq_hz: Midpoint of the slope in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        gain_db: Gain at Nyquist in dB; 0 changes nothing.
        q: Quality factor, above 0; the default is the steepest without overshoot.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_high_shelf(8000.0, 48_000, gain_db=6.0)
    >>> round(float(frequency_response(sos, torch.tensor([24_000.0]), 48_000).abs()), 3)
    1.995
    """
    return _designed("high_shelf", freq_hz, sample_rate, gain_db, q)


def design_peak(freq_hz: Value, sample_rate: float, *, gain_db: Value, q: Value) -> Tensor:
    """Design a peaking filter: `gain_db` at `freq_hz`, 0 dB at DC and Nyquist.

    Args:
        freq_hz: Centre in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        gain_db: Gain at the centre in dB; 0 changes nothing.
        q: Quality factor, above 0: the centre over the bandwidth.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_peak(1000.0, 48_000, gain_db=torch.tensor([-6.0, 6.0]), q=1.0)
    >>> sos.shape
    torch.Size([2, 1, 6])
    """
    return _designed("peak", freq_hz, sample_rate, gain_db, q)


def design_low_pass(freq_hz: Value, sample_rate: float, *, q: Value = BUTTERWORTH_Q) -> Tensor:
    """Design a second-order low-pass, whose gain falls by 12 dB per octave above `freq_hz`.

    Args:
        freq_hz: Cutoff in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        q: Quality factor, above 0: the gain at the cutoff, as a factor.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_low_pass(1000.0, 48_000)
    >>> round(float(frequency_response(sos, torch.tensor([1000.0]), 48_000).abs()), 3)
    0.707
    """
    return _designed("low_pass", freq_hz, sample_rate, 0.0, q)


def design_high_pass(freq_hz: Value, sample_rate: float, *, q: Value = BUTTERWORTH_Q) -> Tensor:
    """Design a second-order high-pass, whose gain falls by 12 dB per octave below `freq_hz`.

    Args:
        freq_hz: Cutoff in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        q: Quality factor, above 0: the gain at the cutoff, as a factor.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_high_pass(1000.0, 48_000)
    >>> round(float(frequency_response(sos, torch.tensor([1000.0]), 48_000).abs()), 3)
    0.707
    """
    return _designed("high_pass", freq_hz, sample_rate, 0.0, q)


def design_band_pass(freq_hz: Value, sample_rate: float, *, q: Value) -> Tensor:
    """Design a second-order band-pass: 0 dB at `freq_hz`, 6 dB per octave on either side.

    Args:
        freq_hz: Centre in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        q: Quality factor, above 0: the centre over the bandwidth.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_band_pass(1000.0, 48_000, q=2.0)
    >>> round(float(frequency_response(sos, torch.tensor([1000.0]), 48_000).abs()), 3)
    1.0
    """
    return _designed("band_pass", freq_hz, sample_rate, 0.0, q)


def design_notch(freq_hz: Value, sample_rate: float, *, q: Value) -> Tensor:
    """Design a notch: a gain of 0 at `freq_hz`, and 0 dB far from it.

    Args:
        freq_hz: Centre in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        q: Quality factor, above 0: the centre over the bandwidth.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_notch(1000.0, 48_000, q=2.0)
    >>> float(frequency_response(sos, torch.tensor([1000.0]), 48_000).abs()) < 1e-6
    True
    """
    return _designed("notch", freq_hz, sample_rate, 0.0, q)


def design_all_pass(freq_hz: Value, sample_rate: float, *, q: Value) -> Tensor:
    """Design a second-order all-pass: 0 dB everywhere, a phase of -180 degrees at `freq_hz`.

    Args:
        freq_hz: Centre in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        q: Quality factor, above 0: the higher, the faster the phase turns.

    Returns:
        Second-order sections `(..., 1, 6)`, float64, over the broadcast shape of the arguments.

    Raises:
        ValueError: If a value is outside its range, or complex.

    >>> sos = design_all_pass(1000.0, 48_000, q=2.0)
    >>> round(float(frequency_response(sos, torch.tensor([300.0]), 48_000).abs()), 3)
    1.0
    """
    return _designed("all_pass", freq_hz, sample_rate, 0.0, q)


def design_butterworth_low_pass(freq_hz: Value, sample_rate: float, *, order: int) -> Tensor:
    """Design a Butterworth low-pass: maximally flat, -3 dB at `freq_hz`.

    The gain falls by 6 dB per octave and order above `freq_hz`. The cascade is one RBJ section
    for each pair of poles, and a first-order one where `order` is odd.

    Args:
        freq_hz: Cutoff in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        order: Number of poles, 1 or more.

    Returns:
        Second-order sections `(..., sections, 6)`, float64, over the shape of `freq_hz`.

    Raises:
        ValueError: If a value is outside its range, or complex.

    Source: S. Butterworth, "On the theory of filter amplifiers", 1930.

    >>> design_butterworth_low_pass(1000.0, 48_000, order=5).shape
    torch.Size([3, 6])
    """
    return _butterworth(design_low_pass, _first_order_low_pass, freq_hz, sample_rate, order)


def design_butterworth_high_pass(freq_hz: Value, sample_rate: float, *, order: int) -> Tensor:
    """Design a Butterworth high-pass: maximally flat, -3 dB at `freq_hz`.

    The gain falls by 6 dB per octave and order below `freq_hz`.

    Args:
        freq_hz: Cutoff in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        order: Number of poles, 1 or more.

    Returns:
        Second-order sections `(..., sections, 6)`, float64, over the shape of `freq_hz`.

    Raises:
        ValueError: If a value is outside its range, or complex.

    Source: S. Butterworth, "On the theory of filter amplifiers", 1930.

    >>> design_butterworth_high_pass(1000.0, 48_000, order=4).shape
    torch.Size([2, 6])
    """
    return _butterworth(design_high_pass, _first_order_high_pass, freq_hz, sample_rate, order)


def design_linkwitz_riley(
    freq_hz: Value, sample_rate: float, *, order: int = 4
) -> tuple[Tensor, Tensor]:
    """Design a crossover: a low-pass and a high-pass that sum to an all-pass.

    Each is a Butterworth filter of half the order, applied twice: -6 dB at `freq_hz`. At order 2
    the polarity of the high-pass is inverted, without which the sum has a notch.

    Args:
        freq_hz: Crossover frequency in Hz, between 0 and Nyquist.
        sample_rate: In Hz.
        order: 2, 4 or 8.

    Returns:
        The sections of the low-pass and those of the high-pass, `(..., sections, 6)`, float64.

    Raises:
        ValueError: If a value is outside its range, or complex.

    Source: S. H. Linkwitz, "Active crossover networks for noncoincident drivers", JAES 1976.

    >>> low, high = design_linkwitz_riley(1000.0, 48_000)
    >>> both = [frequency_response(sos, torch.tensor([500.0]), 48_000) for sos in (low, high)]
    >>> round(float(sum(both).abs()), 3)
    1.0
    """
    check_choice("order", order, (2, 4, 8))
    low = design_butterworth_low_pass(freq_hz, sample_rate, order=order // 2)
    high = design_butterworth_high_pass(freq_hz, sample_rate, order=order // 2)
    polarity = constant((-1.0,) * 3 + (1.0,) * 3 if order == 2 else (1.0,) * 6, high)
    return torch.cat((low, low), -2), torch.cat((high * polarity, high), -2)


def frequency_response(sos: Tensor, freq_hz: Tensor, sample_rate: float) -> Tensor:
    """Compute the complex response of a cascade of second-order sections.

    Args:
        sos: Sections `(..., sections, 6)` in SciPy's order.
        freq_hz: Frequencies in Hz, `(frequencies,)`, or with leading dimensions that broadcast.
        sample_rate: In Hz.

    Returns:
        Response `(..., frequencies)`, complex.

    Raises:
        ValueError: If `sos` or `freq_hz` is complex.

    >>> gain = torch.tensor([[2.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    >>> frequency_response(gain, torch.tensor([100.0]), 48_000).abs()
    tensor([2.])
    """
    check_real("sos", sos)
    check_real("freq_hz", freq_hz)
    sos = sos if sos.is_floating_point() else sos.double()
    omega = 2 * math.pi * freq_hz.to(sos) / sample_rate
    powers = torch.exp(-1j * omega[..., None] * torch.arange(3, device=sos.device))
    sections = sos.to(powers.dtype)
    numerator = (sections[..., None, :, :3] * powers[..., None, :]).sum(-1)
    denominator = (sections[..., None, :, 3:] * powers[..., None, :]).sum(-1)
    return (numerator / denominator).prod(-1)


def _designed(kind: str, freq_hz: Value, sample_rate: float, gain_db: Value, q: Value) -> Tensor:
    """Sections `(..., 1, 6)` of a kind, over the broadcast shape of the arguments."""
    check_frequency("freq_hz", freq_hz, sample_rate)
    check_range("q", q, above=0.0)
    check_real("gain_db", gain_db)
    tensors = [v for v in (freq_hz, gain_db, q) if isinstance(v, Tensor)]
    like = tensors[0] if tensors else torch.empty(0)
    parameters = (_float64(value, like) for value in (freq_hz, gain_db, q))
    return _sections(*parameters, kind, sample_rate)[..., None, :]


@on_gpu("biquad_cuda.designed")
def _sections(freq_hz: Tensor, gain_db: Tensor, q: Tensor, kind: str, sample_rate: float) -> Tensor:
    w0 = 2 * math.pi * freq_hz / sample_rate
    cos, alpha = torch.cos(w0), torch.sin(w0) / (2 * q)
    return _section(*_FORMULAS[kind](cos, alpha, gain_db))[..., 0, :]


def _low_shelf(cos: Tensor, alpha: Tensor, gain_db: Tensor, sign: int = 1) -> tuple:
    amplitude = _square_root_of_gain(gain_db)
    cos, slope = sign * cos, 2 * torch.sqrt(amplitude) * alpha
    up, down = amplitude + 1, amplitude - 1
    return (
        (
            amplitude * (up - down * cos + slope),
            sign * 2 * amplitude * (down - up * cos),
            amplitude * (up - down * cos - slope),
        ),
        (
            up + down * cos + slope,
            sign * -2 * (down + up * cos),
            up + down * cos - slope,
        ),
    )


def _high_shelf(cos: Tensor, alpha: Tensor, gain_db: Tensor) -> tuple:
    """The low shelf with the frequency axis turned round: cos -> -cos, every second one negated."""
    return _low_shelf(cos, alpha, gain_db, sign=-1)


def _peak(cos: Tensor, alpha: Tensor, gain_db: Tensor) -> tuple:
    amplitude = _square_root_of_gain(gain_db)
    return (
        (1 + alpha * amplitude, -2 * cos, 1 - alpha * amplitude),
        (1 + alpha / amplitude, -2 * cos, 1 - alpha / amplitude),
    )


def _low_pass(cos: Tensor, alpha: Tensor, _) -> tuple:
    return ((1 - cos) / 2, 1 - cos, (1 - cos) / 2), _poles(cos, alpha)


def _high_pass(cos: Tensor, alpha: Tensor, _) -> tuple:
    return ((1 + cos) / 2, -1 - cos, (1 + cos) / 2), _poles(cos, alpha)


def _band_pass(cos: Tensor, alpha: Tensor, _) -> tuple:
    return (alpha, 0 * alpha, -alpha), _poles(cos, alpha)


def _notch(cos: Tensor, alpha: Tensor, _) -> tuple:
    return (1 + 0 * alpha, -2 * cos, 1 + 0 * alpha), _poles(cos, alpha)


def _all_pass(cos: Tensor, alpha: Tensor, _) -> tuple:
    return (1 - alpha, -2 * cos, 1 + alpha), _poles(cos, alpha)


def _square_root_of_gain(gain_db: Tensor) -> Tensor:
    return 10 ** (gain_db / 40)


def _poles(cos: Tensor, alpha: Tensor) -> tuple:
    return 1 + alpha, -2 * cos, 1 - alpha


_FORMULAS = {
    "low_shelf": _low_shelf,
    "high_shelf": _high_shelf,
    "peak": _peak,
    "low_pass": _low_pass,
    "high_pass": _high_pass,
    "band_pass": _band_pass,
    "notch": _notch,
    "all_pass": _all_pass,
}


def _section(b: tuple, a: tuple) -> Tensor:
    coefficients = torch.stack(torch.broadcast_tensors(*b, *a), -1)
    return (coefficients / coefficients[..., 3:4])[..., None, :]


def _butterworth(second_order, first_order, freq_hz, sample_rate: float, order: int) -> Tensor:
    check_range("order", order, low=1)
    pole_angles = (math.pi * (2 * k + 1) / (2 * order) for k in range(order // 2))
    pairs = [second_order(freq_hz, sample_rate, q=1 / (2 * math.sin(a))) for a in pole_angles]
    odd = [first_order(freq_hz, sample_rate)] if order % 2 else []
    return torch.cat(pairs + odd, -2)


def _first_order_low_pass(freq_hz: Value, sample_rate: float) -> Tensor:
    g = _prewarped(freq_hz, sample_rate)
    return _section((g, g, 0 * g), (1 + g, g - 1, 0 * g))


def _first_order_high_pass(freq_hz: Value, sample_rate: float) -> Tensor:
    g = _prewarped(freq_hz, sample_rate)
    return _section((1 + 0 * g, -1 + 0 * g, 0 * g), (1 + g, g - 1, 0 * g))


def _prewarped(freq_hz: Value, sample_rate: float) -> Tensor:
    check_frequency("freq_hz", freq_hz, sample_rate)
    freq_hz = _float64(freq_hz, torch.empty(0))
    return torch.tan(math.pi * freq_hz / sample_rate)


def _float64(value: Value, like: Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value.to(torch.float64)
    return constant(value, like, torch.float64)
