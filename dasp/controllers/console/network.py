"""The differentiable mixing console: a network that hears all tracks and sets all knobs.

One encoder, shared by the tracks, turns each into an embedding and the likelihoods of roles; the
context is their mean over the tracks that play; the post-processor, shared too, turns what is known
of a track and the context into the controls of its strip. So there may be any number of tracks, in
any order. The console behind it is that of `dasp.mixing`, through which gradients come back.

Where a role is told, it takes the place of the ear: a name is right about recordings that sound
like nothing that was heard in training.

Source: C. J. Steinmetz, J. Pons, S. Pascual and J. Serrà, "Automatic multitrack mixing with a
differentiable mixing console of neural audio effects", ICASSP 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from dasp._checks import check_choice, check_range
from dasp.controllers.console.features import BANDS, NUMBERS, Heard
from dasp.grad import GRADIENTS, with_gradient
from dasp.mixing.console import Console, Controls
from dasp.mixing.roles import KNOWN_ROLES, check_roles
from dasp.processors.catalogue import (
    COMPRESSOR,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    PARAMETRIC_EQ,
    STEREO_PANNER,
)
from dasp.processors.chain import chain

EFFECTS, FADERS = (PARAMETRIC_EQ, COMPRESSOR), (GAIN, STEREO_PANNER)

CONSOLES = {
    "gain_and_pan": Console(strip=FADERS, buses={}, master=()),
    "channel_strip": Console(strip=(*EFFECTS, *FADERS), buses={}, master=()),
    "full": Console(
        strip=(*EFFECTS, *FADERS),
        buses={"reverb": (FEEDBACK_DELAY_NETWORK,)},
        master=(COMPRESSOR,),
    ),
}
"""The three sizes. Faders stand behind the effects, which hear tracks of one loudness."""

ROLE_NAMES = KNOWN_ROLES


def console_with_gradient(size: str, gradient: str, **options) -> Console:
    """Build a console of a size whose gradient is had as `dasp.grad.with_gradient` says.

    The effects of a track, or its faders where there are no effects, become one processor: a
    black box, or what the `network` imitates. It is the first of its strip, so that it hears
    tracks and needs no gradient for audio. What stands behind it is linear, or hears the mix,
    and has its own gradient. Controls are the same, in the same order, in every mode.

    Args:
        size: A key of `CONSOLES`.
        gradient: A word of `dasp.grad.GRADIENTS`.
        **options: Of `dasp.grad.with_gradient`, such as `network`.

    Returns:
        The console.

    Raises:
        ValueError: If there is no such size or gradient.
    """
    check_choice("size", size, CONSOLES)
    check_choice("gradient", gradient, GRADIENTS)
    console = CONSOLES[size]
    if gradient == "autodiff":
        return console
    effects = [processor for processor in console.strip if processor not in FADERS]
    first = effects or list(FADERS)
    box = with_gradient(chain(*first), gradient, **options)
    return replace(console, strip=(box, *(FADERS if effects else ())))


@dataclass(frozen=True)
class Size:
    """How large the network is.

    The short-chunk CNN of automix-toolkit is
    `Size((128, 128, 256, 256, 256, 256, 512), 512, 256)`, of 128 bands.

    Args:
        channels: Width of each stage of the encoder, 4 or more; each halves both axes of the
            picture.
        embedding: Length of what the encoder makes of a track.
        hidden: Width of the layers that decide.
        dropout: Share of what those layers forget in training, 0 to less than 1.

    Raises:
        ValueError: If a width or the dropout is out of range.
    """

    channels: tuple[int, ...] = (8, 16, 32, 48, 64)
    embedding: int = 64
    hidden: int = 96
    dropout: float = 0.1

    def __post_init__(self):
        check_range("channels", min(self.channels), low=4)
        check_range("dropout", self.dropout, low=0, below=1)


class MixingController(nn.Module):
    """Set the controls of a console by what is heard of its tracks and by their roles.

    Args:
        console: What is controlled.
        size: How large the network is.

    >>> from dasp.controllers.console.features import hear
    >>> heard = hear(0.1 * torch.randn(3, 1, 44_100), 44_100)
    >>> model = MixingController(CONSOLES["gain_and_pan"], Size((8,), 16, 16))
    >>> model(heard).tracks.shape
    torch.Size([3, 2])
    """

    def __init__(self, console: Console, size: Size = Size()):
        super().__init__()
        self.encoder = Encoder(size)
        self.role = nn.Linear(size.embedding, len(ROLE_NAMES))
        width = size.embedding + len(ROLE_NAMES) + NUMBERS
        plain = console.to_controls()
        self.track = _decision(2 * width, size, plain.tracks)
        self.buses = _decision(width, size, plain.buses)
        self.master = _decision(width, size, plain.master)

    def forward(
        self,
        heard: Heard,
        roles: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        moving: bool = False,
        by_ear: bool = False,
        embedding: Tensor | None = None,
    ) -> Controls | tuple[Controls, Tensor]:
        """Decide on the controls of all parts.

        Args:
            heard: Of tracks, in as many windows each; a track that never plays is absent.
            roles: For each track a number of `ROLE_NAMES`, or -1 where nobody knows.
            mask: True where there is a track `(*batch, tracks)`.
            moving: Controls for each window, which stand for blocks of time, instead of one for
                all of them: `(*batch, tracks, windows, n_controls)`.
            by_ear: Return the logits of the roles as well, by the sound alone.
            embedding: What `embed` has made of the tracks, where that is known already; of `heard`
                only what plays and its numbers then count.

        Returns:
            The controls, and with `by_ear` the logits `(*batch, tracks, roles)`.
        """
        if embedding is None:
            embedding = self.embed(heard, moving=moving)
        controls = self.decide(embedding, heard, roles, mask=mask)
        return (controls, self.role(embedding)) if by_ear else controls

    def embed(self, heard: Heard, *, moving: bool = False) -> Tensor:
        """Listen to each track.

        Args:
            heard: The tracks.
            moving: Whether each window is heard by itself.

        Returns:
            Embeddings `(*batch, tracks[, windows], embedding)`.
        """
        return self.encoder(heard, moving=moving)

    def decide(
        self,
        embedding: Tensor,
        heard: Heard,
        roles: Tensor | None = None,
        *,
        mask: Tensor | None = None,
    ) -> Controls:
        """Decide on the controls by embeddings that are there already.

        Args:
            embedding: What `embed` has made of the tracks.
            heard: Of which what plays and its numbers count.
            roles: For each track a number of `ROLE_NAMES`, or -1 where nobody knows.
            mask: True where there is a track `(*batch, tracks)`.

        Returns:
            The controls of all parts.
        """
        audible = heard.audible if mask is None else heard.audible & mask
        moving = embedding.ndim > audible.ndim + 1
        likely, numbers = self.role(embedding).softmax(-1), heard.numbers
        if moving:
            numbers = numbers[..., None, :].expand(*embedding.shape[:-1], NUMBERS)
        if roles is not None:
            told = one_hot(roles.clamp(min=0), len(ROLE_NAMES)).to(likely)
            is_told = _behind(roles >= 0, embedding)
            likely = torch.where(is_told, told[..., None, :] if moving else told, likely)
            embedding = torch.where(is_told, 0.0, embedding)
        track = torch.cat((embedding, likely, numbers), -1)
        weight = _behind(audible, track)
        tracks_axis = -3 if moving else -2
        # Where nothing plays at all there is no mean; nor is there a mix.
        context = torch.where(weight, track, 0).sum(tracks_axis, keepdim=True)
        context = context / weight.sum(tracks_axis, keepdim=True).clamp(min=1)
        together = torch.cat((track, context.expand_as(track)), -1)
        mix = context.squeeze(tracks_axis)
        return Controls(
            tracks=_said(self.track, together),
            buses=_said(self.buses, mix),
            master=_said(self.master, mix),
        )


class Encoder(nn.Module):
    """Turn pictures into embeddings: residual convolutions, mean and maximum of what plays.

    Args:
        size: How large it is.
    """

    def __init__(self, size: Size):
        super().__init__()
        widths = (1, *size.channels)
        self.stages = nn.Sequential(*(Stage(*pair) for pair in pairwise(widths)))
        rows = -(-BANDS // 2 ** len(size.channels))
        self.pool = 2 ** len(size.channels)
        self.embedding = nn.Sequential(
            nn.Linear(2 * rows * size.channels[-1], size.embedding),
            nn.ReLU(),
            nn.Dropout(size.dropout),
            nn.Linear(size.embedding, size.embedding),
            nn.ReLU(),
        )

    def forward(self, heard: Heard, *, moving: bool = False) -> Tensor:
        """Listen to each track.

        Args:
            heard: The tracks.
            moving: Whether each window is heard by itself.

        Returns:
            Embeddings `(*batch, tracks[, windows], embedding)`.
        """
        *batch, windows, bands, frames = heard.pictures.shape
        x = self.stages(heard.pictures.reshape(-1, 1, bands, frames))
        x = x.flatten(1, 2).unflatten(0, (*batch, windows))
        playing = nn.functional.avg_pool1d(
            heard.playing.reshape(-1, 1, frames), self.pool, ceil_mode=True
        ).reshape(*batch, windows, 1, -1)
        if not moving:  # One long picture.
            x = x.movedim(-3, -2).flatten(-2)
            playing = playing.movedim(-3, -2).flatten(-2)
        mean = (x * playing).sum(-1) / playing.sum(-1).clamp(min=1e-3)
        most = torch.where(playing > 0, x, 0).amax(-1)  # What comes from a stage is never under 0.
        return self.embedding(torch.cat((mean, most), -1))


class Stage(nn.Module):
    """Halve bands and frames: two convolutions, and past them one of a single point.

    Args:
        inputs: Channels of a picture.
        outputs: Channels of what it becomes.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.halve = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.first_norm, self.second_norm = _norm(outputs), _norm(outputs)
        self.refine = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.past = nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Halve a picture.

        Args:
            x: `(n, inputs, bands, frames)`.

        Returns:
            `(n, outputs, bands / 2, frames / 2)`, 0 at least.
        """
        y = torch.relu(self.first_norm(self.halve(x)))
        return torch.relu(self.second_norm(self.refine(y)) + self.past(x))


def role_numbers(roles: Sequence[str]) -> Tensor:
    """Number roles by `ROLE_NAMES`; "other" is what nobody knows, -1.

    Args:
        roles: Role of each track.

    Returns:
        Numbers `(tracks,)`.

    Raises:
        ValueError: If a role is not known.

    >>> role_numbers(["kick", "other"])
    tensor([ 0, -1])
    """
    check_roles(roles)
    return torch.tensor([-1 if role == "other" else ROLE_NAMES.index(role) for role in roles])


def _behind(x: Tensor, like: Tensor) -> Tensor:
    """With as many axes of one behind its own as it takes."""
    return x.reshape(*x.shape, *[1] * (like.ndim - x.ndim))


def _norm(channels: int) -> nn.Module:
    return nn.GroupNorm(max(1, channels // 8), channels)


def _said(layers: nn.Module | None, x: Tensor) -> Tensor | None:
    """The controls of a part, where it has any."""
    return None if layers is None else torch.sigmoid(layers(x))


def _decision(inputs: int, size: Size, plain: Tensor | None) -> nn.Module | None:
    """Layers that say `plain` controls before they have learnt anything else."""
    if plain is None or not len(plain):
        return None
    last = nn.Linear(size.hidden, len(plain))
    nn.init.zeros_(last.weight)
    # An end of a range is out of reach of a sigmoid, and has no slope near it.
    last.bias.data = torch.logit(plain.float().clamp(0.02, 0.98))
    return nn.Sequential(
        nn.Linear(inputs, size.hidden), nn.ReLU(), nn.Dropout(size.dropout),
        nn.Linear(size.hidden, size.hidden), nn.ReLU(), nn.Dropout(size.dropout), last,
    )  # fmt: skip
