"""The auto-encoders' recipe: what is held out, layers one after the other, and that it learns."""

from dataclasses import replace

import pytest
import torch

from dasp.controllers.dae.network import Networks, Size
from dasp.controllers.dae.system import load_trained
from dasp.recipes import dae as recipe
from dasp.recipes.dae import (
    UNSEEN,
    Config,
    Frames,
    Pairs,
    in_16_bits,
    made_takes,
    measured,
    pretrain,
    spectral_errors,
)
from dasp.songs.stem_pairs import PITCHES_CENTS, Pair
from dasp.training import Training, train

RATE = 44_100
TINY = Size(fft_size=128, hidden=48, dropout=0.0)


def pairs(count, seed, seconds=1.0):
    """Notes, and the same through an EQ that halves what is low and doubles what is high."""
    draw = torch.Generator().manual_seed(seed)
    t = torch.arange(round(seconds * RATE)) / RATE
    versions = []
    for _ in range(count):
        low, high = 500 + 1000 * torch.rand(2, generator=draw)
        parts = torch.sin(6.2832 * low * t), 0.5 * torch.sin(6.2832 * 8 * high * t)
        pair = Pair(parts[0] + parts[1], 0.5 * parts[0] + 2 * parts[1])
        versions.append({"bass": Pair(*(10 * x / x.square().mean().sqrt() for x in pair))})
    takes = in_16_bits(versions)
    stored = (recipe.Takes(takes[f"bass.{k}"], takes[f"bass.{k}.peak"]) for k in ("raw", "stem"))
    return {"bass": Pairs(*stored)}


@pytest.fixture
def config(monkeypatch):
    asked = []

    def made(seeds, config, cents):
        asked.append((seeds, tuple(cents)))
        return pairs(8 * len(seeds), seeds[0])

    monkeypatch.setattr(recipe, "made_takes", made)
    training = Training(steps=120, batch_size=1, learning_rate=3e-3, validate_every=60)
    own = Config(size=TINY, groups=("bass",), songs=4, unseen_songs=2, pitches_cents=(0.0, 50.0),
                 frames=64, pretraining_steps=10, training=training)  # fmt: skip
    return own, asked


def test_songs_to_judge_by_are_others_and_are_in_their_own_key_alone(config):
    own, asked = config
    recipe.build(replace(own, pretraining_steps=0))
    assert asked == [(range(4), (0.0, 50.0)), (range(UNSEEN, UNSEEN + 2), (0.0,))]
    assert Config().pitches_cents == PITCHES_CENTS


def test_every_song_gives_a_segment_in_every_key(tmp_path):
    """Of the length that is asked for, in 16 bits, and the same from the cache."""
    own = Config(groups=("bass",), seconds=1.0, cache=str(tmp_path))
    first = made_takes(range(2), own, (50.0, 0.0, -50.0))["bass"]
    assert first.raw.samples.shape == first.stem.samples.shape == (6, RATE)
    assert first.raw.samples.dtype == torch.int16 and len(list(tmp_path.iterdir())) == 2
    again = made_takes(range(2), own, (50.0, 0.0, -50.0))["bass"]
    assert torch.equal(again.raw.samples, first.raw.samples)
    assert torch.equal(again.stem.peak, first.stem.peak)


def test_16_bits_keep_the_audio_and_frames_are_cut_out_of_it():
    x = torch.sin(0.3 * torch.arange(4000))
    takes = in_16_bits([{"bass": Pair(3 * x, 0.1 * x)}])
    own = Pairs(*(recipe.Takes(takes[f"bass.{k}"], takes[f"bass.{k}.peak"])
                  for k in ("raw", "stem")))  # fmt: skip
    [(raw, stem)] = own.each()
    torch.testing.assert_close(raw, 3 * x, atol=1e-4, rtol=0)
    torch.testing.assert_close(stem, 0.1 * x, atol=1e-5, rtol=0)
    drawn = Frames({"bass": own}, fft_size=256, count=5)(torch.Generator().manual_seed(0))
    raw, stem = drawn["bass"]
    assert raw.shape == stem.shape == (5, 129)
    torch.testing.assert_close(raw, 30 * stem, atol=1e-2, rtol=1e-2)
    # A sine of amplitude 3 in a Hann window: half its sum, at the bin of the sine.
    assert raw[:, 12].mean().item() == pytest.approx(3 * 64 / (96**0.5), rel=0.05)


def test_pretraining_moves_one_layer_and_leaves_all_others(config):
    own, _ = config
    torch.manual_seed(0)
    networks = Networks(("bass",), TINY)
    frames = Frames(pairs(4, 0), TINY.fft_size, 64)
    before = {name: w.clone() for name, w in networks.state_dict().items()}
    pretrain(networks, 2, frames, own)
    moved = {n for n, w in networks.state_dict().items() if not torch.equal(w, before[n])}
    assert moved == {"each.0.hidden.1.weight", "each.0.hidden.1.bias"}


@pytest.mark.parametrize("form", ["spectrum", "gain"])
def test_it_learns_and_its_weights_are_read(form, config, tmp_path):
    own, _ = config
    own = replace(own, size=replace(TINY, form=form))
    torch.manual_seed(0)
    task = recipe.build(own)
    assert all(weight.requires_grad for weight in task.model.parameters())
    [batch] = task.validation
    before = task.loss(task.model.eval(), batch).item()
    train(task, own.training, tmp_path)
    networks = load_trained(tmp_path / "weights.safetensors")
    assert networks.size == own.size and list(networks.groups) == ["bass"]
    errors = task.measure(networks)
    assert list(errors) == ["raw", "network", "static EQ", "EQ of the song"]
    assert errors["network"].keys() == {"bass: spectrum", "bass: log_spectrum_db"}
    assert task.loss(networks, batch).item() < 0.7 * before


def test_errors_of_known_outputs():
    """Half of the energy of two tones is missing: of a stem itself nothing is."""
    [(raw, stem)] = pairs(1, 3)["bass"].each()
    assert spectral_errors(stem, stem) == pytest.approx((0, 0), abs=1e-3)
    assert spectral_errors(0.1 * stem, stem) == pytest.approx((0, 0), abs=1e-3)
    away = spectral_errors(raw, stem)
    assert away.spectrum > 0.1 and away.log_spectrum_db > 0.1


def test_equalisers_undo_what_an_equaliser_has_done():
    """One learnt from other pairs too, since all went through the same."""
    seen, unseen = pairs(40, 1)["bass"], pairs(3, 2)["bass"]
    found = measured({"as it is": lambda x: x}, seen, unseen)
    assert found["as it is"] == found["raw"]
    assert found["EQ of the song"].spectrum < 0.2 * found["raw"].spectrum


@pytest.mark.parametrize("wrong", [{"groups": ("drums",)}, {"groups": ()}, {"songs": 0},
                                   {"pitches_cents": ()}, {"pretraining_steps": -1}])  # fmt: skip
def test_what_has_no_meaning_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Config(**wrong)
