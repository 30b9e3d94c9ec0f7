"""`embed`: what was done to a recording, as numbers that can be compared."""

from functools import cache
from pathlib import Path

from torch import Tensor

from dasp._checks import check_audio, checked_sample_rate
from dasp.controllers.style.network import EffectEncoder, Size
from dasp.controllers.trained_file import load_network
from dasp.mixing.routing import as_stereo
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "effect_encoder.safetensors"
RECIPE = "effect_encoder"


def embed(x: Tensor, sample_rate: float, *, encoder: EffectEncoder | None = None) -> Tensor:
    """Compute an embedding of what was done to recordings, whatever is played in them.

    The more alike the equaliser, the dynamics, the reverb, the stereo image and the level of two
    recordings, the larger the scalar product of their embeddings, up to 1. Differentiable in `x`.

    Args:
        x: Audio `(*batch, channels, time)`, mono or stereo; a few seconds at least say most.
        sample_rate: In Hz.
        encoder: The network; without one that of the package.

    Returns:
        Embeddings `(*batch, 128)` of length 1; of another length with another network.

    Raises:
        ValueError: If `x` is not audio of one or two channels, or has no samples.

    Source: J. Koo et al., "Music mixing style transfer: a contrastive learning approach to
    disentangle audio effects", ICASSP 2023.

    >>> import torch
    >>> x = 0.1 * torch.randn(3, 2, 22_050)
    >>> embed(x, 44_100).shape
    torch.Size([3, 128])
    """
    check_audio(x)
    sample_rate = checked_sample_rate(sample_rate)
    if x.shape[-2] not in (1, 2) or x.shape[-1] == 0:
        raise ValueError(
            f"x: expected one or two channels, and samples, got shape {tuple(x.shape)}"
        )
    encoder = shipped().to(x.device) if encoder is None else encoder
    return encoder(encoder.hear(as_stereo(x).float(), sample_rate)).to(x.dtype)


def load_encoder(path: str | Path = WEIGHTS) -> EffectEncoder:
    """Read an encoder from the weights that `dasp train effect_encoder` wrote.

    Args:
        path: The file; that of the package where none is given.

    Returns:
        The encoder, ready for use.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    return load_network(path, RECIPE, lambda config: EffectEncoder(Size(**config["size"])))[0]


shipped = cache(load_encoder)
"""`load_encoder` of the file of the package, which is read once."""
