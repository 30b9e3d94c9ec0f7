"""What the effect encoder is trained on: different contents under the same random effects.

A board has some pieces of music down its side and some settings along its top; every piece is heard
under every setting. So a setting is heard on different contents, and a content under different
settings. Before anything is done to the stems their own effects are normalised
(`dasp.controllers.fxnorm`).

Probabilities, orders and ranges are those of J. Koo et al., "Music mixing style transfer: a
contrastive learning approach to disentangle audio effects", ICASSP 2023.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from dasp.audio_io import whole
from dasp.controllers.fxnorm import GROUPS, fx_normalise, group_stems
from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.style.features import effect_features
from dasp.mixing.song import Song
from dasp.processors.catalogue import (
    COMPRESSOR,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    PARAMETRIC_EQ,
    STEREO_PANNER,
    STEREO_WIDENER,
)
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, run_strip
from dasp.songs.multitrack import Multitrack
from dasp.songs.seeds import generator_for
from dasp.songs.synthetic import synthetic_song

CLASSES = ("mixes", *GROUPS)

REVERB_PROBABILITY = {"drums": 0.5, "bass": 0.01, "vocals": 0.9, "other": 0.7}
SECONDS, WARM_UP_S = 2.5, 0.6
TILT, CONTENT_TILT = 0.3, 0.15
"""Settings and contents are varied by a filter of up to so much either way (1 is 20 dB)."""

SILENT_POWER = 1e-7
"""A stem of less power does not play."""


def in_memory(song: Multitrack) -> Multitrack:
    """Read a song's tracks, where many excerpts of them are wanted.

    Args:
        song: The song.

    Returns:
        The same song, without mixes.
    """
    recordings = tuple(
        recording._replace(source=track)
        for recording, track in zip(song.recordings, song.tracks, strict=True)
    )
    return replace(song, recordings=recordings, mixes=())


def draw_song(seed: int, recorded: Sequence[Multitrack], generator: torch.Generator) -> Multitrack:
    """Draw a recorded song, one time in four where there are any, or have one made.

    Args:
        seed: Of the made song.
        recorded: The recorded songs.
        generator: Decides which.

    Returns:
        The song.
    """
    if recorded and torch.rand((), generator=generator) < 0.25:
        return recorded[int(torch.randint(len(recorded), (), generator=generator))]
    return synthetic_song(seed, seconds=5.0, sample_rate=RATE)


def draw_effects(group: str, generator: torch.Generator) -> Strip:
    """Draw a chain of effects for a stem.

    Args:
        group: Of the stem, on which the probability of a reverb depends.
        generator: Decides on all of it.

    Returns:
        The stages.
    """

    def between(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator).item()

    def by_log(low: float, high: float) -> float:
        return math.exp(between(math.log(low), math.log(high)))

    def perhaps(probability: float, stage: Stage) -> list[Stage]:
        return [stage] if torch.rand((), generator=generator) < probability else []

    def shuffled(stages: list[Stage]) -> list[Stage]:
        return [stages[i] for i in torch.randperm(len(stages), generator=generator)]

    most = 12.0
    eq = Stage(PARAMETRIC_EQ, {
        "low_shelf_gain_db": between(-most, most),
        "low_shelf_freq_hz": by_log(30, 200),
        "peak_gain_db": [between(-most, most) for _ in range(3)] + [0.0],
        "peak_freq_hz": [by_log(200, 1000), by_log(1000, 3000), by_log(3000, 8000), 8000.0],
        "peak_q": [by_log(0.5, 2.0) for _ in range(3)] + [1.0],
        "high_shelf_gain_db": between(-most, most),
        "high_shelf_freq_hz": by_log(5000, 10_000),
    })  # fmt: skip
    compressor = Stage(COMPRESSOR, {
        "threshold_db": between(-80, -5), "ratio": by_log(4, 20), "attack_ms": by_log(1, 20),
        "release_ms": by_log(50, 500), "knee_db": 6.0,
    })  # fmt: skip
    weight, mid_s = between(0.0, 0.5), by_log(0.3, 4.0)
    reverb = Stage(FEEDBACK_DELAY_NETWORK, {
        "mix": weight / (1 + weight), "rt60_low_s": mid_s * between(0.8, 1.5),
        "rt60_mid_s": mid_s, "rt60_high_s": mid_s * between(0.3, 1.0),
        "pre_delay_ms": between(0.0, 50.0),
    })  # fmt: skip
    pan = Stage(STEREO_PANNER, {"pan": between(-1, 1)})
    width = Stage(STEREO_WIDENER, {"width": between(0, 2)})
    return (
        *shuffled([*perhaps(0.9, eq), *perhaps(0.9, compressor)]),
        *shuffled([*perhaps(0.3, pan), *perhaps(0.8, width)]),
        *perhaps(REVERB_PROBABILITY[group], reverb),
        *perhaps(0.5, Stage(GAIN, {"gain_db": between(-6, 9)})),
    )


def apply_effects(x: Tensor, effects: Strip) -> Tensor:
    """Process audio, with its RMS level as before behind everything but a gain.

    Args:
        x: Audio `(*batch, 2, time)` at `RATE`.
        effects: The stages.

    Returns:
        Audio of the shape of `x`.
    """
    rms = x.square().mean((-2, -1), keepdim=True).sqrt()
    for stage in effects:
        x = run_strip(x, RATE, (stage,))
        if stage.processor is not GAIN:
            own = x.square().mean((-2, -1), keepdim=True).sqrt()
            x = x * (rms / own.clamp(min=1e-6))
    return x


def draw_piece(song: Multitrack, generator: torch.Generator) -> Tensor:
    """Draw an excerpt of a song and normalise its stems.

    Args:
        song: The song.
        generator: Chooses the place.

    Returns:
        Audio `(GROUPS, 2, time)`; silence for a group that does not play.
    """
    frames = round((SECONDS + WARM_UP_S) * RATE)
    latest = max(0, song.frames - frames)
    starts = torch.randint(latest + 1, (4,), generator=generator).tolist()
    parts = (Song(song.names, song.roles, song.excerpt(start, frames), RATE) for start in starts)
    found = [
        {k: x for k, x in group_stems(part).items() if x.square().mean() > SILENT_POWER}
        for part in parts
    ]
    stems = fx_normalise(max(found, key=len), RATE)  # Where most of the groups play.
    silence = torch.zeros(2, frames)
    return torch.stack([stems.get(group, silence) for group in GROUPS])


def under_a_setting(pieces: Tensor, generator: torch.Generator) -> Tensor:
    """Process every piece by one setting, which has effects of its own for each stem.

    Args:
        pieces: Audio `(pieces, GROUPS, 2, time)`, as `draw_piece` returns it.
        generator: Draws the effects.

    Returns:
        Mixes and stems behind the first moment, `(CLASSES, pieces, 2, time)`.
    """
    stems = [
        apply_effects(pieces[:, i], draw_effects(group, generator))
        for i, group in enumerate(GROUPS)
    ]
    return torch.stack((sum(stems, torch.zeros(())), *stems))[..., round(WARM_UP_S * RATE) :]


@torch.no_grad()
def board(pieces: Tensor, settings: int, generator: torch.Generator) -> Tensor:
    """Hear every piece, its mix and its stems, under every setting.

    Args:
        pieces: Audio `(pieces, GROUPS, 2, time)`, as `draw_piece` returns it.
        settings: How many settings are drawn.
        generator: Draws them.

    Returns:
        Features `(CLASSES, pieces, settings, channels, frames)`; NaN where nothing plays.
    """
    columns = []
    for _ in range(settings):
        done = under_a_setting(pieces, generator)
        silent = done.square().mean((-2, -1)) < SILENT_POWER
        heard = effect_features(done, RATE)
        columns.append(torch.where(silent[..., None, None], torch.nan, heard))
    return torch.stack(columns, 2)


@dataclass(frozen=True)
class Boards:
    """Boards that are heard once and kept in a folder.

    Args:
        folder: Where they are kept; "" to hear them every time.
        pieces: Pieces of a board.
        settings: Settings of a board.
        recorded: Songs to draw from, beside made ones; one piece in four is theirs.
    """

    folder: str
    pieces: int = 4
    settings: int = 12
    recorded: tuple[Multitrack, ...] = ()

    def __call__(self, seed: int) -> Tensor:
        """Hear the board of a seed.

        Args:
            seed: Decides on songs, places and settings.

        Returns:
            As `board` does, as whole 40ths in 8 bits; -128 where nothing plays.
        """
        path = Path(self.folder) / f"board-{seed}-{self.pieces}x{self.settings}.safetensors"
        if self.folder and path.exists():
            return load_file(path)["heard"]
        generator = generator_for(seed, "board")
        songs = [
            draw_song(seed * self.pieces + i, self.recorded, generator) for i in range(self.pieces)
        ]
        pieces = torch.stack([draw_piece(song, generator) for song in songs])
        heard = _packed(board(pieces, self.settings, generator))
        if self.folder:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                save_file({"heard": heard}, unfinished)
        return heard

    def all(self, seeds: Sequence[int]) -> list[Tensor]:
        """Hear the boards of many seeds.

        Args:
            seeds: The seeds.

        Returns:
            What is heard, in their order.
        """
        return [self(seed) for seed in tqdm(seeds, desc="boards", leave=False, disable=None)]


def _packed(heard: Tensor) -> Tensor:
    whole_steps = (40 * heard).round().clamp(-127, 127)
    return torch.where(heard.isnan(), -128, whole_steps).to(torch.int8)


def plays(heard: Tensor) -> Tensor:
    """Tell in which pieces something plays under every setting.

    Args:
        heard: Whole 40ths in 8 bits, `(pieces, settings, channels, frames)`.

    Returns:
        True for those pieces, `(pieces,)`.
    """
    return (heard[:, :, 0, 0] != -128).all(-1)


def unpacked(heard: Tensor) -> Tensor:
    """Undo the packing of `Boards`.

    Args:
        heard: Whole 40ths in 8 bits.

    Returns:
        Features in float32, NaN where nothing plays.
    """
    return torch.where(heard == -128, torch.nan, heard.float() / 40)
