import pytest
import torch

from dasp.audio_io import save_audio
from dasp.data.synthetic import synthesise_song
from dasp.grad import load_proxy, with_gradient
from dasp.losses import multi_resolution_stft
from dasp.processors.catalogue import COMPRESSOR, GAIN
from dasp.recipes.train_proxy import Draw, change_loss, main, output_loss, recordings

SMALL = ["--sample-rate=8000", "--width=4", "--window=256", "--batch=8", "--items=16"]


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> list[str]:
    """Arguments of a small network, and two files of noise: to train on, and unseen."""
    arguments = list(SMALL)
    for seed, option in enumerate(("--audio", "--unseen-audio")):
        path = tmp_path_factory.mktemp("audio") / f"noise_{seed}.wav"
        noise = torch.randn(2, 4000, generator=torch.Generator().manual_seed(seed))
        save_audio(path, 0.1 * noise, 8000)
        arguments += [option, str(path)]
    return arguments


def test_a_proxy_of_a_gain_can_be_followed(small, tmp_path):
    """On noise and settings that it has not seen, nearly in the true direction: up or down."""
    path = tmp_path / "gain.safetensors"
    results = main(["--processor=gain", "--steps=60", f"--output={path}", *small])
    assert results["full_hybrid"] > 0.9
    assert results["finite_difference"] > 0.99
    network = load_proxy(path, GAIN, 8000)
    processor = with_gradient(GAIN, "full_hybrid", network=network)
    gain_db = torch.tensor([-20.0], requires_grad=True)
    x = 0.1 * torch.randn(1, 1, 2048)
    y = processor(x, 8000, gain_db=gain_db)
    multi_resolution_stft(y, x, fft_sizes=(256,)).backward()
    assert gain_db.grad < 0


def test_the_same_seed_trains_the_same_network(small):
    arguments = ["--processor=gain", "--steps=3", *small]
    first, again = main(arguments), main(arguments)
    assert {**first, "CPU time (s)": 0} == {**again, "CPU time (s)": 0}


def test_losses_are_zero_for_equal_outputs_alone():
    y = torch.randn(6, 1, 2048)
    assert output_loss(y, y) == 0
    assert change_loss(y, y) < 2e-3
    # Adding one sound to both of a pair is no error of the change; doubling both is one of 100 %.
    added = torch.randn(3, 1, 2048).repeat(2, 1, 1)
    assert change_loss(y + added, y) < 2e-3
    torch.testing.assert_close(change_loss(2 * y, y), torch.tensor(1.0), rtol=1e-3, atol=0)


@pytest.mark.parametrize("span", [0.5, 1.0])
def test_controls_fill_the_middle_of_their_ranges(span):
    draw = Draw([torch.randn(500)], 100, span, seed=0)
    controls = draw.controls(4000, COMPRESSOR)
    assert controls.min() >= 0.5 - span / 2 and controls.max() <= 0.5 + span / 2
    torch.testing.assert_close(controls.mean(), torch.tensor(0.5), atol=0.01, rtol=0)
    torch.testing.assert_close(controls.std(), torch.tensor(span / 12**0.5), atol=0.01, rtol=0)
    changed = (draw.changed(controls, COMPRESSOR) != controls).float().mean()
    torch.testing.assert_close(changed, torch.tensor(0.3), atol=0.02, rtol=0)


def test_windows_peak_between_the_two_levels():
    x = Draw([torch.randn(500)], 100, 1.0, seed=0).audio(200)
    peaks_db = 20 * x.abs().amax((1, 2)).log10()
    assert x.shape == (200, 1, 100)
    assert peaks_db.min() >= -24 and peaks_db.max() <= 1e-4
    assert peaks_db.max() - peaks_db.min() > 20


def test_recordings_are_channels_at_one_rate(small):
    """Of a file, brought to the rate; without files, of the songs."""
    left, right = recordings(small[6:7], range(0), 4000)
    assert len(left) == len(right) == 2000
    song = synthesise_song(0, seconds=8.0, sample_rate=2000)
    made = recordings([], range(1), 2000)
    assert len(made) == sum(len(track) for track in song.values())
    assert torch.equal(made[0], song["kick"][0])
