"""Weights with half as many bytes, as those of the package are kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from dasp.audio_io import whole
from dasp.training.checkpoint import WEIGHTS_FORMAT


def save_half(path: Path, model: nn.Module, facts: Mapping[str, Any]) -> None:
    """Write weights in 16 bits; whole numbers stay as they are.

    Args:
        path: The file, a .safetensors.
        model: Has the weights.
        facts: The recipe and its configuration, for JSON.
    """
    tensors = {
        name: (x.half() if x.is_floating_point() else x).cpu().contiguous()
        for name, x in model.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as unfinished:
        save_file(tensors, unfinished, {"dasp": json.dumps({"format": WEIGHTS_FORMAT, **facts})})
    path.chmod(0o644)
