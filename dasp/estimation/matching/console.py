"""A mix in the style of a reference whose stems nobody has: the settings of a console.

The mix begins as another has set it. First the level and the place of every track, and EQ and width
of the sum are turned, then an EQ in every strip too. What is in front of the panner of a strip is
heard once: its fader moves with the thresholds behind it, and so does nothing but louder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dasp.analysis import busiest_stretch
from dasp.analysis.spectral import octave_centres_hz
from dasp.estimation.adam import adam
from dasp.estimation.matching.equaliser import IMPULSE, with_equaliser
from dasp.estimation.matching.mastering import Chain, mastering_chain, rounded
from dasp.estimation.matching.match import Progress, wanted_style
from dasp.estimation.matching.pieces import Heard, hear
from dasp.estimation.matching.prior import Prior
from dasp.estimation.matching.style import (
    mean_style,
    measure_style,
    quick_lufs,
    style_distance,
    style_errors,
)
from dasp.estimation.matching.voices import VOICES, voice_bands
from dasp.estimation.unmixing.linear_strips import HIGHEST_SHARE
from dasp.functional import limiter
from dasp.mixing.fader import turned_up
from dasp.mixing.mixdown import mix_down, prepared_tracks
from dasp.mixing.preparation import Preparation
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.targets import CEILING_DB, MIX_LUFS
from dasp.processors.catalogue import GAIN, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, run_strip
from dasp.units import db_to_gain, gain_to_db

STEPS, STEP = 20, 0.02
"""Of each of the two descents."""

GAIN_DB, EQ_DB = 18.0, 12.0
"""How far a fader and a band of a strip's EQ may move."""

EQ_SPREAD_DB = 3.0
BANDS = 6
LEAST_EQ_DB = 0.1


class Spread(NamedTuple):
    """How far the settings of a track may well be from those of the mix to start from.

    Args:
        level_db: Standard deviation of its level in dB.
        pan: Standard deviation of its pan.
    """

    level_db: float
    pan: float


@dataclass(frozen=True)
class MixMatch:
    """What a match of a console has found.

    Args:
        mix: The mix.
        before: How far the mix to start from was from the references, by group of the style.
        after: How far the mix is.
        notes: What could not be matched, and why, for a person to read.
    """

    mix: Mix
    before: Mapping[str, float]
    after: Mapping[str, float]
    notes: tuple[str, ...]


def nearest_mix(
    song: Song, starts: Mapping[str, Mix], references: Sequence[Tensor], *, excerpt_s: float = 5.0
) -> str:
    """Choose the mix whose sound is nearest to references.

    Args:
        song: The tracks, in the order of the mixes.
        starts: The mixes by name.
        references: One or more recordings `(channels, time)` at the rate of the song.
        excerpt_s: Seconds that are heard, where most tracks play.

    Returns:
        The name of the nearest.

    Raises:
        ValueError: If a reference is silent, too short, not finite, or of more than two channels.
    """
    with torch.no_grad():
        others = _references(song, references)
        wanted = {**mean_style([o.style for o in others]), "loudness": torch.tensor([MIX_LUFS])}
        excerpt = _excerpt(song, excerpt_s)
        distances = {}
        for name, start in starts.items():
            bus = mix_down(excerpt, replace(start, master=()))
            style = measure_style(_at_loudness(bus[None], song.sample_rate), song.sample_rate)
            distances[name] = style_distance(style, wanted).item()
    return min(distances, key=distances.__getitem__)


def match_mix(
    song: Song,
    start: Mix,
    references: Sequence[Tensor],
    spreads: Sequence[Spread],
    *,
    excerpt_s: float = 5.0,
    on_step: Progress = lambda distance: None,
) -> MixMatch:
    """Turn the knobs of a mix so that it comes near to the style of references.

    Tracks with anything locked stay as they are, and so does a master strip.

    Args:
        song: The tracks, in the order of the mix.
        start: The mix to start from.
        references: One or more recordings `(channels, time)` at the rate of the song; of several
            the mean is wanted.
        spreads: For each track how far its settings may well move.
        excerpt_s: Seconds that are heard, where most tracks play.
        on_step: Called after each step with the smallest distance so far.

    Returns:
        The mix, whose loudness is not brought to anything, and how far it was and is.

    Raises:
        ValueError: If a reference is silent, too short, not finite, or of more than two channels.
    """
    with torch.inference_mode(False), torch.enable_grad():
        return _matched(
            song, start, [one.clone() for one in references], spreads, excerpt_s, on_step
        )


def _matched(
    song: Song,
    start: Mix,
    references: Sequence[Tensor],
    spreads: Sequence[Spread],
    excerpt_s: float,
    on_step: Progress,
) -> MixMatch:
    rate = song.sample_rate
    others = _references(song, references)
    with torch.no_grad():
        desk = _desk(song, start, spreads, excerpt_s)
        bus = desk.bus(desk.prior.mean[None])
        own = hear(bus, rate, "mix", seconds=excerpt_s, pieces=1)
        own = own._replace(mono=False)  # panners will see to that
        wanted = {**wanted_style(own, others), "loudness": torch.tensor([MIX_LUFS])}
        master = mastering_chain(own.pieces, rate, dynamics="none", equaliser=True)
        begin = with_equaliser(master, own.style, wanted, rate)[:1]
    search = _Search(desk, master, wanted, not any(stage.locked for stage in start.master))
    u = search.found(torch.cat((desk.prior.mean[None], begin), -1), on_step)
    with torch.no_grad():
        first = torch.cat((desk.prior.mean, master.neutral))[None]
        styles = [_first(measure_style(search.heard(v), rate)) for v in (first, u[None])]
    mix = search.mix(start, u)
    notes = [note for other in others for note in other.notes]
    kept = len(start.tracks) - len(desk.free)
    if kept:
        notes.append(f"{kept} tracks stay as they are: locked, moving, or silent where most play")
    return MixMatch(
        mix, style_errors(styles[0], wanted), style_errors(styles[1], wanted), tuple(notes)
    )


def _references(song: Song, references: Sequence[Tensor]) -> list[Heard]:
    return [
        hear(one, song.sample_rate, f"reference {i + 1}", seconds=12.0, pieces=3)
        for i, one in enumerate(references)
    ]


def _excerpt(song: Song, seconds: float) -> list[Tensor]:
    """The stretch of the tracks in which most plays."""
    mono = (track.mean(-2, keepdim=True) for track in song.tracks)
    stretch = busiest_stretch(mono, round(seconds * song.sample_rate))
    return [track[..., stretch].float().clone() for track in song.tracks]


def _at_loudness(bus: Tensor, sample_rate: int) -> Tensor:
    """A sum of tracks `(*batch, 2, time)` at the loudness of mixes, behind a limiter."""
    gain_db = (MIX_LUFS - quick_lufs(bus, sample_rate))[..., None, None]
    loud = bus * db_to_gain(gain_db)
    return limiter(loud, sample_rate, ceiling_db=CEILING_DB, release_ms=100.0)


def _first(style: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values[0] for name, values in style.items()}


@dataclass(frozen=True)
class _Desk:
    """The tracks behind their strips but for the panners, and what turns them.

    The controls of a free track are its gain, its pan and the gains of an EQ.
    """

    signals: tuple[Tensor, ...]
    mix: Mix
    free: tuple[int, ...]
    prior: Prior

    def bus(self, u: Tensor) -> Tensor:
        """The sum of the tracks, groups and buses `(2, time)`, of controls `(1, n)`."""
        strips = dict(zip(self.free, self.knobs(u[0]), strict=True))
        tracks = tuple(
            replace(track, strip=(*strips[i].in_front, *strips[i].behind(track.strip)))
            if i in strips
            else track
            for i, track in enumerate(self.mix.tracks)
        )
        return mix_down(self.signals, replace(self.mix, tracks=tracks))

    def knobs(self, u: Tensor) -> list["_Knobs"]:
        """What the controls `(n,)` say of each free track."""
        own = u[: len(self.prior.mean)].unflatten(0, (-1, 2 + BANDS)) if self.free else []
        rate = self.mix.sample_rate
        return [
            _Knobs(GAIN_DB * (2 * c[0] - 1), 2 * c[1] - 1, EQ_DB * (2 * c[2:] - 1), rate)
            for c in own
        ]


class _Knobs(NamedTuple):
    """What is turned in a strip."""

    gain_db: Tensor
    pan: Tensor
    eq_db: Tensor
    sample_rate: int

    @property
    def in_front(self) -> Strip:
        """EQ and gain."""
        return (Stage(PARAMETRIC_EQ, self.eq), Stage(GAIN, {"gain_db": self.gain_db}))

    @property
    def eq(self) -> dict[str, Any]:
        """Settings of the EQ, at the usual frequencies where the sample rate has them."""
        low, *_, high = self.eq_db
        plain, most_hz = PARAMETRIC_EQ.defaults(), HIGHEST_SHARE * self.sample_rate
        return {
            "low_shelf_gain_db": low,
            "peak_gain_db": self.eq_db[1:-1],
            "peak_freq_hz": [min(freq_hz, most_hz) for freq_hz in plain["peak_freq_hz"]],
            "high_shelf_gain_db": high,
            "high_shelf_freq_hz": min(plain["high_shelf_freq_hz"], most_hz),
        }

    def behind(self, strip: Strip) -> Strip:
        """A strip that begins with its panner, which is turned."""
        return (strip[0]._replace(settings={**strip[0].settings, "pan": self.pan}), *strip[1:])


def _desk(song: Song, start: Mix, spreads: Sequence[Spread], seconds: float) -> _Desk:
    prepared = prepared_tracks(_excerpt(song, seconds), start)
    inputs = {track.name: audio for track, audio in zip(start.tracks, prepared, strict=True)}
    signals, tracks, free = [], [], []
    means, roots = [], []
    for i, (track, audio) in enumerate(zip(start.tracks, prepared, strict=True)):
        at = _panner(track)
        signals.append(run_strip(audio, song.sample_rate, track.strip[:at], inputs))
        rest = track.strip[at:] or (Stage(STEREO_PANNER, {"pan": 0.0}),)
        tracks.append(replace(track, strip=rest, prepare=Preparation()))
        if is_free(track) and audio.any():
            free.append(i)
            pan = {**STEREO_PANNER.defaults(), **rest[0].settings}["pan"]
            spread = spreads[i]
            eq = _likely_eq(track, song.sample_rate)
            means += [0.5, (pan + 1) / 2, *(0.5 + eq.mean / (2 * EQ_DB)).tolist()]
            roots += [
                torch.tensor([[spread.level_db / (2 * GAIN_DB)]]),
                torch.tensor([[spread.pan / 2]]),
                eq.root / (2 * EQ_DB),
            ]
    prior = Prior(torch.tensor(means), torch.block_diag(*roots) if roots else torch.zeros(0, 0))
    mix = replace(start, tracks=tuple(tracks), master=())
    return _Desk(tuple(signals), mix, tuple(free), prior)


def _likely_eq(track: Track, sample_rate: int) -> Prior:
    """What is believed of the gains of the EQ in a strip, in dB."""
    moderate = Prior(torch.zeros(BANDS), EQ_SPREAD_DB * torch.eye(BANDS))
    if track.role not in VOICES:
        return moderate
    voice = voice_bands(_what_bands_do(sample_rate))
    has_one = any(stage.processor is PARAMETRIC_EQ for stage in track.strip)
    return Prior(moderate.mean if has_one else voice.mean, voice.root)


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def _what_bands_do(sample_rate: int) -> Tensor:
    """What 1 dB of each band of the EQ does in the thirds of an octave, `(31, BANDS)`."""
    impulse = torch.zeros(1, IMPULSE)
    impulse[:, 0] = 1.0
    bins = (octave_centres_hz(3) * IMPULSE / sample_rate).round().long().clamp(1, IMPULSE // 2)
    columns = []
    for gains_db in torch.eye(BANDS):
        eq = _Knobs(torch.zeros(()), torch.zeros(()), gains_db, sample_rate).eq
        h = torch.fft.rfft(PARAMETRIC_EQ(impulse, sample_rate, **eq)[0])
        columns.append(gain_to_db(h.abs())[bins])
    return torch.stack(columns, -1)


def _panner(track: Track) -> int:
    """The place of the panner in a strip, or behind its end."""
    places = [i for i, stage in enumerate(track.strip) if stage.processor is STEREO_PANNER]
    return places[-1] if places else len(track.strip)


def is_free(track: Track) -> bool:
    """Tell whether nothing of a track is locked, and no pan moves.

    Args:
        track: The track.

    Returns:
        Whether its strip may be turned.
    """
    panner = track.strip[_panner(track) :][:1]
    moves = any(stage.automation for stage in panner)
    return not (track.locked or moves or any(stage.locked for stage in track.strip))


@dataclass(frozen=True)
class _Search:
    """The search for the controls of a desk and of its master."""

    desk: _Desk
    master: Chain
    wanted: Mapping[str, Tensor]
    free_master: bool

    def found(self, u: Tensor, on_step: Progress) -> Tensor:
        """Two descents: without the EQs of strips, and with them."""
        count = len(self.desk.prior.mean)
        is_eq = torch.zeros(u.shape[-1], dtype=torch.bool)
        is_eq[:count].view(-1, 2 + BANDS)[:, 2:] = True
        held = is_eq.clone()
        if not self.free_master:
            held[count:] = True

        def descend(u: Tensor, held: Tensor) -> Tensor:
            def loss(v: Tensor) -> Tensor:
                return self.loss(torch.where(held, u, v))

            found = adam(
                loss, u, steps=STEPS, rate=STEP, on_step=lambda least: on_step(least.min().item())
            )
            return torch.where(held, u, found)

        u = descend(u, held)
        return descend(u, held & ~is_eq)[0]

    def loss(self, u: Tensor) -> Tensor:
        """Distance and price, `(1,)`."""
        count = len(self.desk.prior.mean)
        price = self.desk.prior.price(u[:, :count]) + self.master.prior.price(u[:, count:])
        style = measure_style(self.heard(u), self.desk.mix.sample_rate)
        return style_distance(style, self.wanted) + price

    def heard(self, u: Tensor) -> Tensor:
        """What the mix sounds like `(1, 2, time)`, at the loudness of mixes."""
        rate, count = self.desk.mix.sample_rate, len(self.desk.prior.mean)
        bus = self.desk.bus(u)[None]
        if self.free_master:
            bus = self.master.processor(bus, rate, **self.master.knobs.settings(u[:, count:]))
        return _at_loudness(bus, rate)

    def mix(self, start: Mix, u: Tensor) -> Mix:
        """The mix of controls `(n,)`."""
        tracks = list(start.tracks)
        for i, knobs in zip(self.desk.free, self.desk.knobs(u), strict=True):
            tracks[i] = _turned(tracks[i], knobs)
        stages = self.master.stages(u[len(self.desk.prior.mean) :]) if self.free_master else ()
        return replace(start, tracks=tuple(tracks), master=(*stages, *start.master))


def _turned(track: Track, knobs: _Knobs) -> Track:
    at = _panner(track)
    panner = track.strip[at] if at < len(track.strip) else Stage(STEREO_PANNER)
    pan = round(knobs.pan.item(), 3)
    eq = {key: rounded(value) for key, value in knobs.eq.items()}
    front = turned_up(track.strip[:at], round(knobs.gain_db.item(), 2))
    if knobs.eq_db.abs().max() > LEAST_EQ_DB:
        front = (*front, Stage(PARAMETRIC_EQ, eq))
    placed = panner._replace(settings={**panner.settings, "pan": pan})
    return replace(track, strip=(*front, placed, *track.strip[at + 1 :]))
