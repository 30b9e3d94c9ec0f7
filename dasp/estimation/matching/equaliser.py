"""EQs without any audio: by least squares on third-octave levels.

In decibels a linear filter adds its response to the levels of the bands. With their differences d
from those that are wanted, of which D = w ln(1 + mean d²) is the distance, the residuals
d √(D / |d|²) have D as their sum of squares.
"""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from dasp.analysis.loudness import design_k_weighting
from dasp.analysis.spectral import octave_centres_hz
from dasp.estimation.differences import Residual, by_differences
from dasp.estimation.levenberg_marquardt import Damping, Stop, levenberg_marquardt
from dasp.estimation.matching.mastering import Chain
from dasp.estimation.matching.prior import Prior
from dasp.estimation.matching.style import GROUPS, Style, is_heard
from dasp.estimation.matching.voices import VOICES, voice_gains
from dasp.estimation.unmixing.linear_strips import HIGHEST_SHARE
from dasp.processors.catalogue import GRAPHIC_EQ_31, PARAMETRIC_EQ
from dasp.signal.biquad import frequency_response
from dasp.units import gain_to_db

GAIN_SPREAD_DB, NEIGHBOURS = 6.0, 2.0
"""Standard deviation of the gains of a graphic EQ, and over how many thirds of an octave they go
together: moderate ones, and no teeth."""

INDEPENDENT = 1e-3
"""What each gain has of its own beside its neighbours, as a share of the variance."""

TOO_FAR = 3.0
"""Bands whose levels differ by more than so many times the range of a slider are left alone."""

EQ_WEIGHT = 16.0
"""The weight w of the spectrum for the graphic EQ: about half the number of third-octaves, since
those of a whole recording are hardly left to chance."""

IMPULSE = 8192
"""Samples in which an EQ rings off."""

STEPS = 30


def likely_gains(sample_rate: float, role: str | None = None) -> Prior:
    """Build the prior of a graphic EQ: gains near 0 dB, in a smooth curve; for a voice the usual.

    Args:
        sample_rate: In Hz.
        role: What plays, if that is known.

    Returns:
        A Gaussian over the gains in dB of the thirds of an octave that the rate has.
    """
    bands = int((octave_centres_hz(3) < HIGHEST_SHARE * sample_rate).sum())
    if role in VOICES:
        return voice_gains(bands)
    places = torch.arange(bands, dtype=torch.float64)
    near = torch.exp(-((places[:, None] - places) ** 2) / (2 * NEIGHBOURS**2))
    near = (1 - INDEPENDENT) * near + INDEPENDENT * torch.eye(bands)
    root = torch.linalg.cholesky(GAIN_SPREAD_DB**2 * near)
    return Prior(torch.zeros(bands), root.float())


def graphic_gains_db(own: Tensor, wanted: Tensor, believed: Prior) -> Tensor:
    """Find the gains of a graphic EQ with which spectra meet, as a prior allows.

    Args:
        own: Third-octave levels in dB at a loudness of 0, `(bands,)`.
        wanted: Those that are wanted.
        believed: What is believed of the gains, of as many bands or of fewer: the others, which a
            low sample rate does not have, stay at 0 dB.

    Returns:
        Gains in dB, `(bands,)`.
    """
    count, bands = len(believed.mean), len(own)
    heard = (is_heard(own) & is_heard(wanted))[:count]
    (sliders,) = GRAPHIC_EQ_31.params
    low, high = (torch.tensor(end).double()[:count] for end in (sliders.low, sliders.high))
    level_db = own[:count].double()
    goal = wanted[:count].double()
    # What no slider can bring there shall not bend its neighbours, nor make all others matter less.
    heard &= (goal - level_db).abs() < TOO_FAR * high

    def gains(z: Tensor) -> Tensor:
        return (believed.mean.to(z) + z @ believed.root.to(z).mT).clamp(low, high)

    def residual(z: Tensor) -> Tensor:
        level = at_one_loudness(level_db, gains(z))
        d = (level - goal)[..., heard]
        return torch.cat((_sized(d, EQ_WEIGHT), 0.5**0.5 * z), -1)

    with torch.no_grad():
        z = _least(residual, torch.zeros(1, count, dtype=torch.float64), -math.inf, math.inf)[0]
    return pad(gains(z), (0, bands - count)).float()


def at_one_loudness(level_db: Tensor, response_db: Tensor) -> Tensor:
    """Compute levels behind a filter, at the loudness of those in front of it.

    Args:
        level_db: Levels of bands in dB, `(*batch, bands)`.
        response_db: Gain of the filter in each band.

    Returns:
        Levels in dB.
    """
    k_weight = _loudness_weights(level_db.shape[-1]).to(level_db)
    power = k_weight * 10 ** (level_db / 10)
    louder_db = 10 * ((power * 10 ** (response_db / 10)).sum(-1) / power.sum(-1)).log10()
    return level_db + response_db - louder_db[..., None]


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def _loudness_weights(bands: int) -> Tensor:
    """How much the power of each third counts: the K-weighting of ITU-R BS.1770."""
    rate = 48_000.0  # the filter of which is the standard's own
    response = frequency_response(design_k_weighting(rate), octave_centres_hz(3)[:bands], rate)
    return response.abs().square()


def _sized(d_db: Tensor, weight: float) -> Tensor:
    """Differences whose sum of squares is their distance."""
    d = d_db / GROUPS["spectrum"].just_told
    squares = d.square().sum(-1, keepdim=True) + 1e-9
    return d * (weight * torch.log1p(squares / d.shape[-1]) / squares).sqrt()


def _least(residual: Residual, start: Tensor, low: float, high: float) -> Tensor:
    return levenberg_marquardt(
        by_differences(residual, low=low, high=high), start, low=low, high=high,
        damping=Damping(power=0.0, first=1e-2, tries=(0.1, 1.0, 10.0)), stop=Stop(STEPS),
    )  # fmt: skip


def with_equaliser(chain: Chain, own: Style, wanted: Style, sample_rate: float) -> Tensor:
    """Set the EQ of every start of a chain so that the spectra meet, as the prior allows.

    Args:
        chain: The chain.
        own: Style of the mix.
        wanted: Style that is wanted.
        sample_rate: In Hz.

    Returns:
        Controls of the starts, `(starts, n)`.
    """
    names = [p.name for p in chain.knobs.free for _ in range(p.size)]
    places = [i for i, name in enumerate(names) if name.startswith("parametric_eq.")]
    if not places:
        return chain.starts
    centres = octave_centres_hz(3)
    heard = is_heard(own["spectrum"]) & is_heard(wanted["spectrum"])
    heard &= centres < 0.5 * sample_rate
    bins = (centres * IMPULSE / sample_rate).round().long().clamp(1, IMPULSE // 2)
    impulse = torch.zeros(1, IMPULSE)
    impulse[:, 0] = 1.0

    def residual(eq: Tensor) -> Tensor:
        u = chain.starts[0].to(eq).expand(*eq.shape[:-1], -1).clone()
        u[..., places] = eq
        settings = {
            key.removeprefix("parametric_eq."): value
            for key, value in chain.knobs.settings(u).items()
            if key.startswith("parametric_eq.")
        }
        h = PARAMETRIC_EQ(impulse.expand(*eq.shape[:-1], -1, -1), sample_rate, **settings)
        response_db = gain_to_db(torch.fft.rfft(h[..., 0, :]).abs()[..., bins])
        level = at_one_loudness(own["spectrum"], response_db)
        d = (level - wanted["spectrum"])[..., heard]
        ways = chain.prior.ways(u)[..., places] * 0.5**0.5
        return torch.cat((_sized(d, GROUPS["spectrum"].weight), ways), -1)

    with torch.no_grad():
        found = _least(residual, chain.starts[:1, places], 0.0, 1.0)
    starts = chain.starts.clone()
    starts[:, places] = found
    return starts
