"""Tracks whose sound is there already: duplicates, and bounces of the others."""

import re
from collections.abc import Sequence
from itertools import combinations, pairwise

import torch
from torch import Tensor

from dasp.mixing.roles import stereo_pairs
from dasp.signal.stft import stft
from dasp.units import power_to_db

SAME_DB = -50.0
"""A track is another again where what is left of it without that is so far under it."""

EXPLAINED, NEARLY = 0.97, 0.93
"""Shares of a track from which on it is, or may be, a bounce of the others."""

OF_ALL, MOST_PARTS = 0.85, 0.8
"""Beyond doubt is also this share of a track whose name says that it is a bounce, or says nothing,
and of which so many of all others are a part: a microphone in a room hears fewer."""

LEAST_PART, LEAST_PARTS, ADDED = 0.002, 3, 0.5
FFT_SIZE, BANDS_HZ, BLOCK_FRAMES = 2048, (60, 200, 600, 2000, 6000, 16_000), 40

BOUNCE = re.compile(
    r"\b(bounce|bounced|mix|mixdown|mixture|master|mastered|premaster|rough|print|full|together)\b",
    re.IGNORECASE,
)


def duplicates(names: Sequence[str], tracks: Sequence[Tensor]) -> dict[int, tuple[int, str]]:
    """Find tracks that are another one again, at any gain; the one of the shorter name stays.

    The two sides of a pair, as their names tell, are left alone: without one the other leans.

    Args:
        names: Name of each track.
        tracks: Audio `(channels, time)` of each track.

    Returns:
        For the number of each duplicate that of the track it repeats, and why.
    """
    if len(tracks) < 2:
        return {}
    time = tracks[0].shape[-1]
    step = max(1, time // 200_000)
    every = torch.stack([track[:, ::step].mean(-2) for track in tracks]).double()
    every = every / every.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    alike = (every @ every.mT).abs()
    sides = stereo_pairs(list(names))
    found: dict[int, tuple[int, str]] = {}
    by_name = sorted(range(len(tracks)), key=lambda i: (len(names[i]), i))
    for i, j in combinations(by_name, 2):
        if j in found or i in found or alike[i, j] < 0.999 or (i in sides and j in sides):
            continue
        if tracks[i].shape != tracks[j].shape:
            continue
        one, other = tracks[i].mean(-2).double(), tracks[j].mean(-2).double()
        gain = (one @ other) / one.square().sum()
        left = (tracks[j] - gain.float() * tracks[i]).square().mean().double()
        left_db = (power_to_db(left) - power_to_db(tracks[j].square().mean().double())).item()
        if left_db < SAME_DB:
            told = "sample by sample" if left_db < -120 else f"to {left_db:.0f} dB"
            turned = ", turned over" if gain < 0 else ""
            found[j] = i, f"{names[i]} again{turned}, {told}; muted"
    return found


def bounces(
    names: Sequence[str], roles: Sequence[str], tracks: Sequence[Tensor], rate: int
) -> dict[int, tuple[bool, str]]:
    """Find tracks that are a sum of the others: a bounce of the mix, or of a group.

    In each band and second every track is fitted by the others, each with a gain of its own, so
    that a bounce through an EQ and a compressor is one too.

    Args:
        names: Name of each track.
        roles: Role of each track.
        tracks: Audio `(channels, time)` of each track, of a stretch in which most play.
        rate: In Hz.

    Returns:
        For the number of each such track whether that is beyond doubt, and why.
    """
    if len(tracks) <= LEAST_PARTS:
        return {}
    x = torch.stack([track.mean(-2) for track in tracks])
    spectra = stft(x, FFT_SIZE, FFT_SIZE // 2)
    edges = [round(hz * FFT_SIZE / rate) for hz in BANDS_HZ if hz < rate / 2]
    blocks = spectra.shape[-1] // BLOCK_FRAMES
    if not blocks:
        return {}
    spectra = spectra[..., : blocks * BLOCK_FRAMES].unflatten(-1, (blocks, -1))
    grams, counts = [], []
    for low, high in pairwise(edges):
        band = spectra[:, low:high].permute(2, 0, 1, 3).flatten(2)
        grams.append(band @ band.mH)
        counts.append(band.shape[-1])
    gram = torch.cat(grams).to(torch.complex128)
    count = torch.tensor(counts).repeat_interleave(blocks)
    found = {}
    for i in range(len(tracks)):
        others = [j for j in range(len(tracks)) if j != i]
        share, parts = _explained(gram, count, i, others)
        named = bool(BOUNCE.search(re.sub(r"[_\-\d.]+", " ", names[i])))
        of_all = (named or roles[i] == "other") and len(parts) >= MOST_PARTS * len(others)
        sure = share >= EXPLAINED or (share >= OF_ALL and of_all)
        if len(parts) < LEAST_PARTS or not (sure or share >= NEARLY):
            continue
        of = ", ".join(names[others[j]] for j in parts)
        does = "; muted" if sure else "; if it is, mute it"
        is_one = "a bounce of" if sure else "may be a bounce of"
        found[i] = sure, f"{is_one} {of}, which make up {100 * share:.0f} % of it{does}"
    return found


def _explained(gram: Tensor, count: Tensor, i: int, others: list[int]) -> tuple[float, list[int]]:
    """The share of a track that a sum of others makes up, and which of them count in it."""
    own = gram[:, i, i].real
    cross = gram[:, others, i]
    among = gram[:, others][:, :, others]
    ridge = 1e-6 * among.diagonal(dim1=1, dim2=2).real.mean(-1).clamp(min=1e-12)
    eye = torch.eye(len(others), dtype=among.dtype)
    gains = torch.linalg.solve(among + ridge[:, None, None] * eye, cross)
    made = (gains.conj() * cross).sum(-1).real.clamp(min=0)
    # As many numbers as are fitted explain their share of anything.
    left = (own - made).clamp(min=0) * count / (count - len(others)).clamp(min=1)
    share = 1 - (left.sum() / own.sum().clamp(min=1e-12)).item()
    # A bounce adds its parts up. A part of one is the bounce too, with the others taken away.
    power = among.diagonal(dim1=1, dim2=2).real
    size = (power * gains.abs()).sum(0)
    adds = (power * gains.real).sum(0) > ADDED * size
    counts = (power * gains.abs().square()).sum(0) >= LEAST_PART * own.sum()
    return share, (adds & counts).nonzero().flatten().tolist()
