"""The least error of all responses whatever, against the same equations written out."""

import pytest
import torch

from dasp.estimation.unmixing.cross_spectra import cross_spectra
from dasp.estimation.unmixing.free_responses import free_responses
from dasp.signal.biquad import design_peak, frequency_response
from dasp.signal.iir import sosfilt

RATE = 22_050


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("channels", [1, 2])
def test_elimination_block_by_block_is_that_of_the_whole(channels, monkeypatch):
    monkeypatch.setattr("dasp.estimation.unmixing.free_responses.RIDGE", 1e-3)
    tracks, mix = noise(3, channels, 20_000), noise(2, 20_000, seed=1)
    spectra = cross_spectra(tracks, mix, RATE)
    n = len(spectra.freq_hz)
    none = torch.zeros_like(spectra.mix)
    H, weights = free_responses(spectra, none, torch.ones(3, dtype=torch.bool))
    for s in range(2):
        A = spectra.tracks[min(s, channels - 1)]
        whole = torch.zeros(3, n, 3, n, dtype=torch.complex128)
        for i in range(n):
            for j in range(max(0, i - 3), min(n, i + 4)):
                whole[:, i, :, j] = A[:, :, i, j - i + 3]
        whole = whole.reshape(3 * n, 3 * n)
        whole += 1e-3 * torch.diag(whole.diagonal())
        c = torch.linalg.solve(whole, spectra.mix[s].flatten()).view(3, n)
        torch.testing.assert_close(spectra.coefficients(H[s]), c, rtol=1e-6, atol=1e-7)
        known = 1 / torch.linalg.inv(whole).diagonal().real.view(3, n)
        torch.testing.assert_close(weights[s], known / spectra.power, rtol=1e-5, atol=1e-12)


def test_responses_are_found_whatever_the_other_tracks_do():
    """Of two equalisers on two sides, one of them with reversed polarity; the last track is
    not in the mix."""
    tracks = noise(3, 1, 60_000)
    sos = design_peak(torch.tensor([300.0, 2000.0]), RATE, gain_db=torch.tensor([9.0, -6.0]), q=1.5)
    shaped = sosfilt(tracks[:2], sos[:, None])[0]
    gains = torch.tensor([[1.0, 0.3], [-0.5, 0.8]], dtype=torch.float64)
    mix = (shaped * gains[..., None]).sum(0)
    spectra = cross_spectra(tracks, mix, RATE)
    H, weights = free_responses(
        spectra, torch.zeros_like(spectra.mix), torch.ones(3, dtype=torch.bool)
    )
    expected = torch.zeros_like(H)
    expected[:, :2] = gains.T[..., None] * frequency_response(sos, spectra.freq_hz, RATE)
    heard = spectra.freq_hz > 100
    assert (H - expected)[..., heard].abs().max() < 0.02
    error = (weights * (H - expected).abs().square()).sum((0, -1))
    assert error.max() < 1e-4 and error[2] < 1e-5


def test_what_a_track_shares_with_another_has_no_weight():
    tracks = noise(2, 1, 30_000)
    same = torch.cat((tracks[:1], tracks[:1], tracks[1:]))
    spectra = cross_spectra(same, same.sum(0).expand(2, -1), RATE)
    _, weights = free_responses(
        spectra, torch.zeros_like(spectra.mix), torch.ones(3, dtype=torch.bool)
    )
    weights = weights.sum((0, -1))
    assert weights[:2].max() < 1e-4 * weights[2]


def test_a_track_that_is_not_there_stays_as_it_is():
    tracks = noise(2, 1, 30_000)
    spectra = cross_spectra(tracks, tracks.sum(0).expand(2, -1), RATE)
    H, weights = free_responses(spectra, torch.zeros_like(spectra.mix), torch.tensor([True, False]))
    assert H[:, 1].abs().max() == 0 and weights[:, 1].max() == 0
    assert weights[:, 0].min() > 0
