"""Forests as arrays: what they say beside a walk through each tree, and beside scikit-learn."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dasp.controllers.forest.trees import Forest, from_sklearn, load_forest, save_forest


def _grown(depth: int, draw: torch.Generator, features: int = 3, outputs: int = 2):
    """A random tree as nested tuples (feature, threshold, left, right), or a list at a leaf."""
    if depth == 0 or torch.rand((), generator=draw) < 0.2:
        return torch.randn(outputs, generator=draw).tolist()
    feature = int(torch.randint(features, (), generator=draw))
    threshold = torch.randn((), generator=draw).item()
    return (feature, threshold, _grown(depth - 1, draw), _grown(depth - 1, draw))


def _walk(tree, x: list[float]) -> list[float]:
    while isinstance(tree, tuple):
        feature, threshold, left, right = tree
        tree = left if x[feature] <= threshold else right
    return tree


def _as_arrays(trees) -> Forest:
    roots, feature, threshold, children, value = [], [], [], [], []

    def add(tree) -> int:
        me = len(feature)
        feature.append(0)
        threshold.append(0.0)
        children.append([me, me])
        if isinstance(tree, list):
            value.append(tree)
            return me
        feature[me], threshold[me] = tree[:2]
        children[me] = [add(tree[2]), add(tree[3])]
        return me

    for tree in trees:
        roots.append(add(tree))
    tensors = map(torch.tensor, (roots, feature, threshold, children, value))
    return Forest(*tensors)


@pytest.fixture
def trees():
    draw = torch.Generator().manual_seed(1)
    return [_grown(6, draw) for _ in range(5)]


def test_a_forest_says_the_mean_of_its_trees(trees):
    x = torch.randn(200, 3)
    said = _as_arrays(trees)(x)
    by_hand = torch.tensor([[_walk(tree, row) for tree in trees] for row in x.tolist()]).mean(1)
    torch.testing.assert_close(said, by_hand, rtol=0, atol=1e-6)


def test_a_feature_at_the_threshold_goes_left_and_no_number_goes_right():
    stump = _as_arrays([(0, 0.5, [1.0], [2.0])])
    x = torch.tensor([[0.5], [0.50001], [-torch.inf], [torch.nan]])
    assert stump(x)[:, 0].tolist() == [1.0, 2.0, 1.0, 2.0]


def test_a_file_holds_the_forest_in_float32(trees, tmp_path):
    forest, x = _as_arrays(trees), torch.randn(50, 3)
    save_forest(tmp_path / "forest.safetensors", forest)
    again = load_forest(tmp_path / "forest.safetensors")
    assert again.value.dtype == torch.float32
    assert torch.equal(again(x), forest(x))


def test_a_file_of_something_else_is_refused(tmp_path):
    save_file({"roots": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="expected a forest in the format dasp-forest-1"):
        load_forest(tmp_path / "other.safetensors")


@pytest.fixture(scope="module")
def fitted():
    ensemble = pytest.importorskip(
        "sklearn.ensemble", reason="scikit-learn, the extra 'forest', is not installed"
    )
    random = np.random.default_rng(0)
    # A coarse grid: thresholds fall between neighbours, where float32 and float64 could differ.
    x = random.integers(0, 50, (400, 6)) * 0.1
    y = np.stack([x[:, 0] * x[:, 1], np.sin(x[:, 2])], -1) + 0.1 * random.normal(size=(400, 2))
    grown = ensemble.RandomForestRegressor(20, min_samples_leaf=2, random_state=0).fit(x, y)
    return grown, np.concatenate([x, random.uniform(-1, 6, (1000, 6))])


def test_an_exported_forest_equals_scikit_learn(fitted):
    grown, x = fitted
    said = from_sklearn(grown)(torch.from_numpy(x))
    np.testing.assert_allclose(said.numpy(), grown.predict(x), rtol=0, atol=1e-9)


def test_features_on_the_very_thresholds_fall_to_the_same_side(fitted):
    grown, _ = fitted
    thresholds = np.concatenate([tree.tree_.threshold for tree in grown.estimators_])
    near = thresholds.astype(np.float32)
    x = np.stack([near, np.nextafter(near, np.float32(9)), np.nextafter(near, np.float32(-9))])
    x = np.repeat(x.reshape(-1, 1), 6, 1)
    said = from_sklearn(grown)(torch.from_numpy(x))
    np.testing.assert_allclose(said.numpy(), grown.predict(x), rtol=0, atol=1e-9)
