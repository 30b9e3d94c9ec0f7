"""Every descent of `fit` and `unmix` is the one solver: where it stands still, nothing moves."""

import torch

from dasp.estimation.fitting import stages
from dasp.estimation.fitting.excerpt import Excerpt
from dasp.estimation.fitting.knobs import free_knobs
from dasp.estimation.unmixing import compression, linear_strips, starts
from dasp.estimation.unmixing.cross_spectra import cross_spectra
from dasp.processors.catalogue import GAIN

RATE = 8000
DRAW = torch.Generator().manual_seed(0)
TRACKS = torch.randn(2, 1, 4000, dtype=torch.float64, generator=DRAW)
MIX = 0.5 * TRACKS.sum(0).expand(2, -1)


def stand_still(monkeypatch, module):
    """The sizes of the batches that a module hands to its solver, which returns what it gets."""
    handed = []

    def solver(objective, u, **options):
        equations = objective.equations(u)
        assert equations.matrix.shape[:-2] == equations.slope.shape[:-1] == u.shape[:-1]
        assert objective.error(u[None]).shape == (1, *u.shape[:-1])
        handed.append(tuple(u.shape))
        return u

    monkeypatch.setattr(module, "levenberg_marquardt", solver)
    return handed


def test_the_polish_of_a_chain(monkeypatch):
    handed = stand_still(monkeypatch, stages)
    dry = TRACKS[0].float()
    polish = stages.Stages(
        GAIN, free_knobs(GAIN, {}), RATE, "autodiff", None, DRAW, lambda *progress: None
    ).polish
    u = torch.tensor([[0.3]], dtype=torch.float64)
    assert polish(u, Excerpt(dry[None], 0.5 * dry, RATE, 1.0), goal=0.0).equal(u)
    assert handed == [(1, 1)]


def test_the_strips_of_all_tracks(monkeypatch):
    handed = stand_still(monkeypatch, linear_strips)
    strips = linear_strips.plain_strips(torch.ones(2, 2))
    found = linear_strips.fit_strips(cross_spectra(TRACKS, MIX, RATE), strips, ("gain", "eq"))
    torch.testing.assert_close(found.gains, strips.gains)
    torch.testing.assert_close(found.eq_freq_hz, strips.eq_freq_hz.clamp(max=0.45 * RATE))
    assert handed == [(44,)]


def test_the_starts_of_single_tracks(monkeypatch):
    handed = stand_still(monkeypatch, starts)
    strips = linear_strips.plain_strips(torch.ones(2, 2))
    spectra = cross_spectra(TRACKS, MIX, RATE)
    generator = torch.Generator().manual_seed(0)
    found = starts.begin_again(spectra, strips, ("gain",), generator).strips
    torch.testing.assert_close(found.gains, strips.gains)
    assert handed and all(shape[0] == 2 and shape[-1] == 22 for shape in handed)


def test_the_compressors_of_all_tracks(monkeypatch):
    handed = stand_still(monkeypatch, compression)
    controls = compression.first_controls(TRACKS)
    found = compression.fit_compressors(
        TRACKS, MIX, RATE, controls, lambda x: x.expand(-1, 2, -1), steps=3
    )
    assert found.equal(controls) and handed == [(8,)]
