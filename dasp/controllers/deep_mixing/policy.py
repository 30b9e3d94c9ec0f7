"""The policy of DeepMixing: two kinds of attention, from what plays to a Dirichlet distribution.

A bidirectional LSTM hears the chunks of a track, a unidirectional one the cepstra of the mix so
far, whose state is b. Of track i the state at chunk s is h_is:

    lambda_is = (B1 b)' (H_i h_is),   alpha_i = softmax over s,   c_i = sum_s alpha_is h_is
    gamma_i = (B2 b)' (F_i c_i),      beta = softmax over i

The gains of the next chunk are drawn from a Dirichlet distribution of the parameters k beta. In the
report k is 1, so that every parameter is under 1 and a draw is nearly one track alone; here k is
learnt too.

Source: T. Aditya, A. Shayaan and N. Bharath, "DeepMixing: music audio mixing using deep
reinforcement learning", IIIT Bangalore, 2018.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dasp._checks import check_range
from dasp.controllers.console.features import BANDS
from dasp.controllers.deep_mixing.dirichlet import Choose, Dirichlet
from dasp.controllers.deep_mixing.hearing import CEPSTRA, cepstra, log_powers, powers_of_mix
from dasp.controllers.deep_mixing.slots import SLOTS

FIRST_CONCENTRATION = 10.0
"""Of each track, before anything is learnt."""

NEPERS = 4.0
"""What is heard is divided by so many natural logarithms of power, to be about 1."""

Memory = tuple[Tensor, Tensor]
"""State of the LSTM that hears the mix."""


@dataclass(frozen=True)
class Size:
    """The sizes of a policy; those of the report are `REPORT`.

    Args:
        slots: How many tracks have weights of their own (C).
        chunk: Numbers that are heard of a chunk of a track.
        cepstra: Numbers that are heard of a chunk of the mix.
        track_state: Of the LSTM of a track, both directions together (k), even.
        mix_state: Of the LSTM of the mix (l).
        matching: Rows of the matrices B, H and F (r).
        shared: Whether all slots have the same weights.
        learnt_concentration: Whether k is learnt; it is 1 otherwise.
    """

    slots: int = len(SLOTS)
    chunk: int = BANDS
    cepstra: int = CEPSTRA
    track_state: int = 32
    mix_state: int = 8
    matching: int = 32
    shared: bool = False
    learnt_concentration: bool = True

    def __post_init__(self):
        for name in ("slots", "chunk", "cepstra", "mix_state", "matching"):
            check_range(name, getattr(self, name), low=1)
        check_range("track_state", self.track_state, low=2)


REPORT = Size(slots=72, chunk=500, cepstra=13, track_state=100, mix_state=5, matching=100,
              learnt_concentration=False)  # fmt: skip
"""The report's: chunks of 500 samples, of which a song has 2,640."""


class Listened(NamedTuple):
    """What the policy knows of the tracks before it mixes.

    Args:
        states: Of each track at each chunk, `(batch, tracks, chunks, track_state)`.
        matched: The same under the matrices H, `(batch, tracks, chunks, matching)`.
        slots: The slot of each track, `(batch, tracks)`.
        present: Which tracks there are, `(batch, tracks)`.
    """

    states: Tensor
    matched: Tensor
    slots: Tensor
    present: Tensor


class Episode(NamedTuple):
    """A song mixed from its first chunk to its last.

    Args:
        gains: Factors on the tracks, `(batch, chunks, tracks)`: their mean over the tracks is 1.
        share: The mean of the distribution of each, as shares, of the same shape.
        log_density: Of what was drawn, `(batch, chunks)`.
        cepstra: Of the mix, `(batch, chunks, CEPSTRA)`.
    """

    gains: Tensor
    share: Tensor
    log_density: Tensor
    cepstra: Tensor


class Policy(nn.Module):
    """Say from what distribution the gains of the next chunk are drawn.

    Args:
        size: The sizes.
    """

    def __init__(self, size: Size = Size()):
        super().__init__()
        self.size = size
        own = 1 if size.shared else size.slots
        self.hear_track = nn.ModuleList(
            nn.LSTM(size.chunk, size.track_state // 2, batch_first=True, bidirectional=True)
            for _ in range(own)
        )
        self.hear_mix = nn.LSTMCell(size.cepstra, size.mix_state)
        scale = 1 / math.sqrt(size.track_state)
        self.of_moments = nn.Parameter(scale * torch.randn(own, size.matching, size.track_state))
        self.of_tracks = nn.Parameter(scale * torch.randn(own, size.matching, size.track_state))
        self.to_moments = nn.Linear(size.mix_state, size.matching, bias=False)
        self.to_tracks = nn.Linear(size.mix_state, size.matching, bias=False)
        if size.learnt_concentration:
            self.concentrate = nn.Linear(size.mix_state, 1)
            nn.init.zeros_(self.concentrate.weight)
            nn.init.constant_(self.concentrate.bias, math.log(FIRST_CONCENTRATION))

    def forward(self, shared: Tensor, slots: Tensor, present: Tensor, choose: Choose) -> Episode:
        """Mix songs from the first chunk to the last.

        Args:
            shared: Powers that the tracks share, `(batch, chunks, BANDS, tracks, tracks)`.
            slots: The slot of each track, whole numbers `(batch, tracks)`.
            present: Which tracks there are, `(batch, tracks)`.
            choose: Takes shares from a distribution.

        Returns:
            What happened.
        """
        own = shared.diagonal(dim1=-2, dim2=-1).permute(0, 3, 1, 2)
        listened = self.listen(log_powers(own) / NEPERS, slots, present)
        distribution, memory = self.first(listened)
        steps = []
        for powers in shared.unbind(1):
            share = choose(distribution)
            gains = share * present.sum(-1, keepdim=True)
            heard = cepstra(powers_of_mix(powers, gains))
            density = distribution.log_density(share.detach())
            steps.append((gains, distribution.share, density, heard))
            distribution, memory = self.following(listened, heard / NEPERS, memory)
        return Episode(*(torch.stack(parts, 1) for parts in zip(*steps, strict=True)))

    def listen(self, chunks: Tensor, slots: Tensor, present: Tensor) -> Listened:
        """Hear all of the tracks.

        Args:
            chunks: What is heard of each chunk of each track, `(batch, tracks, chunks, chunk)`.
            slots: The slot of each track, whole numbers `(batch, tracks)`.
            present: Which tracks there are, `(batch, tracks)`.

        Returns:
            What the policy then knows.
        """
        slots = torch.zeros_like(slots) if self.size.shared else slots
        states = chunks.new_zeros(*chunks.shape[:3], self.size.track_state // 2 * 2)
        for slot in slots[present].unique().tolist():
            here = present & (slots == slot)
            states = states.index_put((here,), self.hear_track[slot](chunks[here])[0])
        matched = torch.einsum("nirk,nisk->nisr", self.of_moments[slots], states)
        return Listened(states, matched, slots, present)

    def first(self, listened: Listened) -> tuple[Dirichlet, Memory]:
        """Say the distribution of the first chunk, before there is a mix: all tracks are equal.

        Args:
            listened: What is known of the tracks.

        Returns:
            The distribution, and the state of a mix that has not begun.
        """
        present = listened.present.to(listened.states)
        share = present / present.sum(-1, keepdim=True)
        state = share.new_zeros(len(share), self.size.mix_state)
        return self._distribution(share, state, listened.present), (state, state)

    def following(
        self, listened: Listened, mix: Tensor, memory: Memory
    ) -> tuple[Dirichlet, Memory]:
        """Hear a chunk of the mix, and say the distribution of the next one.

        Args:
            listened: What is known of the tracks.
            mix: Cepstra of the chunk that was mixed last, `(batch, cepstra)`.
            memory: The state of what was heard of the mix before.

        Returns:
            The distribution, and the state.
        """
        memory = self.hear_mix(mix, memory)
        state = memory[0]
        moments = torch.einsum("nr,nisr->nis", self.to_moments(state), listened.matched)
        heard = torch.einsum("nis,nisk->nik", moments.softmax(-1), listened.states)
        matched = torch.einsum("nirk,nik->nir", self.of_tracks[listened.slots], heard)
        tracks = torch.einsum("nr,nir->ni", self.to_tracks(state), matched)
        share = tracks.masked_fill(~listened.present, -math.inf).softmax(-1)
        return self._distribution(share, state, listened.present), memory

    def _distribution(self, share: Tensor, state: Tensor, present: Tensor) -> Dirichlet:
        if self.size.learnt_concentration:
            return Dirichlet(share, self.concentrate(state)[:, 0].exp() * present.sum(-1), present)
        return Dirichlet(share, state.new_ones(len(state)), present)
