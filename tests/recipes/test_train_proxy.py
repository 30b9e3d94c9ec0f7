import pytest
import torch

from dasp.audio_io import save_audio
from dasp.grad import load_proxy, with_gradient
from dasp.losses import multi_resolution_stft
from dasp.processors.catalogue import GAIN
from dasp.recipes.train_proxy import Config, build
from dasp.training import load_weights
from dasp.training.command import program

SMALL = ["--sample-rate=8000", "--width=4", "--window=256", "--items=16", "--processor=gain",
         "--warm-up-steps=6"]  # fmt: skip


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


def numbers(out: str) -> dict[str, float]:
    """The table that is printed."""
    rows = [line.rsplit(None, 1) for line in out.splitlines()]
    return {row[0]: float(row[1]) for row in rows if len(row) == 2 and "loss" not in row[0]}


def test_a_proxy_of_a_gain_can_be_followed(small, tmp_path, capsys):
    """On noise and settings that it has not seen, nearly in the true direction: up or down."""
    path = tmp_path / "gain.safetensors"
    arguments = ["--steps=60", f"--output={path}", *small]
    assert program("dasp.recipes.train_proxy", arguments) == 0
    results = numbers(capsys.readouterr().out)
    assert results["full_hybrid"] > 0.9
    assert results["finite_difference"] > 0.99
    network = load_proxy(path, GAIN, 8000)
    processor = with_gradient(GAIN, "full_hybrid", network=network)
    gain_db = torch.tensor([-20.0], requires_grad=True)
    x = 0.1 * torch.randn(1, 1, 2048)
    y = processor(x, 8000, gain_db=gain_db)
    multi_resolution_stft(y, x, fft_sizes=(256,)).backward()
    assert gain_db.grad < 0


def test_the_same_seed_trains_the_same_network(small, tmp_path):
    for name in "ab":
        arguments = ["--steps=3", "-o", f"{tmp_path}/{name}.safetensors", *small]
        program("dasp.recipes.train_proxy", arguments)
    one, other = (load_weights(tmp_path / f"{name}.safetensors") for name in "ab")
    assert all(torch.equal(other[name], weight) for name, weight in one.items())


def test_files_are_brought_to_one_rate(small):
    """The files have 8 kHz, and 2000 samples are all that there is at 4 kHz."""
    build(Config("gain", sample_rate=4000, window=2000, audio=(small[7],)))
    with pytest.raises(ValueError, match="window"):
        build(Config("gain", sample_rate=4000, window=2001, audio=(small[7],)))
