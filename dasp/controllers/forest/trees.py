"""A forest of regression trees as plain arrays: what is left of it when it has been trained.

It is grown elsewhere; here it is kept, read and asked, which takes no more than comparisons.
Source: L. Breiman, "Random forests", Machine Learning 45, 2001.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FORMAT = "dasp-forest-1"


@dataclass(frozen=True)
class Forest:
    """The nodes of all trees, one tree after the other.

    From a node one goes to the first of its children where `x[feature] <= threshold`, else to the
    second. A leaf is its own child, so that whoever has arrived stays.

    Args:
        roots: Number of the first node of each tree, `(trees,)`.
        feature: Which feature a node compares, `(nodes,)`.
        threshold: With what, `(nodes,)`.
        children: Where one goes from a node, `(nodes, 2)`.
        value: What the leaves say, `(leaves, outputs)` or `(nodes, outputs)`.
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    children: Tensor
    value: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Average what the trees say.

        Features are compared in float32, as they were when the trees were grown.

        Args:
            x: Features `(items, features)`.

        Returns:
            Values `(items, outputs)`.

        >>> stump = Forest(torch.tensor([0]), torch.tensor([1, 0, 0]), torch.tensor([0.5, 0, 0]),
        ...     torch.tensor([[1, 2], [1, 1], [2, 2]]), torch.tensor([[10.0], [20.0]]))
        >>> stump(torch.tensor([[9.0, 0.5], [9.0, 0.6]]))
        tensor([[10.],
                [20.]])
        """
        x = x.float()
        children, feature = self.children.long(), self.feature.long()
        is_leaf = children[:, 0] == torch.arange(len(children))
        row = is_leaf.cumsum(0) - 1
        node = self.roots.long().expand(len(x), -1)
        while not is_leaf[node].all():
            right = ~(x.gather(1, feature[node]) <= self.threshold[node])
            node = children[node, right.long()]
        return self.value[row[node]].mean(1)


def from_sklearn(forest: Any) -> Forest:
    """Take over a fitted `RandomForestRegressor` of scikit-learn.

    It compares float32 features with float64 thresholds. A threshold rounded down to float32 has
    the same features on either side.

    Args:
        forest: The regressor.

    Returns:
        Its arrays, with values in float64.
    """
    trees = [estimator.tree_ for estimator in forest.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])
    feature, threshold, children, value = [], [], [], []
    for start, tree in zip(starts, trees, strict=False):
        itself = np.arange(tree.node_count)
        is_leaf = tree.children_left < 0
        both = np.stack((tree.children_left, tree.children_right), -1)
        children.append(start + np.where(is_leaf[:, None], itself[:, None], both))
        feature.append(np.where(is_leaf, 0, tree.feature))
        threshold.append(np.where(is_leaf, 0.0, _rounded_down(tree.threshold)))
        value.append(tree.value[is_leaf, :, 0])
    return Forest(
        torch.from_numpy(starts[:-1]).int(),
        torch.from_numpy(np.concatenate(feature)).short(),
        torch.from_numpy(np.concatenate(threshold)).float(),
        torch.from_numpy(np.concatenate(children)).int(),
        torch.from_numpy(np.concatenate(value)),
    )


def save_forest(path: str | Path, forest: Forest) -> None:
    """Write a forest as safetensors, what its leaves say as float32.

    Args:
        path: The file.
        forest: The forest.
    """
    arrays = {name: array.contiguous() for name, array in vars(forest).items()}
    save_file({**arrays, "value": forest.value.float()}, path, {"format": FORMAT})


def load_forest(path: str | Path) -> Forest:
    """Read a forest.

    Args:
        path: The file.

    Returns:
        The forest.

    Raises:
        ValueError: If the file is something else.
    """
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("format") != FORMAT:
                raise ValueError(f"{path}: expected a forest in the format {FORMAT}")
            return Forest(**{name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file: {error}") from error


def _rounded_down(threshold: np.ndarray) -> np.ndarray:
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
