"""Drum recordings as sessions: a kit, microphones and an engineer who stay for a few songs.

The kit is a real one, by its hits, or a synthetic one. Of the real one six microphones are its
own; the close microphones of hi-hat and toms, which it was recorded without, hear their drum from
the overhead, and of all other drums some bleed. Preamps bring every microphone roughly to where
the engineer will want it, as somebody does who listens while recording. The engineer hears one
song, in which all drums play, and leaves the settings for the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count

import torch
from torch import Tensor
from torch.nn.functional import pad

from dasp.analysis import measure_loudness
from dasp.mixing.roles import KIT_MICROPHONES
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import GAIN
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.songs.engineer import LEAD_LUFS, engineers_mix
from dasp.songs.kit_groove import DRUMS, MICROPHONES, Kit, kit_groove
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.score import compose
from dasp.songs.seeds import generator_for
from dasp.songs.synthetic import synthetic_song
from dasp.songs.taste import TASTES
from dasp.units import db_to_gain

RATE, SECONDS = 44_100, 10.0

STROKES = {
    "kick": ("ks",), "snare": ("sc",), "hihat": ("ht", "ho"),
    "tom 1": ("th",), "tom 2": ("tm",), "tom 3": ("tl",),
}  # fmt: skip
"""What of a kit's hits is which drum."""

OWN_MICROPHONES = {
    "kick": "kick", "snare": "snare", "overhead left": "side", "overhead right": "oh",
    "room left": "front", "room right": "wndw",
}  # fmt: skip
BLEED_FROM = {"hihat": "side", "tom 1": "retro", "tom 2": "front", "tom 3": "wndw"}
"""Close microphones that the kit was recorded without, and what their bleed is made of."""

PEAKS = {"kick": 0.8, "snare": 0.7, "hihat": 0.15, "tom 1": 0.7}
PLACES = {"kick": 0.0, "snare": -0.1, "hihat": -0.6, "tom 1": 0.2}
"""How loud the drums of a synthetic kit are, and where they stand between the overheads."""

BLEED_DB = (-26.0, -14.0)
ROUGHLY_DB = 4.0
"""Standard deviation of the recorded balance around the middle of the engineer's taste."""

MISSING = (
    (("room left", "room right"), 0.4), (("room right",), 0.3), (("overhead right",), 0.15),
    (("hihat",), 0.2), (("tom 3",), 0.3),
)  # fmt: skip
"""Microphones that a session does without, and how likely."""

ROLES = {name: name.partition(" ")[0] for name in KIT_MICROPHONES}
"""A tom is a tom whatever its number, and either side of the overheads one of them."""

Heard = dict[str, Tensor]
"""Audio `(1, time)` by microphone."""


@dataclass(frozen=True)
class Studio:
    """A kit and the microphones in front of it.

    Args:
        seed: Of the session, for its name.
        kit: The hits of a real kit, or None for a synthetic one.
        bleed: Amplitude of other drums in the close microphones that the kit was recorded without.
        preamps: A gain for each microphone that is there.
    """

    seed: int
    kit: Kit | None
    bleed: float
    preamps: Mapping[str, float]

    def record(self, seed: int) -> Multitrack:
        """Record a song.

        Args:
            seed: Of the song.

        Returns:
            The song, one track a microphone.
        """
        if self.kit:
            drums = on_real_kit(self.kit, seed, self.bleed, SECONDS)
        else:
            drums = _synthetic(seed, self.bleed)
        recordings = []
        for name, gain in self.preamps.items():
            if name in drums["kick"]:
                audio = gain * torch.stack([heard[name] for heard in drums.values()]).sum(0)
                recordings.append(Recording(name, ROLES[name], audio))
        return Multitrack(f"session {self.seed}, song {seed}", RATE, tuple(recordings))


@dataclass(frozen=True)
class DrumSession:
    """What stays the same from song to song.

    Args:
        studio: The kit, the microphones and their preamps.
        mix: What the engineer set.
        dry_mix: Gains and pans alone, which make every track as loud as it is behind its strip.
    """

    studio: Studio
    mix: Mix
    dry_mix: Mix

    def record(self, seed: int) -> Multitrack:
        """Record a song of the session.

        Args:
            seed: Of the song.

        Returns:
            The song, one track a microphone.
        """
        return self.studio.record(seed)


def open_session(seed: int, kit: Kit | None) -> DrumSession:
    """Set up a session: its preamps and its mix.

    Args:
        seed: Decides on the microphones, the preamps, and the taste of the engineer.
        kit: The hits of a real kit, or None for a synthetic one.

    Returns:
        The session.
    """
    draw = generator_for(seed, "session")
    missing = {
        name
        for names, chance in MISSING
        if torch.rand((), generator=draw).item() < chance
        for name in names
    }
    low, high = BLEED_DB
    bleed = db_to_gain(low + (high - low) * torch.rand((), generator=draw).item())
    there = {name: 1.0 for name in KIT_MICROPHONES if name not in missing}
    song = song_with_toms(1000 * seed + 500)
    preamps = {}
    for name, role, audio in Studio(seed, kit, bleed, there).record(song).recordings:
        wanted_lufs = LEAD_LUFS + sum(TASTES[role].level_lu) / 2
        away_db = ROUGHLY_DB * torch.randn((), generator=draw).item()
        preamps[name] = db_to_gain(wanted_lufs + away_db - measure_loudness(audio, RATE).item())
    studio = Studio(seed, kit, bleed, preamps)
    trial = studio.record(song)
    mix = engineers_mix(trial, seed)
    dry = (
        replace(track, strip=_fader_and_pan(audio, track), sends_db={})
        for audio, track in zip(trial.tracks, mix.tracks, strict=True)
    )
    return DrumSession(studio, mix, Mix(RATE, tuple(dry)))


def _fader_and_pan(audio: Tensor, track: Track) -> tuple[Stage, Stage]:
    *before, panner = track.strip
    heard = run_strip(audio, RATE, before)
    gain_db = (measure_loudness(heard, RATE) - measure_loudness(audio, RATE)).item()
    return Stage(GAIN, {"gain_db": gain_db}), panner


def song_with_toms(first: int) -> int:
    """Look for a song in which the toms play three notes or more.

    Args:
        first: The first seed to try.

    Returns:
        The first seed of such a song.
    """

    def toms(seed: int) -> int:
        parts = {part.name: part for part in compose(seed, seconds=SECONDS, ensemble=DRUMS).parts}
        return sum(note.start_s < SECONDS - 1 for note in parts["tom"].notes)

    return next(seed for seed in count(first) if toms(seed) >= 3)


def on_real_kit(kit: Kit, seed: int, bleed: float, seconds: float) -> dict[str, Heard]:
    """Play a song on a real kit.

    Args:
        kit: Its hits.
        seed: Of the song.
        bleed: Amplitude of other drums in the close microphones that the kit was recorded without.
        seconds: Length.

    Returns:
        What each microphone hears of each drum, by drum.
    """
    drums = {}
    for drum, strokes in STROKES.items():
        own = Kit(kit.sample_rate, {s: kit.hits[s] for s in strokes if s in kit.hits})
        groove = kit_groove(own, seed, seconds=seconds)
        tracks = dict(zip(MICROPHONES, groove.tracks, strict=True))
        heard = {name: tracks[own_name] for name, own_name in OWN_MICROPHONES.items()}
        for k, (name, other) in enumerate(BLEED_FROM.items()):
            heard[name] = tracks["oh"] if name == drum else bleed * _late(tracks[other], 1.0 + k)
        drums[drum] = heard
    return drums


def _synthetic(seed: int, bleed: float) -> dict[str, Heard]:
    """What is heard of each drum of a synthetic kit, from places that are some feet apart."""
    drums = {}
    song = synthetic_song(seed, seconds=SECONDS, sample_rate=RATE, ensemble=DRUMS)
    for name, audio in zip(song.names, song.tracks, strict=True):
        drum = "tom 1" if name == "tom" else name
        x = audio[:1] * PEAKS[drum] / audio.abs().max().clamp(min=1e-6)
        heard = {}
        for k, (other, place) in enumerate(PLACES.items()):
            distance_ms = 1.0 + 4.0 * abs(PLACES[drum] - place) + k
            heard[other] = x if other == drum else bleed * _late(x, distance_ms)
        for side, sign in (("left", -1), ("right", 1)):
            share = (0.5 * (1 + 0.8 * sign * PLACES[drum])) ** 0.5
            heard[f"overhead {side}"] = 0.3 * share * _late(x, 5.0 - sign * PLACES[drum])
            first, second = _late(x, 12.0), _late(x, 17.0 + sign)
            heard[f"room {side}"] = 0.15 * share * (first + 0.5 * second)
        drums[drum] = heard
    return drums


def _late(x: Tensor, ms: float) -> Tensor:
    samples = round(ms * RATE / 1000)
    return pad(x, (samples, 0))[..., : x.shape[-1]]
