import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from dasp.training import latest, load_weights
from dasp.training.checkpoint import restore, save, state_of
from dasp.training.ema import averaged_copy


class Tied(torch.nn.Module):
    """Two names for one weight, a buffer, and a tensor that is not contiguous."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(3, 3)
        self.b = torch.nn.Linear(3, 3)
        self.b.weight = self.a.weight
        self.norm = torch.nn.BatchNorm1d(3)
        self.turned = torch.nn.Parameter(torch.randn(4, 3).T)

    def forward(self, x):
        return self.norm(self.b(self.a(x))) @ self.turned


def _trained(steps):
    model = Tied()
    average = averaged_copy(model)
    optimiser = torch.optim.Adam(model.parameters())
    for _ in range(steps):
        optimiser.zero_grad()
        model(torch.randn(5, 3)).square().sum().backward()
        optimiser.step()
    return model, average, optimiser


def _save(folder, step, keep=2):
    save(folder, {"x": torch.full((3,), float(step))}, {"step": step}, keep)


def test_what_was_saved_is_restored_to_the_last_bit(tmp_path):
    state = _trained(3)
    save(tmp_path, state_of(*state), {"step": 3, "loss": 0.1}, keep=2)
    found = latest(tmp_path)
    assert found.facts == {"step": 3, "loss": 0.1}
    other = _trained(0)
    restore(found.tensors, *other)
    ours, theirs = state_of(*state), state_of(*other)
    assert ours.keys() == theirs.keys() and any(".exp_avg_sq" in name for name in ours)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert other[0].b.weight is other[0].a.weight


def test_a_state_of_another_model_is_refused():
    model, average, optimiser = _trained(1)
    tensors = state_of(model, average, optimiser)
    with pytest.raises(ValueError, match="ema_decay"):
        restore(tensors, model, model, optimiser)
    tensors["model.a.weight"] = torch.zeros(1)
    with pytest.raises(ValueError, match="of another model"):
        restore(tensors, model, average, optimiser)


def test_the_newest_are_kept(tmp_path):
    for step in (0, 5, 10, 15):
        _save(tmp_path, step)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"step-{n:08d}.{s}" for n in (10, 15) for s in ("json", "safetensors")]
    assert latest(tmp_path).facts["step"] == 15
    assert latest(tmp_path / "nowhere") is None


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "a bit": _flip,
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "nothing left": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "another": lambda path: path.write_bytes(path.with_stem("step-00000001").read_bytes()),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_one_gives_way_to_the_one_before_loudly(tmp_path, damage, suffix):
    _save(tmp_path, 1)
    _save(tmp_path, 2)
    DAMAGE[damage]((tmp_path / "step-00000002").with_suffix(suffix))
    with pytest.warns(RuntimeWarning, match="step-00000002.json: A DAMAGED CHECKPOINT"):
        found = latest(tmp_path)
    assert found.facts["step"] == 1 and found.tensors["x"].tolist() == [1.0] * 3


def test_tensors_without_facts_are_no_checkpoint(tmp_path):
    """So it is when a program was killed between the two."""
    _save(tmp_path, 1)
    _save(tmp_path, 2)
    (tmp_path / "step-00000002.json").unlink()
    assert latest(tmp_path).facts["step"] == 1


def test_where_all_are_damaged_nothing_begins_anew(tmp_path):
    for step in (1, 2):
        _save(tmp_path, step)
        (tmp_path / f"step-{step:08d}.safetensors").unlink()
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(ValueError, match="every checkpoint is damaged"),
    ):
        latest(tmp_path)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin"])
def test_a_pickle_is_trusted_only_on_request_and_only_for_tensors(tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    torch.save({"x": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="--trust-pickle"):
        load_weights(path)
    assert load_weights(path, trust_pickle=True)["x"].tolist() == [1, 1]
    for bomb in (pickle.dumps(Bomb(tmp_path / "exploded"), protocol=2), b"", b"no pickle"):
        path.write_bytes(bomb)
        with pytest.raises(ValueError, match="weights"):
            load_weights(path, trust_pickle=True)
    torch.save({"x": Bomb(tmp_path / "exploded")}, path)
    with pytest.raises(ValueError, match="more than tensors"):
        load_weights(path, trust_pickle=True)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="a dictionary of tensors"):
        load_weights(path, trust_pickle=True)
    assert not (tmp_path / "exploded").exists()


def test_a_pickle_under_another_name_is_not_unpickled(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_weights(path, trust_pickle=True)
    assert not (tmp_path / "exploded").exists()
    save_file({"x": torch.ones(2)}, path)
    assert load_weights(path)["x"].tolist() == [1, 1]
