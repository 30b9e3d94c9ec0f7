"""Fits against NumPy's and SciPy's solvers on written-out matrices, and against known mixes."""

import numpy as np
import pytest
import scipy.optimize
import torch

from dasp.audio_io import load_audio
from dasp.estimation.least_squares import fit_filters
from dasp.estimation.normal_equations import normal_equations


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def written_out(tracks, taps, lead=0):
    """One column for each track and tap: the track that much later, with zeros before it."""
    columns = []
    for track in tracks.numpy():
        for delay in range(-lead, taps - lead):
            column = np.zeros_like(track)
            if delay < 0:
                column[:delay] = track[-delay:]
            else:
                column[delay:] = track[: len(track) - delay]
            columns.append(column)
    return np.stack(columns, -1)


@pytest.mark.parametrize("taps, lead", [(1, 0), (2, 0), (2, 1), (7, 3), (30, 0), (30, 29)])
@pytest.mark.parametrize("time", [60, 5000])
def test_the_filters_are_those_of_lstsq(taps, lead, time):
    if 3 * taps > time:
        pytest.skip("more unknowns than samples")
    tracks, mix = noise(3, time), noise(2, time, seed=1)
    fit = fit_filters(tracks, mix, taps=taps, lead_samples=lead, ridge=0.0)
    matrix = written_out(tracks, taps, lead)
    expected = np.linalg.lstsq(matrix, mix.numpy().T, rcond=None)[0].T.reshape(2, 3, taps)
    np.testing.assert_allclose(fit.filters.transpose(0, 1).numpy(), expected, rtol=1e-6, atol=1e-9)
    reconstruction = fit.images(tracks[:, None]).sum(0)
    np.testing.assert_allclose(
        reconstruction.numpy(), (matrix @ expected.reshape(2, -1).T).T, atol=1e-8
    )


@pytest.mark.parametrize("taps", [1, 5, 40])
def test_the_equations_are_the_products_of_the_written_out_matrix(taps):
    """Also where the signal is longer than many blocks of the correlation."""
    time = 300_000 if taps == 5 else 500
    tracks, targets = noise(3, time + taps - 1), noise(2, time, seed=1)
    gram, moment = normal_equations(tracks, targets, taps)
    late = tracks.unfold(-1, taps, 1).flip(-1)  # (tracks, time, taps)
    matrix = late.movedim(1, 0).reshape(time, -1)
    torch.testing.assert_close(gram.reshape(3 * taps, -1), matrix.T @ matrix, rtol=1e-10, atol=1e-7)
    torch.testing.assert_close(moment.reshape(2, -1), targets @ matrix, rtol=1e-10, atol=1e-7)


def test_the_sides_of_stereo_tracks_go_to_their_sides():
    tracks, mix = noise(3, 2, 400), noise(2, 400, seed=1)
    fit = fit_filters(tracks, mix, taps=4, ridge=0.0)
    for c in (0, 1):
        expected = np.linalg.lstsq(written_out(tracks[:, c], 4), mix[c].numpy(), rcond=None)[0]
        np.testing.assert_allclose(fit.filters[:, c].reshape(-1).numpy(), expected, rtol=1e-8)


def test_non_negative_gains_are_those_of_nnls():
    tracks = noise(6, 500)
    mix = torch.tensor([[1.0, -0.5, 0.0, 2.0, -1.0, 0.3], [-0.2, 1.0, 1.0, 0.0, -3.0, 0.1]],
                       dtype=torch.float64) @ tracks + noise(2, 500, seed=1)  # fmt: skip
    fit = fit_filters(tracks, mix, ridge=0.0, non_negative=True)
    for c in (0, 1):
        expected, _ = scipy.optimize.nnls(tracks.numpy().T, mix[c].numpy())
        np.testing.assert_allclose(fit.filters[:, c, 0].numpy(), expected, atol=1e-10)
    assert (fit.filters == 0).any()


def test_the_ridge_is_that_of_a_longer_matrix():
    """|A g - y|^2 + ridge sum |x_k|^2 g_k^2, as if each track went on with so much more."""
    tracks, mix = noise(3, 200) * torch.tensor([[1.0], [10.0], [0.1]]), noise(2, 200, seed=1)
    fit = fit_filters(tracks, mix, ridge=0.25)
    powers = tracks.square().sum(-1).numpy()
    matrix = np.concatenate((tracks.numpy().T, np.diag(np.sqrt(0.25 * powers))))
    longer = np.concatenate((mix.numpy().T, np.zeros((3, 2))))
    expected = np.linalg.lstsq(matrix, longer, rcond=None)[0]
    np.testing.assert_allclose(fit.filters[:, :, 0].numpy(), expected, rtol=1e-8)


def test_the_condition_number_is_that_of_tracks_of_equal_power():
    tracks = noise(3, 400)
    tracks[2] = 1000 * (tracks[0] + 0.01 * tracks[2])
    fit = fit_filters(tracks, noise(2, 400, seed=1), ridge=0.0)
    unit = (tracks / tracks.norm(dim=-1, keepdim=True)).numpy()
    expected = np.linalg.cond(unit @ unit.T, 1)
    assert fit.condition == pytest.approx(expected, rel=0.05)
    assert fit.condition > 1e4


def test_a_silent_track_gets_nothing():
    tracks = noise(3, 400)
    tracks[1] = 0
    gains = torch.tensor([[0.5, 0.2], [3.0, 1.0], [0.1, 0.9]], dtype=torch.float64)
    mix = gains.T @ tracks
    fit = fit_filters(tracks, mix, taps=3)
    expected = torch.zeros(3, 2, 3, dtype=torch.float64)
    expected[:, :, 0] = gains * torch.tensor([[1.0], [0.0], [1.0]])
    torch.testing.assert_close(fit.filters, expected, atol=1e-6, rtol=0)


def test_a_silent_mix_has_no_gains():
    fit = fit_filters(noise(3, 400), torch.zeros(2, 400), taps=3)
    assert fit.filters.abs().max() == 0


def test_equal_tracks_share_their_part():
    """What no one can tell apart: the ridge gives each half of it."""
    one = noise(1, 400)
    fit = fit_filters(one.repeat(2, 1), 3 * one.repeat(2, 1), ridge=1e-6)
    torch.testing.assert_close(fit.filters, torch.full((2, 2, 1), 1.5, dtype=torch.float64),
                               rtol=1e-3, atol=0)  # fmt: skip
    assert fit.condition > 1e5


def test_what_does_not_fit_is_refused():
    tracks, mix = torch.randn(3, 100), torch.randn(2, 100)
    with pytest.raises(ValueError, match=r"mix: expected shape \(2, 100\)"):
        fit_filters(tracks, torch.randn(2, 99))
    with pytest.raises(ValueError, match="mix: expected 2 channels, got 1"):
        fit_filters(tracks, mix[:1])
    with pytest.raises(ValueError, match="15000 unknowns, over the limit of 12000"):
        fit_filters(tracks, mix, taps=5000)
    with pytest.raises(ValueError, match="tracks: expected shape"):
        fit_filters(torch.randn(2, 3, 100), mix)
    with pytest.raises(ValueError, match="lead_samples: expected at least 0 and at most 1"):
        fit_filters(tracks, mix, taps=2, lead_samples=2)
    with pytest.raises(ValueError, match="some are the same"):
        fit_filters(torch.ones(2, 100), mix, ridge=0.0)


@pytest.mark.parametrize(
    "taps, dry_db, wet_db", [(1, 18.5, 15.4), (2, 28.4, 19.5), (64, 46.0, 21.0)]
)
def test_a_recorded_drum_kit_is_explained_as_far_as_is_known(shared_data, taps, dry_db, wet_db):
    folder = shared_data / "drums_enst066"
    tracks = torch.stack([load_audio(f)[0] for f in sorted((folder / "tracks").iterdir())])
    for kind, expected_db in (("dry", dry_db), ("wet", wet_db)):
        mix, _ = load_audio(folder / f"human_{kind}_mix.flac")
        error = fit_filters(tracks, mix, taps=taps).images(tracks).sum(0) - mix
        sdr_db = 10 * torch.log10(mix.square().sum() / error.square().sum())
        assert sdr_db.item() == pytest.approx(expected_db, abs=0.06)
