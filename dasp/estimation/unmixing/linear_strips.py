"""Linear strips fitted to a mix: gains of both sides, a delay, a high-pass and a six-band EQ.

The error of all strips together is a quadratic form in their responses (`cross_spectra`), and the
responses are smooth in the settings, so that `levenberg_marquardt` comes to the least error in
some tens of steps, each of which costs the same for a long song as for a short one.
"""

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from dasp._bounds import at_most
from dasp.estimation.levenberg_marquardt import (
    Equations,
    Objective,
    Pull,
    Stop,
    levenberg_marquardt,
)
from dasp.estimation.unmixing.cross_spectra import CrossSpectra, beside
from dasp.processors.catalogue import PARAMETRIC_EQ
from dasp.signal.biquad import (
    design_butterworth_high_pass,
    design_high_shelf,
    design_low_shelf,
    design_peak,
)

PARTS = {"gain": (0, 1), "delay": (2,), "high_pass": (3,), "eq": tuple(range(4, 22))}
"""Where each part stands among the settings of a strip."""

LOWEST_HIGH_PASS_HZ, HIGHEST_HIGH_PASS_HZ = 0.1, 2000.0
"""So low that the lowest may as well be off; searches take it to be."""

MOST_GAIN = 1e4
MOST_DELAY_SAMPLES = 64.0
HIGHEST_SHARE = 0.45
"""No band lies higher than this share of the sample rate."""

_EACH_BAND = ("gain_db", "freq_hz", "q")
_EQ = {param.name: param for param in PARAMETRIC_EQ.params}
_KEEP = 1e-2
"""Price of a setting that leaves its neutral value by its whole range, relative to the error: too
little to matter but for settings that nothing else decides. It falls as the error does, so that
none is left in an answer that is exact."""

_STEP = 1e-5


@dataclass(frozen=True)
class LinearStrips:
    """The settings of the linear strips of all tracks, float64.

    They are the unknowns of one system of equations, a tensor over the tracks for each, and no
    `dasp.processors.strip.Strip`: a gain for each side, of either sign, stands for level, pan and
    polarity, which are stages only once they are known (`to_document_mix`).

    Args:
        gains: Gains of left and right as factors, `(tracks, 2)`; negative for reversed polarity.
        delay_samples: Delay in samples, `(tracks,)`; may be negative.
        high_pass_hz: Cutoff of the high-pass in Hz, `(tracks,)`.
        high_pass_on: Whether there is a high-pass, `(tracks,)`.
        eq_gain_db: Gains of low shelf, four peaks and high shelf in dB, `(tracks, 6)`.
        eq_freq_hz: Frequencies in Hz, `(tracks, 6)`.
        eq_q: Quality factors, `(tracks, 6)`.
    """

    gains: Tensor
    delay_samples: Tensor
    high_pass_hz: Tensor
    high_pass_on: Tensor
    eq_gain_db: Tensor
    eq_freq_hz: Tensor
    eq_q: Tensor

    def sections(self, sample_rate: float) -> Tensor:
        """Design the second-order sections of the high-pass and the EQ.

        Args:
            sample_rate: In Hz.

        Returns:
            Sections `(tracks, 7, 6)`, float64.
        """
        high_pass = design_butterworth_high_pass(self.high_pass_hz, sample_rate, order=2)
        through = torch.tensor([1.0, 0, 0, 1, 0, 0]).to(high_pass)
        high_pass = torch.where(self.high_pass_on[:, None, None], high_pass, through)
        gain_db, q = self.eq_gain_db, self.eq_q
        freq_hz = at_most(self.eq_freq_hz, HIGHEST_SHARE * sample_rate)
        shelves = [
            design(freq_hz[:, b], sample_rate, gain_db=gain_db[:, b], q=q[:, b])
            for design, b in ((design_low_shelf, 0), (design_high_shelf, 5))
        ]
        peaks = design_peak(
            freq_hz[:, 1:5], sample_rate, gain_db=gain_db[:, 1:5], q=q[:, 1:5]
        ).squeeze(-2)
        return torch.cat((high_pass, shelves[0], peaks, shelves[1]), -2)

    def responses(self, freq_hz: Tensor, sample_rate: float) -> Tensor:
        """Compute the responses of high-pass, EQ and delay, without the gains.

        Args:
            freq_hz: Frequencies in Hz, `(bins,)`.
            sample_rate: In Hz.

        Returns:
            Complex responses `(tracks, bins)`.
        """
        late = torch.exp(-1j * _angles(freq_hz, sample_rate) * self.delay_samples[:, None])
        N, D = _polynomials(self.sections(sample_rate), freq_hz, sample_rate)
        return (N / D).prod(1) * late


def plain_strips(gains: Tensor) -> LinearStrips:
    """Build strips with given gains, in which everything else is neutral.

    Args:
        gains: Gains of left and right as factors, `(tracks, 2)`.

    Returns:
        The strips.
    """
    gains = gains.double()
    one = torch.ones_like(gains[:, 0])
    gain_db, freq_hz, q = (_bands(name, "default").to(gains) * one[:, None] for name in _EACH_BAND)
    return LinearStrips(
        gains=gains,
        delay_samples=0 * one,
        high_pass_hz=40 * one,
        high_pass_on=torch.zeros_like(one, dtype=torch.bool),
        eq_gain_db=gain_db,
        eq_freq_hz=freq_hz,
        eq_q=q,
    )


def rows_of(strips: LinearStrips, rows: Tensor) -> LinearStrips:
    """Take the strips of some tracks.

    Args:
        strips: The strips.
        rows: Numbers of the tracks, `(some,)`.

    Returns:
        Their strips, in the order of `rows`.
    """
    return replace(strips, **{f.name: getattr(strips, f.name)[rows] for f in fields(strips)})


def linear_error(spectra: CrossSpectra, strips: LinearStrips) -> Tensor:
    """Compute the energy that strips leave unexplained, relative to that of the mix.

    Args:
        spectra: Cross-spectra of tracks and mix.
        strips: The strips.

    Returns:
        Error `()`, 0 or more.
    """
    c = spectra.coefficients(strip_responses(strips, spectra))
    return spectra.error(c) / spectra.power


def strip_responses(strips: LinearStrips, spectra: CrossSpectra) -> Tensor:
    """Compute the responses of strips to both sides, gains included.

    Args:
        strips: The strips.
        spectra: Cross-spectra, whose frequencies are used.

    Returns:
        Complex responses `(2, tracks, bins)`.
    """
    C = strips.responses(spectra.freq_hz, spectra.sample_rate)
    return strips.gains.T[..., None] * C


def solve_gains(spectra: CrossSpectra, strips: LinearStrips) -> LinearStrips:
    """Find the best gains for strips whose other settings stay; tracks with gains of 0 keep them.

    Args:
        spectra: Cross-spectra of tracks and mix.
        strips: The strips.

    Returns:
        The strips with new gains.
    """
    C = spectra.coefficients(strips.responses(spectra.freq_hz, spectra.sample_rate))
    there = (strips.gains != 0).any(-1)
    gains = torch.zeros_like(strips.gains)
    for s in range(2):
        A = spectra.tracks[min(s, len(spectra.tracks) - 1)]
        gram = (C.conj()[:, None] * (A * beside(C)).sum(-1)).real.sum(-1)[there][:, there]
        moment = (C.conj() * spectra.mix[s]).real.sum(-1)[there]
        power = gram.diagonal()
        ridge = torch.diag(torch.where(power > 0, 1e-9 * power, 1.0))
        gains[there, s] = torch.linalg.solve(gram + ridge, moment)
    return replace(strips, gains=gains)


def fit_strips(
    spectra: CrossSpectra,
    strips: LinearStrips,
    parts: tuple[str, ...],
    *,
    steps: int = 60,
) -> LinearStrips:
    """Fit parts of the strips of all tracks, from where they stand, to the smallest error.

    Args:
        spectra: Cross-spectra of tracks and mix.
        strips: Where to begin.
        parts: Parts to fit, of "gain", "delay", "high_pass" (of tracks that have one) and "eq".
        steps: Largest number of steps, those that fail included.

    Returns:
        The strips.
    """
    rate = spectra.sample_rate
    theta, low, high, plain = coordinates(strips, rate)
    free = torch.zeros_like(theta, dtype=torch.bool)
    for part in parts:
        free[:, PARTS[part]] = True
    free[:, PARTS["high_pass"]] &= strips.high_pass_on[:, None]
    free &= (strips.gains != 0).any(-1, keepdim=True) | (strips.gains == 0).all()

    def error(tries: Tensor) -> Tensor:
        strips_tried = (read_coordinates(u.view_as(theta), strips) for u in tries)
        return torch.stack([linear_error(spectra, tried) for tried in strips_tried])

    def equations(u: Tensor) -> Equations:
        return _equations(spectra, u.view_as(theta), strips)

    theta = torch.minimum(torch.maximum(theta, low), high)
    prices = _KEEP / (high - low).square()
    prices[:, PARTS["gain"]] = 0
    u = levenberg_marquardt(
        Objective(error, equations), theta.flatten(),
        low=torch.where(free, low, theta).flatten(), high=torch.where(free, high, theta).flatten(),
        pull=Pull(plain.expand_as(theta).flatten(), prices.expand_as(theta).flatten()),
        stop=Stop(steps, least_gain=1e-4),
    )  # fmt: skip
    return read_coordinates(u.view_as(theta), strips)


def _equations(spectra: CrossSpectra, theta: Tensor, strips: LinearStrips) -> Equations:
    """The normal equations of all settings of all tracks, in the order of `theta`.

    What both sides share, the responses and their changes but for the gains, is multiplied once
    for tracks that are the same on both sides.
    """
    C, logarithmic = relative_changes(theta, strips, spectra.freq_hz, spectra.sample_rate)
    changes = torch.cat((C[:, None], C[:, None] * logarithmic), 1)  # a gain first, then the rest
    c = spectra.coefficients(changes)
    gains = theta[:, :2].T[..., None]
    away = (spectra.reached(gains * c[:, 0]) - spectra.mix)[:, :, None]
    pulls = (c.conj() * away).real.sum(-1)  # (2, tracks, settings)
    slope = torch.cat((pulls[..., 0].T, (gains * pulls[..., 1:]).sum(0)), 1)
    products = [_products(A, c) for A in spectra.tracks]
    count, settings = theta.shape
    matrix = theta.new_zeros(count, settings, count, settings)
    for s, g in enumerate(gains[..., 0]):
        Q = products[min(s, len(products) - 1)]
        matrix[:, s, :, s] = Q[:, 0, :, 0]
        across = Q[:, 0, :, 1:] * g[:, None]
        matrix[:, s, :, 2:] = across
        matrix[:, 2:, :, s] = across.permute(1, 2, 0)
        matrix[:, 2:, :, 2:] += Q[:, 1:, :, 1:] * (g[:, None, None, None] * g[:, None])
    flat = matrix.reshape(count * settings, -1)
    return Equations(flat / spectra.power, slope.flatten() / spectra.power)


def _products(A: Tensor, c: Tensor) -> Tensor:
    """Real parts of c_ki^H A_kl c_lj, `(tracks, i, tracks, j)`, for A of one side, and
    coefficients `(tracks, i, n)`."""
    count, each = c.shape[:2]
    found = A.new_zeros(count, each, count, each, dtype=torch.float64)
    near, left = beside(c), torch.view_as_real(c).flatten(-2)
    for k in range(count):
        reached = torch.zeros_like(c[k:])
        for d in range(near.shape[-1]):
            reached.addcmul_(A[k, k:, None, :, d], near[k:, ..., d])
        # The real part of a complex product is a real one of twice the length.
        block = left[k] @ torch.view_as_real(reached).flatten(-2).flatten(0, 1).T
        block = block.unflatten(-1, (-1, each))
        found[k, :, k:] = block
        found[k + 1 :, :, k] = block[:, 1:].permute(1, 2, 0)
    return found


def relative_changes(
    theta: Tensor, strips: LinearStrips, freq_hz: Tensor, rate: float
) -> tuple[Tensor, Tensor]:
    """Compute responses without the gains, and the derivatives of their logarithms.

    Args:
        theta: Coordinates `(tracks, 22)`, as `coordinates` returns them.
        strips: The strips, of which `high_pass_on` is read.
        freq_hz: Frequencies in Hz, `(bins,)`.
        rate: Sample rate in Hz.

    Returns:
        Responses `(tracks, bins)`, and derivatives `(tracks, settings, bins)` by all settings but
        the gains.
    """
    # Each section has settings of its own: one change for the frequencies of all of them, one for
    # the gains, one for the Qs. With a section N / D, its logarithm changes by N' / N - D' / D.
    change = torch.zeros(3, theta.shape[-1]).to(theta)
    for kind in range(3):
        change[kind, 4 + kind :: 3] = _STEP
    change[1, 3] = _STEP
    around = torch.cat((change.new_zeros(1, change.shape[-1]), change, -change))
    tried = (theta + around[:, None]).flatten(0, 1)
    everyone = replace(strips, high_pass_on=strips.high_pass_on.repeat(len(around)))
    sections = read_coordinates(tried, everyone).sections(rate).unflatten(0, (len(around), -1))
    N, D = _polynomials(sections[0], freq_hz, rate)
    by_kind = (sections[1:4] - sections[4:]).movedim(0, -2) / (2 * _STEP)
    dN, dD = _polynomials(by_kind, freq_hz, rate)
    over_N, over_D = N.reciprocal(), D.reciprocal()
    changes = dN.mul_(over_N[..., None, :]).sub_(dD.mul_(over_D[..., None, :]))
    eq = changes[:, 1:].flatten(1, 2)  # from (tracks, sections, kinds, bins)
    delay = (-1j * _angles(freq_hz, rate)).expand(len(theta), 1, -1)
    C = (N * over_D).prod(1) * torch.exp(delay[:, 0] * theta[:, 2, None])
    return C, torch.cat((delay, changes[:, :1, 1], eq), 1)


def _polynomials(sections: Tensor, freq_hz: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """Numerators and denominators `(..., bins)` of sections `(..., 6)` on the unit circle."""
    z = torch.polar(
        torch.ones(3, 1).to(freq_hz), -_angles(freq_hz, rate) * torch.arange(3)[:, None]
    )
    both = sections.unflatten(-1, (2, 3)) @ torch.view_as_real(z).flatten(-2)
    N, D = torch.view_as_complex(both.unflatten(-1, (-1, 2))).unbind(-2)
    return N, D


def _angles(freq_hz: Tensor, rate: float) -> Tensor:
    return 2 * math.pi / rate * freq_hz


def _bands(name: str, edge: str) -> Tensor:
    """A property of the parameters of low shelf, peaks and high shelf, `(6,)`."""
    low, peak, high = (
        getattr(_EQ[f"{band}_{name}"], edge) for band in ("low_shelf", "peak", "high_shelf")
    )
    return torch.tensor([low, *peak, high], dtype=torch.float64)


def coordinates(strips: LinearStrips, rate: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Convert strips to the coordinates of a fit; frequencies and Qs are logarithms.

    Args:
        strips: The strips.
        rate: Sample rate in Hz.

    Returns:
        Coordinates `(tracks, 22)`, their lower and upper ends, and their neutral values.
    """

    def joined(strips: LinearStrips) -> Tensor:
        freq_hz = at_most(strips.eq_freq_hz, HIGHEST_SHARE * rate)
        eq = torch.stack((strips.eq_gain_db, freq_hz.log(), strips.eq_q.log()), -1).flatten(-2)
        late, high_pass = strips.delay_samples[:, None], strips.high_pass_hz[:, None].log()
        return torch.cat((strips.gains, late, high_pass, eq), -1)

    def end(edge: str, sign: float, high_pass_hz: float) -> Tensor:
        one = torch.ones_like(strips.delay_samples[:1])
        bands = {f"eq_{name}": _bands(name, edge).to(one)[None] for name in _EACH_BAND}
        return joined(
            LinearStrips(
                gains=sign * MOST_GAIN * one.expand(1, 2),
                delay_samples=sign * MOST_DELAY_SAMPLES * one,
                high_pass_hz=min(high_pass_hz, 0.4 * rate) * one,
                high_pass_on=one > 0,
                **bands,
            )
        )

    low, high = end("low", -1.0, LOWEST_HIGH_PASS_HZ), end("high", 1.0, HIGHEST_HIGH_PASS_HZ)
    return joined(strips), low, high, joined(plain_strips(strips.gains))


def read_coordinates(theta: Tensor, strips: LinearStrips) -> LinearStrips:
    """Convert the coordinates of a fit to strips.

    Args:
        theta: Coordinates `(tracks, 22)`.
        strips: The strips, of which `high_pass_on` is read.

    Returns:
        The strips.
    """
    gain_db, freq, q = theta[:, 4:].unflatten(-1, (6, 3)).unbind(-1)
    return replace(
        strips,
        gains=theta[:, :2],
        delay_samples=theta[:, 2],
        high_pass_hz=theta[:, 3].exp(),
        eq_gain_db=gain_db,
        eq_freq_hz=freq.exp(),
        eq_q=q.exp(),
    )
