"""What a mixing console is trained on: what is heard of songs, and the settings to find.

The settings are those of an engineer whose taste is random within the ranges of each role
(`dasp.songs.taste`), or the balance of stems as an artist left them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.audio_io import whole
from dasp.controllers.console.features import BANDS, FRAMES, Heard, hear
from dasp.controllers.console.mix import TRIM_LUFS
from dasp.controllers.console.network import CONSOLES, ROLE_NAMES
from dasp.mixing.console import Console, Settings
from dasp.mixing.conversion import from_mix
from dasp.mixing.roles import check_roles
from dasp.processors.strip import run_strip
from dasp.songs.brought import NARROW_ROLES
from dasp.songs.multitrack import Multitrack
from dasp.songs.taste import draw_treatment, eased

PICTURES = 4
"""Of each track that are kept."""

PRODUCED = 0.4
"""The share of songs of names alone whose tracks somebody has worked on."""

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


class Example(NamedTuple):
    """What is heard of the tracks of a song, their roles, and the settings to find.

    Args:
        heard: Pictures and numbers of the tracks.
        roles: `(*batch, tracks)`, numbers of `dasp.controllers.console.network.ROLE_NAMES`, or -1.
        told: The same, -1 for those that the network is not told.
        mask: True where there is a track, `(*batch, tracks)`.
        settings: Those of `WEIGHTS`; for tracks `(*batch, tracks)`, for the other parts `(*batch)`.
    """

    heard: Heard
    roles: Tensor
    told: Tensor
    mask: Tensor
    settings: Settings


def collate(examples: list[Example]) -> Example:
    """Make a batch of songs, with absent tracks where a song has fewer.

    Args:
        examples: The songs.

    Returns:
        The batch.
    """
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
    """Hear a song, and convert what the engineer did to settings of trimmed tracks.

    What the engineer left out counts as absent.

    Args:
        song: A song from `with_engineers_mix`.

    Returns:
        What is heard, and the settings.

    Raises:
        ValueError: If a role is not known.
    """
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
    kinds = song.details.get("brought", ())
    loudness[[i for i, kind in enumerate(kinds) if kind == "left out"]] = ABSOLUTE_GATE_LUFS
    return example_of(song, loudness, Settings(tracks, {}, settings.buses, master))


def artists_answer(song: Multitrack) -> Example:
    """Hear stems, and take their balance for the answer. Of the sum nothing is known.

    Args:
        song: Stems as an artist left them.

    Returns:
        What is heard, and the settings.

    Raises:
        ValueError: If a role is not known.
    """
    loudness = torch.stack([measure_loudness(t, song.sample_rate) for t in song.tracks])
    plain = CONSOLES["full"].to_physical(CONSOLES["full"].to_controls())
    tracks = {name: value.expand(len(loudness), *value.shape).clone()
              for name, value in plain.tracks.items()}  # fmt: skip
    tracks["gain.gain_db"] = loudness
    for name in ("compressor.threshold_db", "compressor.attack_ms", "compressor.release_ms",
                 "parametric_eq.peak_freq_hz"):  # fmt: skip
        tracks[name].fill_(torch.nan)
    buses, master = ({name: torch.nan for name in part} for part in (plain.buses, plain.master))
    return example_of(song, loudness, Settings(tracks, {}, buses, master))


def example_of(song: Multitrack, loudness: Tensor, settings: Settings) -> Example:
    """Hear a song beside the settings to find.

    Args:
        song: The song.
        loudness: Loudness of each track in LUFS, `(tracks,)`.
        settings: The settings to find, of the full console.

    Returns:
        What is heard, and the settings of `WEIGHTS`.

    Raises:
        ValueError: If a role is not known.
    """
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
    """Draw what the engineer would do to tracks of any role, of which nobody hears more.

    Args:
        generator: Source of roles and settings.
        windows: Pictures of each track.

    Returns:
        An example without sound.
    """
    count = int(torch.randint(3, 15, (), generator=generator))
    numbers = torch.randint(len(ROLE_NAMES), (count,), generator=generator)
    roles = [ROLE_NAMES[number] for number in numbers]
    treatments = [draw_treatment(role, generator) for role in roles]
    widths = torch.zeros(count)
    if torch.rand((), generator=generator) < PRODUCED:
        treatments = [eased(treatment) for treatment in treatments]
        narrow = torch.tensor([role in NARROW_ROLES for role in roles])
        widths = torch.where(narrow, 0.01, 0.7) * torch.rand(count, generator=generator)

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
        torch.stack((widths, torch.rand(count, generator=generator)), -1),
    )
    mask = torch.ones(count, dtype=torch.bool)
    return Example(heard, torch.full((count,), -1), numbers, mask, Settings(tracks, {}, *unknown))


def of_console(example: Example, console: Console) -> Example:
    """Leave out the settings that a smaller console does not have.

    Args:
        example: Of the full console.
        console: The smaller one.

    Returns:
        The example for that console.
    """
    kept = {
        part: {name: value for name, value in settings.items()
               if name in [param.name for param in getattr(console.params, part)]}
        for part, settings in example.settings._asdict().items()
    }  # fmt: skip
    return example._replace(settings=Settings(**kept))


@dataclass(frozen=True)
class Cache:
    """Keep what is heard of songs, since it takes longer than to train.

    Args:
        folder: Where it is kept; "" to hear every song again.
        console: Whose settings are wanted.
        seconds: Length of the songs, for the names of the files.
        sample_rate: Of the songs, in Hz, for the names of the files.
    """

    folder: str
    console: Console
    seconds: float = 12.0
    sample_rate: int = 44_100

    def examples(self, kind: str, names: Iterable, make: Callable) -> list[Example]:
        """Hear songs, or read what was heard of them.

        Args:
            kind: What they are, in a word.
            names: What tells them apart.
            make: Hears the song of a name.

        Returns:
            An example for each name.
        """
        return [
            of_console(self._example(f"{kind}-{name}", name, make), self.console)
            for name in tqdm(names, desc=kind, leave=False, disable=None)
        ]

    def _example(self, title: str, name: object, make: Callable) -> Example:
        if not self.folder:
            return make(name)
        file = f"{title}-{self.seconds:g}s-{self.sample_rate}.safetensors"
        path = Path(self.folder) / file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                save_file(_as_tensors(make(name)), unfinished)
        return _from_tensors(load_file(path))


def some_told(roles: Tensor, unknown: float, generator: torch.Generator) -> Tensor:
    """Draw which roles are told: none of a share of songs, four in five of others.

    Args:
        roles: Numbers of the roles, `(tracks,)`.
        unknown: The share of songs of which no role is told, 0 to 1.
        generator: Decides which.

    Returns:
        The numbers, and -1 for those that are not told.
    """
    share = 1.0 if torch.rand((), generator=generator) < unknown else 0.2
    return torch.where(torch.rand(roles.shape, generator=generator) < share, -1, roles)


def _as_tensors(example: Example) -> dict[str, Tensor]:
    flat = {f"heard.{key}": value.half() for key, value in example.heard._asdict().items()}
    flat |= {"roles": example.roles, "mask": example.mask}
    for part, settings in example.settings._asdict().items():
        flat |= {f"{part}:{name}": value.contiguous() for name, value in settings.items()}
    return flat


def _from_tensors(flat: Mapping[str, Tensor]) -> Example:
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in Settings._fields}
    for name, value in flat.items():
        part, _, setting = name.partition(":")
        if setting:
            parts[part][setting] = value
    heard = Heard(*(flat[f"heard.{key}"] for key in Heard._fields))
    roles = torch.where(flat["roles"] < 0, len(ROLE_NAMES) - 1, flat["roles"])
    return Example(heard, roles, roles, flat["mask"], Settings(**parts))
