"""A made drum kit in a made room: every microphone hears every drum, late and through the walls.

Drums and microphones have places, as the audience sees them: x to its right, y towards it, z up.
The hi-hat of a right-handed drummer is on the right. Sound spreads as 1 / r at 343 m/s, cardioids
hear less of what is behind them, six walls throw it back once, and the rest is noise that dies
away. Bleed and times of arrival follow from the places alone.

Sources: J. Allen and D. Berkley, "Image method for efficiently simulating small-room acoustics",
JASA 65(4), 1979, of which the first images are taken; the critical distance
0.057 (V / RT60)^0.5, in metres, is Sabine's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dasp.songs.instruments import INSTRUMENTS
from dasp.songs.score import Note, compose
from dasp.songs.seeds import generator_for
from dasp.units import db_to_gain

SOUND_M_PER_S = 343.0

DRUMS = {
    "hihat": (0.55, 0.0, 0.9), "kick": (0.0, 0.4, 0.3), "snare": (0.2, 0.0, 0.65),
    "tom_1": (0.2, 0.4, 0.8), "tom_2": (-0.2, 0.4, 0.8), "tom_3": (-0.55, 0.0, 0.6),
    "crash": (0.55, 0.45, 1.35),
}  # fmt: skip
"""Where drums stand, in metres. They move a little from kit to kit."""

LOUD_DB = {
    "hihat": -16.0, "kick": 0.0, "snare": 0.0, "tom_1": -3.0, "tom_2": -3.0, "tom_3": -2.0,
    "crash": -10.0,
}  # fmt: skip
"""Peak of a hard stroke a metre away, beside that of the kick."""

MICROPHONES = (
    "hihat", "kick", "overhead_L", "overhead_R", "snare", "tom_1", "tom_2", "tom_3",
)  # fmt: skip
"""The microphones, close but for the overheads; on the left is the left of the audience."""

CLOSE_M, OVERHEAD_M, APART_M = (0.05, 0.12), (1.5, 2.1), (0.35, 0.9)
"""How far close microphones are from their drum, how high overheads hang, and how far from the
middle."""

ROOM_M = ((3.0, 3.0, 2.4), (10.0, 12.0, 4.5))
ABSORBED, RT60_S = (0.15, 0.7), (0.2, 0.8)
SHELL_DB = -10.0
"""What the microphone in the kick hears of other drums through the shell."""

NO_CLOSER_M = 0.05
TOMS_HZ = (150.0, 120.0)
"""A tom higher than the first is the first, one higher than the second the second."""

FLOOR_TOM_HZ = 100.0

Place = tuple[float, float, float]


@dataclass(frozen=True)
class KitRoom:
    """A kit, its microphones, and what each hears of an impulse at each drum.

    Args:
        responses: Impulse responses `(microphones, time)` by drum, in the order of `MICROPHONES`.
        sample_rate: In Hz.
    """

    responses: Mapping[str, Tensor]
    sample_rate: int

    def hear(self, drums: Mapping[str, Tensor]) -> Tensor:
        """Play drums in the room.

        Args:
            drums: Audio `(time,)` by drum, as it is a metre away, of one length.

        Returns:
            Audio `(microphones, time)`.
        """
        time = next(iter(drums.values())).shape[-1]
        longest = max(response.shape[-1] for response in self.responses.values())
        size = 2 ** math.ceil(math.log2(time + longest))
        heard = sum(
            torch.fft.rfft(x, size) * torch.fft.rfft(self.responses[drum], size)
            for drum, x in drums.items()
        )
        return torch.fft.irfft(heard, size)[:, :time]


def kit_room(seed: int, sample_rate: int) -> KitRoom:
    """Set up a kit and its microphones in a room.

    Args:
        seed: Decides on all of it.
        sample_rate: In Hz.

    Returns:
        The kit in its room.

    >>> room = kit_room(0, 8000)
    >>> snare = room.responses["snare"].abs().argmax(-1)
    >>> bool(snare[MICROPHONES.index("snare")] < snare[MICROPHONES.index("overhead_L")])
    True
    """
    draw = generator_for(seed, "room")

    def between(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=draw).item()

    def moved(place: Place) -> Place:
        x, y, z = (torch.tensor(place) + 0.05 * torch.randn(3, generator=draw)).tolist()
        return x, y, max(z, 0.2)

    drums = {name: moved(place) for name, place in DRUMS.items()}
    hanging, apart = between(*OVERHEAD_M), between(*APART_M)
    microphones = {
        name: _close_to(drums[name], between(*CLOSE_M)) for name in MICROPHONES if name in drums
    }
    for name, side in (("overhead_L", -1.0), ("overhead_R", 1.0)):
        place = moved((side * apart, 0.15, hanging))
        microphones[name] = _Microphone(place, (*place[:2], 0.0))
    width, depth, height = (between(low, high) for low, high in zip(*ROOM_M, strict=True))
    corner = (-width * between(0.3, 0.7), -depth * between(0.4, 0.7), 0.0)
    walls = _Walls(corner, (width, depth, height), 1 - between(*ABSORBED), between(*RT60_S))
    responses = {
        drum: torch.stack(
            [
                _through_shell(drum, name)
                * _response(place, microphones[name], walls, sample_rate, draw)
                for name in MICROPHONES
            ]
        )
        for drum, place in drums.items()
    }
    return KitRoom(responses, sample_rate)


def play_kit(seed: int, seconds: float, sample_rate: int) -> dict[str, Tensor]:
    """Play the drums of the score of a seed.

    One kit in four has a beat on the floor tom in place of the hi-hat.

    Args:
        seed: Of the score and of the sounds.
        seconds: Length.
        sample_rate: In Hz.

    Returns:
        Audio `(time,)` by drum, `LOUD_DB` a metre away; silence where nothing is played.
    """
    score = compose(seed, seconds=seconds, ensemble=("kick", "snare", "hihat", "tom", "crash"))
    draw = generator_for(seed, "made kit")
    parts = {part.name: part for part in score.parts}
    toms = list(parts["tom"].notes)
    hats = parts["hihat"].notes
    if torch.rand((), generator=draw).item() < 0.25:
        toms += [note._replace(freq_hz=FLOOR_TOM_HZ, duration_s=0.5) for note in hats]
        hats = ()
    notes: dict[str, list[Note]] = {"tom_1": [], "tom_2": [], "tom_3": []}
    for note in toms:
        which = next((i for i, hz in enumerate(TOMS_HZ, 1) if note.freq_hz > hz), 3)
        notes[f"tom_{which}"].append(note)
    played = {
        "hihat": hats, "kick": parts["kick"].notes, "snare": parts["snare"].notes,
        "crash": parts["crash"].notes, **notes,
    }  # fmt: skip
    drums = {}
    for drum, own in played.items():
        instrument = drum.partition("_")[0]
        tone = torch.rand((), generator=draw).item()
        x = INSTRUMENTS[instrument](tuple(own), tone, seconds, sample_rate, draw)[0]
        loudest = max((note.velocity for note in own), default=1.0)
        peak = x.abs().max().clamp(min=1e-6) / loudest
        drums[drum] = x * (db_to_gain(LOUD_DB[drum]) / peak)
    return drums


@dataclass(frozen=True)
class _Microphone:
    """A cardioid at a place that points somewhere."""

    place: Place
    towards: Place

    def hears(self, place: Place) -> float:
        """The share of the amplitude from a direction."""
        own = [t - p for t, p in zip(self.towards, self.place, strict=True)]
        other = [t - p for t, p in zip(place, self.place, strict=True)]
        both = math.hypot(*own) * math.hypot(*other)
        cosine = sum(a * b for a, b in zip(own, other, strict=True)) / max(both, 1e-9)
        return 0.5 * (1 + cosine)


@dataclass(frozen=True)
class _Walls:
    corner: Place
    size: Place
    kept: float
    """The share of the amplitude that a wall throws back."""
    rt60_s: float

    def images(self, place: Place) -> list[Place]:
        """Where a source is seen in the six walls."""
        found = []
        for axis in range(3):
            for wall in (self.corner[axis], self.corner[axis] + self.size[axis]):
                image = list(place)
                image[axis] = 2 * wall - place[axis]
                found.append((image[0], image[1], image[2]))
        return found

    @property
    def critical_m(self) -> float:
        """Where the room is as loud as the source."""
        return 0.057 * math.sqrt(math.prod(self.size) / self.rt60_s)


def _close_to(drum: Place, distance: float) -> _Microphone:
    """Above the rim, on the side of the audience."""
    x, y, z = drum
    return _Microphone((x, y + 0.6 * distance, z + 0.8 * distance), drum)


def _response(
    place: Place,
    microphone: _Microphone,
    walls: _Walls,
    sample_rate: int,
    draw: torch.Generator,
) -> Tensor:
    """What a microphone hears of an impulse at a place."""
    time = round(walls.rt60_s * sample_rate)
    response = torch.zeros(time)
    paths = [(place, 1.0), *((image, walls.kept) for image in walls.images(place))]
    for source, share in paths:
        distance = max(math.dist(source, microphone.place), NO_CLOSER_M)
        at = round(distance / SOUND_M_PER_S * sample_rate)
        if at < time:
            response[at] += share * microphone.hears(source) / distance
    return response + _tail(walls, time, sample_rate, draw)


def _through_shell(drum: str, microphone: str) -> float:
    """The share of a drum that passes the shell of the kick to the microphone in it."""
    return db_to_gain(SHELL_DB) if microphone == "kick" and drum != "kick" else 1.0


def _tail(walls: _Walls, time: int, sample_rate: int, draw: torch.Generator) -> Tensor:
    """Noise that dies away, highs first, and is as loud as the room of the walls."""
    t = torch.arange(time) / sample_rate
    noise = torch.randn(2, time, generator=draw)
    low = (noise[0] + noise[0].roll(1) + noise[0].roll(2)) / math.sqrt(3)
    decay = math.log(1000) / walls.rt60_s
    tail = low * torch.exp(-decay * t) + 0.5 * noise[1] * torch.exp(-2 * decay * t)
    tail = tail * (1 - torch.exp(-t / 0.008))  # the first walls are heard by themselves
    return tail * (0.5 / walls.critical_m / tail.square().sum().sqrt())
