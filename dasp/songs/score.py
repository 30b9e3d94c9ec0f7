"""Scores that a seed writes: tempo, sections, who plays, and every note.

A song has a verse and a chorus with chords of their own, which take turns. In the chorus all play;
in the verse some rest. Parts differ from song to song in their pattern, register and tone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from dasp._checks import check_choice, check_range

PROGRESSIONS = ((0, 5, 3, 4), (0, 3, 4, 3), (5, 3, 0, 4), (0, 4, 5, 3), (1, 4, 0, 0), (0, 2, 3, 4))
"""Chords of four bars as degrees of the scale."""

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10))
"""Major, natural minor and dorian, in semitones."""

SLOWEST_BPM, FASTEST_BPM = 76.0, 140.0


class Note(NamedTuple):
    """One note of a part.

    Args:
        start_s: When it begins.
        duration_s: How long it is held.
        freq_hz: Its pitch.
        velocity: How hard it is struck, 0 to 1.
    """

    start_s: float
    duration_s: float
    freq_hz: float
    velocity: float = 1.0


class Section(NamedTuple):
    """A stretch of the song from a time on.

    Args:
        name: "verse" or "chorus".
        start_s: When it begins.
    """

    name: str
    start_s: float


@dataclass(frozen=True)
class Part:
    """What one instrument plays, in the order of time.

    Args:
        name: Of the instrument.
        role: What it is in a mix.
        tone: Its timbre in this song, 0 to 1.
        notes: What it plays.
    """

    name: str
    role: str
    tone: float
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Score:
    """A song before it is played.

    Args:
        seconds: Its length.
        tempo_bpm: Beats in a minute.
        sections: Verses and choruses in turn.
        parts: The instruments and their notes.
    """

    seconds: float
    tempo_bpm: float
    sections: tuple[Section, ...]
    parts: tuple[Part, ...]


class _Beat(NamedTuple):
    """An eighth note of the song: what a part needs to decide what it plays there."""

    start_s: float
    eighth: int
    """Its place in the bar, from 0 to 7."""
    bar: int
    beat_s: float
    triad: tuple[float, float, float]
    """The chord in Hz; the root of the key lies between 110 and 208 Hz."""
    step: Callable[[int], float]
    """The frequency of a step of the scale above the root of the chord."""
    chorus: bool


class _Habits(NamedTuple):
    """What a part keeps to through a song, drawn once: numbers in [0, 1]."""

    busy: float
    pattern: float


Player = Callable[[_Beat, _Habits, Callable[[], float]], Iterator[Note]]


def compose(seed: int, *, seconds: float, ensemble: Sequence[str] | None = None) -> Score:
    """Write the score of a seed.

    Args:
        seed: Decides on all of it.
        seconds: Length of the song, above 0.
        ensemble: Who plays, names of `PARTS`; without it, who plays is drawn too.

    Returns:
        The score.

    Raises:
        ValueError: If `seconds` is not above 0, or nobody of that name plays.

    >>> score = compose(0, seconds=20.0, ensemble=("kick", "bass"))
    >>> [part.name for part in score.parts], score.sections[0].name
    (['kick', 'bass'], 'verse')
    """
    check_range("seconds", seconds, above=0.0)
    generator = torch.Generator().manual_seed(seed)

    def draw() -> float:
        return torch.rand((), generator=generator, dtype=torch.float64).item()

    tempo_bpm = SLOWEST_BPM + (FASTEST_BPM - SLOWEST_BPM) * draw()
    swing = 0.16 * max(0.0, draw() - 0.6)
    root, scale = 45 + int(12 * draw()), _pick(SCALES, draw)
    chords = {name: _pick(PROGRESSIONS, draw) for name in ("verse", "chorus")}
    bars_each = _pick((4, 4, 8), draw)
    if ensemble is None:
        ensemble = [name for name, (_, _, chance) in PARTS.items() if draw() < chance]
    for name in ensemble:
        check_choice("ensemble", name, PARTS)
    beats = list(_beats(seconds, 60 / tempo_bpm, swing, root, scale, chords, bars_each))
    parts = tuple(_part(name, beats, seconds, draw) for name in ensemble)
    starts = [beat for beat in beats if beat.eighth == 0 and beat.bar % bars_each == 0]
    sections = tuple(Section("chorus" if b.chorus else "verse", b.start_s) for b in starts)
    return Score(seconds, tempo_bpm, sections, parts)


UNPITCHED = ("kick", "snare", "hihat", "tom", "cymbal", "percussion")
"""Roles of parts that are in no key."""


def transposed(score: Score, cents: float) -> Score:
    """Write a score in another key; drums stay as they are.

    Args:
        score: The score.
        cents: Hundredths of a semitone; above 0 is higher.

    Returns:
        The score with the same notes at other pitches.

    >>> score = compose(0, seconds=4.0, ensemble=("kick", "bass"))
    >>> higher = transposed(score, 1200.0)
    >>> [b.notes[0].freq_hz / a.notes[0].freq_hz for a, b in zip(score.parts, higher.parts)]
    [1.0, 2.0]
    """
    factor = 2 ** (cents / 1200)

    def moved(part: Part) -> Part:
        if part.role in UNPITCHED:
            return part
        notes = (note._replace(freq_hz=note.freq_hz * factor) for note in part.notes)
        return replace(part, notes=tuple(notes))

    return replace(score, parts=tuple(map(moved, score.parts)))


def _beats(
    seconds: float,
    beat_s: float,
    swing: float,
    root: int,
    scale: tuple[int, ...],
    chords: dict[str, tuple[int, ...]],
    bars_each: int,
) -> Iterator[_Beat]:
    for bar in range(math.ceil(seconds / (4 * beat_s))):
        chorus = bar // bars_each % 2 == 1
        degree = chords["chorus" if chorus else "verse"][bar % 4]

        def step(k: int, degree: int = degree) -> float:
            return _pitch(root, scale, degree + k)

        for eighth in range(8):
            late = swing * beat_s if eighth % 2 else 0.0
            start_s = (4 * bar + eighth / 2) * beat_s + late
            if start_s < seconds:
                triad = (step(0), step(2), step(4))
                yield _Beat(start_s, eighth, bar, beat_s, triad, step, chorus)


def _part(name: str, beats: list[_Beat], seconds: float, draw: Callable[[], float]) -> Part:
    role, player, _ = PARTS[name]
    tone, habits = draw(), _Habits(draw(), draw())
    has_chorus = any(beat.chorus for beat in beats)
    rests_in_verse = (
        has_chorus and role not in ("kick", "snare", "bass", "hihat", "vocal") and draw() < 0.4
    )
    notes = tuple(
        note
        for beat in beats
        if beat.chorus or not rests_in_verse
        for note in player(beat, habits, draw)
        if note.start_s < seconds
    )
    return Part(name, role, tone, notes)


# The players: what each part plays at an eighth note.


def _kick(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    four_on_the_floor = habits.pattern < 0.3
    on = beat.eighth % 2 == 0 if four_on_the_floor else beat.eighth in (0, 4)
    if on or (beat.eighth in (3, 5, 7) and draw() < 0.35 * habits.busy):
        yield Note(beat.start_s, 0.4, 50.0, _velocity(beat, draw))


def _snare(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    half_time = habits.pattern < 0.15
    if beat.eighth in ((4,) if half_time else (2, 6)):
        yield Note(beat.start_s, 0.3, 190.0, _velocity(beat, draw))
    elif draw() < 0.12 * habits.busy:
        yield Note(beat.start_s, 0.2, 190.0, 0.3 * _velocity(beat, draw))


def _hihat(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    loud = _velocity(beat, draw) * (1.0 if beat.eighth % 2 == 0 else 0.6)
    yield Note(beat.start_s, 0.08, 0.0, loud)
    if habits.pattern < 0.3:
        yield Note(beat.start_s + beat.beat_s / 4, 0.06, 0.0, 0.5 * loud)


def _tom(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    """Fills at the end of every fourth bar, from high to low."""
    if beat.bar % 4 == 3 and beat.eighth >= 4 and draw() < 0.5 + 0.5 * habits.busy:
        yield Note(beat.start_s, 0.5, 160.0 - 18 * (beat.eighth - 4), _velocity(beat, draw))


def _crash(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    if beat.eighth == 0 and beat.bar % (4 if habits.busy > 0.5 else 8) == 0:
        yield Note(beat.start_s, 1.8, 0.0, _velocity(beat, draw))


def _shaker(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    for half in (0, 1):
        accent = 1.0 if beat.eighth % 2 == 0 and half == 0 else 0.5
        at = beat.start_s + half * beat.beat_s / 4
        yield Note(at, 0.07, 0.0, accent * _velocity(beat, draw))


def _bass(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    if beat.eighth == 0 or draw() < 0.25 + 0.7 * habits.busy:
        freq_hz = beat.triad[0] / 2 * (2.0 if draw() < 0.08 else 1.0)
        yield Note(beat.start_s, 0.45 * beat.beat_s, freq_hz, _velocity(beat, draw))


def _guitar(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    """Broken chords, or strums on the beat."""
    if habits.pattern < 0.5:
        tone = beat.triad[beat.eighth % 3] * (2 if beat.eighth >= 6 else 1)
        yield Note(beat.start_s, 2 * beat.beat_s, tone, _velocity(beat, draw))
    elif beat.eighth in (0, 3, 6):
        loud = _velocity(beat, draw)
        for k, tone in enumerate(beat.triad):
            yield Note(beat.start_s + 0.012 * k, 1.4 * beat.beat_s, tone, 0.7 * loud)


def _keys(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    if beat.eighth in ((0, 4) if habits.pattern < 0.5 else (0, 3, 6)):
        loud = _velocity(beat, draw)
        for tone in beat.triad:
            yield Note(beat.start_s, 1.6 * beat.beat_s, 2 * tone, loud)


def _pad(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    if beat.eighth == 0:
        for tone in beat.triad:
            yield Note(beat.start_s, 4 * beat.beat_s, 2 * tone if habits.pattern < 0.5 else tone)


def _lead(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    if draw() < 0.3 + 0.5 * habits.busy:
        tone = 4 * beat.step(_pick((0, 2, 4, 5, 7), draw))
        yield Note(beat.start_s, 0.45 * beat.beat_s, tone, _velocity(beat, draw))


def _vocal(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    """A melody in quarter notes with a rest in every fourth bar, in a high or a low register."""
    resting = beat.bar % 4 == 3 and beat.eighth >= 4
    if beat.eighth % 2 == 0 and not resting and draw() < 0.6 + 0.3 * habits.busy:
        octave = 2 if habits.pattern < 0.5 else 1
        tone = octave * beat.step(_pick((0, 1, 2, 4), draw))
        yield Note(beat.start_s, 0.9 * beat.beat_s, tone, _velocity(beat, draw))


def _backing(beat: _Beat, habits: _Habits, draw: Callable[[], float]) -> Iterator[Note]:
    if beat.eighth in (0, 4):
        tone = 2 * beat.triad[1 if habits.pattern < 0.5 else 2]
        yield Note(beat.start_s, 1.9 * beat.beat_s, tone, _velocity(beat, draw))


PARTS: dict[str, tuple[str, Player, float]] = {
    "kick": ("kick", _kick, 0.97),
    "snare": ("snare", _snare, 0.95),
    "hihat": ("hihat", _hihat, 0.9),
    "tom": ("tom", _tom, 0.35),
    "crash": ("cymbal", _crash, 0.4),
    "shaker": ("percussion", _shaker, 0.35),
    "bass": ("bass", _bass, 1.0),
    "guitar": ("guitar", _guitar, 0.75),
    "guitar 2": ("guitar", _guitar, 0.3),
    "keys": ("keys", _keys, 0.65),
    "pad": ("pad", _pad, 0.5),
    "lead": ("synth", _lead, 0.3),
    "vocal": ("vocal", _vocal, 0.85),
    "backing vocal": ("backing vocal", _backing, 0.35),
}
"""The role of each part, who plays it, and how likely it is in a drawn ensemble."""


def _velocity(beat: _Beat, draw: Callable[[], float]) -> float:
    return (0.9 if beat.chorus else 0.75) * (0.7 + 0.3 * draw())


def _pick(choices: Sequence, draw: Callable[[], float]):
    return choices[int(len(choices) * draw())]


def _pitch(root: int, scale: tuple[int, ...], degree: int) -> float:
    """Frequency of a degree of a scale on a MIDI root."""
    octave, step = divmod(degree, len(scale))
    return 440 * 2 ** ((root + 12 * octave + scale[step] - 69) / 12)
