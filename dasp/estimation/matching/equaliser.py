"""A first EQ without any audio: by least squares on third-octave levels."""

import torch
from torch import Tensor

from dasp.analysis.spectral import octave_centres_hz
from dasp.estimation.differences import by_differences
from dasp.estimation.levenberg_marquardt import Damping, Stop, levenberg_marquardt
from dasp.estimation.matching.mastering import Chain
from dasp.estimation.matching.style import GROUPS, HEARD_DB, Style
from dasp.processors.catalogue import PARAMETRIC_EQ
from dasp.units import gain_to_db

IMPULSE = 8192
"""Samples in which an EQ rings off."""

STEPS = 30


def with_equaliser(chain: Chain, own: Style, wanted: Style, sample_rate: float) -> Tensor:
    """Set the EQ of every start of a chain so that the spectra meet, as the prior allows.

    In decibels a linear filter adds its response to the levels of the bands. With these differences
    d and their distance D = w ln(1 + mean d²), the residuals d √(D / |d|²) have D as their sum of
    squares.

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
    group, centres = GROUPS["spectrum"], octave_centres_hz(3)
    heard = (own["spectrum"] > own["spectrum"].amax() - HEARD_DB + 1) & (
        wanted["spectrum"] > wanted["spectrum"].amax() - HEARD_DB + 1
    )
    heard &= centres < 0.5 * sample_rate
    bins = (centres * IMPULSE / sample_rate).round().long().clamp(1, IMPULSE // 2)
    impulse = torch.zeros(1, IMPULSE)
    impulse[:, 0] = 1.0
    power = 10 ** (own["spectrum"] / 10)

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
        louder_db = 10 * ((power * 10 ** (response_db / 10)).sum(-1) / power.sum(-1)).log10()
        level = own["spectrum"] + response_db - louder_db[..., None]
        d = ((level - wanted["spectrum"]) / group.just_told)[..., heard]
        squares = d.square().sum(-1, keepdim=True) + 1e-9
        size = (group.weight * torch.log1p(squares / d.shape[-1]) / squares).sqrt()
        ways = chain.prior.ways(u)[..., places] * 0.5**0.5
        return torch.cat((d * size, ways), -1)

    with torch.no_grad():
        found = levenberg_marquardt(
            by_differences(residual, low=0.0, high=1.0),
            chain.starts[:1, places], low=0.0, high=1.0,
            damping=Damping(power=0.0, first=1e-2, tries=(0.1, 1.0, 10.0)), stop=Stop(STEPS),
        )  # fmt: skip
    starts = chain.starts.clone()
    starts[:, places] = found
    return starts
