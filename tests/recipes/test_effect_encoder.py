"""The effect encoder's recipe: what a pair is, how it is varied, and that it learns."""

import math

import pytest
import torch

from dasp.controllers.console.features import BANDS
from dasp.controllers.style.embedding import embed, load_encoder
from dasp.controllers.style.features import CHANNELS
from dasp.controllers.style.network import Size
from dasp.recipes import effect_encoder as recipe
from dasp.recipes.effect_encoder import TEMPERATURE, Config, Pairs, nt_xent
from dasp.training import Training, train

TINY = Size(channels=(8,), kernels=(3,), strides=(2,), hidden=16, embedding=8)
FRAMES = 12


def fake_board(pieces=3, settings=4):
    """In the first band the number of the setting, in the second that of the piece, as 40ths."""
    board = torch.zeros(5, pieces, settings, CHANNELS, FRAMES, dtype=torch.int8)
    board[..., 0, :] = 10 * torch.arange(settings, dtype=torch.int8)[:, None]
    board[..., 1, :] = 10 * torch.arange(pieces, dtype=torch.int8)[:, None, None]
    return board


def unvaried(monkeypatch):
    monkeypatch.setattr(recipe, "TILT", 0.0)
    monkeypatch.setattr(recipe, "LEVEL", 0.0)
    monkeypatch.setattr(recipe, "CONTENT_TILT", 0.0)


def test_a_pair_is_two_contents_under_the_same_settings(monkeypatch):
    unvaried(monkeypatch)
    for seed in range(10):
        one, other = Pairs([fake_board()], Config())(torch.Generator().manual_seed(seed))
        torch.testing.assert_close(one[:, 0], other[:, 0])
        assert sorted(one[:, 0, 0].tolist()) == [0.0, 0.25, 0.5, 0.75]
        pieces = {one[0, 1, 0].item(), other[0, 1, 0].item()}
        assert len(pieces) == 2 and (one[:, 1] == one[0, 1]).all()


def test_a_standard_pair_is_two_parts_of_one_recording(monkeypatch):
    unvaried(monkeypatch)
    draw = Pairs([fake_board()], Config(pairs="standard"))
    one, other = draw(torch.Generator().manual_seed(0))
    torch.testing.assert_close(one, other)  # these do not move
    assert one.shape == (4, CHANNELS, FRAMES // 2)


def test_settings_vary_alike_for_both_contents(monkeypatch):
    monkeypatch.setattr(recipe, "CONTENT_TILT", 0.0)
    one, other = Pairs([fake_board()], Config())(torch.Generator().manual_seed(1))
    rest = slice(2, None)
    torch.testing.assert_close(one[:, rest], other[:, rest])
    assert (one[0, 2:BANDS] - one[1, 2:BANDS]).abs().max() > 0.05
    assert (one[:, BANDS : 2 * BANDS] == 0).all()  # width is no matter of level


def test_kinds_that_do_not_play_are_passed_over():
    board = fake_board()
    board[1:, 1:] = -128  # one piece has stems
    for seed in range(20):
        pair = Pairs([board], Config())(torch.Generator().manual_seed(seed))
        assert not pair.one.isnan().any() and not pair.other.isnan().any()


def test_the_surprise_is_that_of_the_paper_written_out():
    draw = torch.Generator().manual_seed(0)
    z = torch.randn(6, 5, generator=draw, dtype=torch.float64)
    z = z / z.norm(dim=-1, keepdim=True)
    total = 0.0
    for i in range(6):
        partner = (i + 3) % 6
        like = [math.exp(float(z[i] @ z[j]) / TEMPERATURE) for j in range(6)]
        total -= math.log(like[partner] / (sum(like) - like[i]))
    assert nt_xent(z[:3], z[3:]).item() == pytest.approx(total / 6)


def test_it_learns_keeps_its_weights_in_half_the_bytes_and_they_are_read(tmp_path, monkeypatch):
    unvaried(monkeypatch)
    boards = {True: [fake_board(), fake_board()], False: [fake_board()]}
    monkeypatch.setattr(recipe.Boards, "all", lambda self, seeds: boards[len(seeds) == 2])
    training = Training(steps=60, batch_size=2, learning_rate=1e-2, validate_every=20)
    config = Config(size=TINY, boards=2, unseen_boards=1, training=training)
    task = recipe.build(config)
    train(task, training, tmp_path)
    encoder = load_encoder(tmp_path / "weights.safetensors")
    assert encoder.size == TINY
    found = task.measure(encoder)
    assert found["mixes"]["first of one piece"] > 0.9
    assert embed(torch.randn(2, 8000), 8000, encoder=encoder).shape == (8,)
    bytes_of = (tmp_path / "weights.safetensors").stat().st_size
    assert bytes_of < 2.2 * sum(x.numel() for x in encoder.state_dict().values()) + 8000


def test_other_files_are_refused(tmp_path):
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"x\.safetensors: not a safetensors file"):
        load_encoder(file)
    from dasp.controllers.console.mix import WEIGHTS

    with pytest.raises(ValueError, match="expected weights of the recipe effect_encoder"):
        load_encoder(WEIGHTS)
