"""Train the differentiable mixing console on made songs, and on what an engineer would do to them.

    dasp train differentiable_mixing_console --set cache=songs --set kit=HITS

The weights of the package: 186 songs, 1000 steps in 460 s on a shared core, and 200 more at half
the rate of all but the encoder. By ear they tell the role of 127 of 130 tracks of unseen songs;
their mix of the seven microphones of a real kit, another than that of HITS, comes to 14.8 dB of
gain-invariant SDR beside the human one (the plain sum 12.4 dB, a published random forest 6.1 dB).
`python -m benchmarks.mixing_systems --systems console` has the rest (docs/mixing_systems.md).

The network hears pictures of the tracks and says the settings; the loss is how far they are from
the engineer's, in units that are about as audible as each other, and how unlikely the roles seem to
it. The engineer's taste is random
within the ranges of each role (`dasp.data.taste`), so that the best answer is their middle, and
what has to be learnt is to tell by ear what plays. Half of the time the roles are told, as the
names of files tell them.

`kit` is a folder of drum hits, for grooves of real drums (`dasp.data.kit_groove`). From weights of
this recipe `dasp.recipes.adapt_mixing_console` learns on, with finished songs.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from dasp._checks import check_choice, check_range
from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.audio_io import whole
from dasp.controllers.dmc import CONSOLES, ROLE_NAMES, MixingController, Size
from dasp.controllers.dmc_features import BANDS, FRAMES, Heard, hear
from dasp.controllers.dmc_mix import TRIM_LUFS, staged
from dasp.data.engineer import with_engineers_mix
from dasp.data.kit_groove import halves, kit_groove, load_kit
from dasp.data.multitrack import Multitrack
from dasp.data.synthetic import synthetic_song
from dasp.data.taste import draw_treatment
from dasp.mixing.console import Console, Controls, Settings
from dasp.mixing.conversion import from_mix
from dasp.mixing.mixdown import run_strip
from dasp.mixing.roles import check_roles
from dasp.training import Schedule, Task, Training

UNSEEN = 500_000
"""The seed of the first song that is not trained on. Benchmarks begin at a million."""

PICTURES = 4
"""Of each track that are kept."""

WEIGHTS = {
    "gain.gain_db": 1.0,
    "stereo_panner.pan": 10.0,
    "parametric_eq.low_shelf_gain_db": 0.4,
    "parametric_eq.peak_gain_db": 1.0,
    "parametric_eq.peak_freq_hz": 1.0,
    "parametric_eq.high_shelf_gain_db": 0.4,
    "compressor.threshold_db": 0.2,
    "compressor.ratio": 1.0,
    "compressor.attack_ms": 0.2,
    "compressor.release_ms": 0.2,
    "send.reverb_db": 0.1,
    "reverb.feedback_delay_network.rt60_low_s": 0.3,
    "reverb.feedback_delay_network.rt60_mid_s": 0.3,
    "reverb.feedback_delay_network.rt60_high_s": 0.3,
}
"""What a dB, an octave of a logarithmic setting, or a 1 of a pan weighs. Others do not move."""

BY_LOGARITHM = [name for name in WEIGHTS if name.endswith(("_hz", "_ms", "_s", "ratio"))]

TILT, LOWEST_CUT = 0.25, 0.6
"""Pictures are changed by a filter of up to so much at each of six points (1 is 30 dB), and half
of the time end at some band from this share of all bands on."""

TRAINING = Training(
    steps=1000,
    batch_size=8,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    clip_norm=5.0,
    ema_decay=0.99,
    validate_every=100,
    checkpoint_every=100,
)


@dataclass(frozen=True)
class Config:
    """Which songs, what is known of them, and how large console and network are."""

    console: str = "full"
    network: Size = field(default_factory=Size)
    songs: int = 200
    unseen_songs: int = 30
    seconds: float = 12.0
    sample_rate: int = 44_100
    windows: int = 1
    """Pictures of a track in one step."""
    unknown: float = 0.5
    """The share of songs of which no role is known; in others one track in five has none."""
    left_out: float = 0.1
    """The share of tracks that are absent."""
    unheard_share: float = 0.2
    """The share of songs that are names alone, of every role that there is."""
    kit: str = ""
    grooves: int = 60
    cache: str = ""
    """A folder that keeps what is heard of each song, since it takes longer than to train."""
    training: Training = TRAINING

    def __post_init__(self):
        check_choice("console", self.console, CONSOLES)
        for name in ("songs", "unseen_songs", "windows"):
            check_range(name, getattr(self, name), low=1)
        for name in ("unknown", "left_out", "unheard_share"):
            check_range(name, getattr(self, name), low=0, high=1)


class Example(NamedTuple):
    """What is heard of the tracks of a song, their roles, and the settings to find."""

    heard: Heard
    roles: Tensor
    """`(*batch, tracks)`, numbers of `dasp.controllers.dmc.ROLE_NAMES`, or -1"""
    told: Tensor
    """The same, -1 for those that the network is not told"""
    mask: Tensor
    settings: Settings
    """Those of `WEIGHTS`; for tracks `(*batch, tracks)`, for the other parts `(*batch)`"""


@dataclass(frozen=True)
class Examples:
    """What is trained on: songs with some of their tracks and pictures, and some of their roles."""

    heard: list[Example]
    config: Config
    console: Console

    def __call__(self, generator: torch.Generator) -> Example:
        """An example that is drawn with a generator."""
        if torch.rand((), generator=generator) < self.config.unheard_share:
            return of_console(names_alone(generator, self.config.windows), self.console)
        song = self.heard[int(torch.randint(len(self.heard), (), generator=generator))]
        return _varied(song, self.config, generator)


def build(config: Config) -> Task:
    """The songs as they are heard, and what the loop needs."""
    console = CONSOLES[config.console]

    def made(seed: int) -> Example:
        song = synthetic_song(seed, seconds=config.seconds, sample_rate=config.sample_rate)
        return engineers_answer(with_engineers_mix(song, seed))

    def groove(seed: int) -> Example:
        return engineers_answer(with_engineers_mix(kit_groove(kit, seed), seed))

    heard = cached_songs(config, "made", range(config.songs), made)
    if config.kit:
        kit, _ = halves(load_kit(config.kit))
        heard += cached_songs(config, "groove", range(config.grooves), groove)
    unseen = cached_songs(config, "made", range(UNSEEN, UNSEEN + config.unseen_songs), made)

    def loss(model: Callable, batch: Example) -> Tensor:
        controls, roles = model(batch.heard, batch.told, mask=batch.mask, by_ear=True)
        return error(console, controls, roles, batch)

    plain = [song._replace(heard=Heard(*(x.float() for x in song.heard))) for song in unseen]
    unnamed = [song._replace(told=torch.full_like(song.roles, -1)) for song in plain]
    validation = [collate([song]) for song in (*plain, *unnamed)]
    draw = Examples(heard, config, console)
    return Task(MixingController(console, config.network), loss, draw, validation, collate)


def error(console: Console, controls: Controls, roles: Tensor, batch: Example) -> Tensor:
    """The error of the settings, and the surprise about the roles `(*batch, tracks, roles)`."""
    known = batch.mask & batch.heard.audible & (batch.roles >= 0)
    wrong = nn.functional.cross_entropy(roles.mT, batch.roles.clamp(min=0), reduction="none")
    wrong = (wrong * known).sum() / known.sum().clamp(min=1)
    return settings_error(console.to_physical(controls), batch).mean() + wrong


def settings_error(said: Settings, batch: Example) -> Tensor:
    """The weighted distance of settings from the engineer's, for each song.

    Levels are compared as they stand beside each other.
    """
    playing = batch.mask & batch.heard.audible
    total = torch.zeros(playing.shape[:-1], device=playing.device)
    for of_tracks, part, wanted in zip((True, False, False, False), said, batch.settings,
                                       strict=True):  # fmt: skip
        for name, target in wanted.items():
            value, counts = part[name], ~target.isnan()
            counts = counts & (playing if of_tracks else playing.any(-1)).reshape(
                *playing.shape[: playing.ndim - (not of_tracks)],
                *[1] * (target.ndim - playing.ndim + (not of_tracks)),
            )
            target = torch.where(counts, target, value.detach())
            if name == "gain.gain_db":
                value, target = staged(value, counts), staged(target, counts)
            if name in BY_LOGARITHM:
                value, target = value.log2(), target.log2()
            error = ((value - target).abs() * counts).reshape(*total.shape, -1).sum(-1)
            count = counts.reshape(*total.shape, -1).sum(-1).clamp(min=1)
            total = total + WEIGHTS[name] * error / count
    return total


def collate(examples: list[Example]) -> Example:
    """Songs as one batch, with absent tracks where a song has fewer."""
    most = max(len(example.mask) for example in examples)

    def filled(x: Tensor) -> Tensor:
        return nn.functional.pad(x, (0, 0) * (x.ndim - 1) + (0, most - len(x)))

    def stacked(parts: tuple[Mapping[str, Tensor], ...], change: Callable) -> dict[str, Tensor]:
        return {name: torch.stack([change(part[name]) for part in parts]) for name in parts[0]}

    heard, roles, told, masks, settings = zip(*examples, strict=True)
    tracks, _, buses, master = zip(*settings, strict=True)
    return Example(
        Heard(*(torch.stack([filled(x) for x in kind]) for kind in zip(*heard, strict=True))),
        torch.stack([filled(x) for x in roles]),
        torch.stack([filled(x) for x in told]),
        torch.stack([filled(x) for x in masks]),
        Settings(stacked(tracks, filled), {}, stacked(buses, torch.as_tensor),
                 stacked(master, torch.as_tensor)),
    )  # fmt: skip


def engineers_answer(song: Multitrack) -> Example:
    """What the engineer did, as settings for tracks that were trimmed to one loudness."""
    mix, rate = song.details["mix"], song.sample_rate
    loudness = torch.stack([measure_loudness(track, rate) for track in song.tracks])
    level = torch.stack([
        measure_loudness(run_strip(audio, rate, track.strip[:-1]), rate)
        for audio, track in zip(song.tracks, mix.tracks, strict=True)
    ])  # fmt: skip
    settings, _ = from_mix(Console(), mix)
    tracks, master = dict(settings.tracks), dict(settings.master)
    moved_db = TRIM_LUFS - loudness - tracks["gain.gain_db"]
    threshold_db = tracks["compressor.threshold_db"] + moved_db
    tracks["compressor.threshold_db"] = threshold_db
    for name in ("threshold_db", "attack_ms", "release_ms"):
        own = tracks[f"compressor.{name}"]
        tracks[f"compressor.{name}"] = torch.where(tracks["compressor.ratio"] > 1, own, torch.nan)
    tracks["gain.gain_db"] = level
    tracks["stereo_panner.pan"] = tracks["stereo_panner.pan"] * _turns(song)
    # The sum is about as loud as all tracks together.
    sum_lufs = 10 * torch.log10((10 ** (level / 10)).sum())
    master["compressor.threshold_db"] += (TRIM_LUFS - sum_lufs).item()
    return example_of(song, loudness, Settings(tracks, {}, settings.buses, master))


def example_of(song: Multitrack, loudness: Tensor, settings: Settings) -> Example:
    answer = Settings(*(
        {name: torch.as_tensor(value).float() for name, value in part.items() if name in WEIGHTS}
        for part in settings
    ))  # fmt: skip
    heard = hear(song.tracks, song.sample_rate, windows=PICTURES)
    mask = loudness > ABSOLUTE_GATE_LUFS
    check_roles(song.roles)
    roles = torch.tensor([ROLE_NAMES.index(role) for role in song.roles])
    return of_console(Example(heard, roles, roles, mask, answer), CONSOLES["full"])


def _turns(song: Multitrack) -> Tensor:
    """1 for the first track of a role, -1 for the second, and so on; 0 is of no concern."""
    so_far: Counter[str] = Counter()
    turns = []
    for role in song.roles:
        turns.append(-1.0 if so_far[role] % 2 else 1.0)
        so_far[role] += 1
    return torch.tensor(turns)


def names_alone(generator: torch.Generator, windows: int) -> Example:
    """What the engineer would do to tracks of any role, of which nobody hears more."""
    count = int(torch.randint(3, 15, (), generator=generator))
    numbers = torch.randint(len(ROLE_NAMES), (count,), generator=generator)
    roles = [ROLE_NAMES[number] for number in numbers]
    treatments = [draw_treatment(role, generator) for role in roles]

    def of_all(name: str) -> Tensor:
        return torch.tensor([getattr(treatment, name) for treatment in treatments])

    plain = CONSOLES["full"].to_physical(CONSOLES["full"].to_controls())
    gain_db = plain.tracks["parametric_eq.peak_gain_db"].repeat(count, 1)
    freq_hz = plain.tracks["parametric_eq.peak_freq_hz"].repeat(count, 1)
    for i, treatment in enumerate(treatments):
        band = 1 if treatment.peak_freq_hz < 1000 else 2
        gain_db[i, band], freq_hz[i, band] = treatment.peak_gain_db, treatment.peak_freq_hz
    compressed = of_all("ratio") > 1
    tracks = {
        "gain.gain_db": of_all("level_lu"),
        "stereo_panner.pan": of_all("pan"),
        "parametric_eq.low_shelf_gain_db": of_all("low_shelf_gain_db"),
        "parametric_eq.high_shelf_gain_db": of_all("high_shelf_gain_db"),
        "parametric_eq.peak_gain_db": gain_db,
        "parametric_eq.peak_freq_hz": freq_hz,
        "compressor.ratio": of_all("ratio"),
        "compressor.threshold_db": torch.full((count,), torch.nan),
        "compressor.attack_ms": torch.where(compressed, of_all("attack_ms"), torch.nan),
        "compressor.release_ms": torch.where(compressed, of_all("release_ms"), torch.nan),
        "send.reverb_db": of_all("send_reverb_db"),
    }
    unknown = ({n: torch.tensor(torch.nan) for n in part if n in WEIGHTS}
               for part in (plain.buses, plain.master))  # fmt: skip
    heard = Heard(
        torch.full((count, windows, BANDS, FRAMES), -1.0),
        torch.ones(count, windows, FRAMES),
        torch.stack((torch.zeros(count), torch.rand(count, generator=generator)), -1),
    )
    mask = torch.ones(count, dtype=torch.bool)
    return Example(heard, torch.full((count,), -1), numbers, mask, Settings(tracks, {}, *unknown))


def of_console(example: Example, console: Console) -> Example:
    """Without the settings that a smaller console does not have."""
    names = [{param.name for param in part} for part in console.params]
    kept = ({k: v for k, v in part.items() if k in own}
            for part, own in zip(example.settings, names, strict=True))  # fmt: skip
    return example._replace(settings=Settings(*kept))


def cached_songs(config: Config, kind: str, names: Sequence, make: Callable) -> list[Example]:
    """What is known of songs, from the cache if it is there."""
    console = CONSOLES[config.console]
    return [
        of_console(_cached(config, f"{kind}-{name}", partial(make, name)), console)
        for name in tqdm(names, desc=kind, leave=False, disable=None)
    ]


def _cached(config: Config, name: str, make: Callable[[], Example]) -> Example:
    if not config.cache:
        return make()
    path = Path(config.cache) / f"{name}-{config.seconds:g}s-{config.sample_rate}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as unfinished:
            save_file(_as_tensors(make()), unfinished)
    return _from_tensors(load_file(path))


def _as_tensors(example: Example) -> dict[str, Tensor]:
    flat = {f"heard.{key}": value.half() for key, value in example.heard._asdict().items()}
    flat |= {"roles": example.roles, "mask": example.mask}
    for part, settings in example.settings._asdict().items():
        flat |= {f"{part}:{name}": value.contiguous() for name, value in settings.items()}
    return flat


def _from_tensors(flat: Mapping[str, Tensor]) -> Example:
    parts = {part: {} for part in Settings._fields}
    for name, value in flat.items():
        part, _, setting = name.partition(":")
        if setting:
            parts[part][setting] = value
    heard = Heard(*(flat[f"heard.{key}"] for key in Heard._fields))
    roles = torch.where(flat["roles"] < 0, len(ROLE_NAMES) - 1, flat["roles"])
    return Example(heard, roles, roles, flat["mask"], Settings(**parts))


def _varied(song: Example, config: Config, generator: torch.Generator) -> Example:
    """Some of the pictures, through a filter; some of the roles; some of the tracks."""

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    tracks, windows, bands = song.heard.pictures.shape[:3]
    # Pictures in which something plays come first, in any order.
    order = draw(tracks, windows) + song.heard.playing.any(-1)
    chosen = order.topk(config.windows, -1).indices[..., None]
    playing = song.heard.playing.float().take_along_dim(chosen, 1)
    pictures = song.heard.pictures.float().take_along_dim(chosen[..., None], 1)
    knots = TILT * (2 * draw(tracks, 1, 1, 6) - 1)
    filter_ = nn.functional.interpolate(knots[:, 0], bands, mode="linear", align_corners=True)
    pictures = (pictures + filter_[:, None, 0, :, None]).clamp(min=-1.0)
    cut = LOWEST_CUT + (2 - LOWEST_CUT) * draw(tracks, 1, 1, 1)
    pictures = torch.where(torch.arange(bands)[:, None] < cut * bands, pictures, -1.0)
    told = some_told(song.roles, config.unknown, generator)
    present = draw(tracks) >= config.left_out
    return song._replace(
        heard=Heard(pictures, playing, song.heard.numbers.float()),
        told=told,
        mask=song.mask & (present if present.any() else True),
    )


def some_told(roles: Tensor, unknown: float, generator: torch.Generator) -> Tensor:
    """None of the roles of a share of songs, which is `unknown`; of others, four in five."""
    share = 1.0 if torch.rand((), generator=generator) < unknown else 0.2
    return torch.where(torch.rand(roles.shape, generator=generator) < share, -1, roles)
