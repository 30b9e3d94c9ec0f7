"""Pairs of signals on which losses are easily not finite."""

import torch

SECONDS = 0.5
RATE = 16_000


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.3 * torch.randn(*shape, generator=generator, dtype=torch.float64)


def awkward_pairs(channels: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Output and target, in float32."""
    time = round(SECONDS * RATE)
    music, other = noise(2, channels, time).float(), noise(2, channels, time, seed=1).float()
    silence = torch.zeros_like(music)
    return {
        "silent output": (silence, music),
        "silent target": (music, silence),
        "both silent": (silence, silence.clone()),
        "equal": (music, music.clone()),
        "equal channels": (music[:, :1].expand(-1, channels, -1).clone(), other),
        "hardly anything": (1e-12 * music, other),
    }
