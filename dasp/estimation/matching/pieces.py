"""What is heard of a recording, and what there is to say about it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from dasp._checks import check_audio
from dasp.analysis import (
    busiest_pieces,
    measure_crest_factor,
    measure_loudness,
    measure_octave_spectrum,
    measure_side_share,
)
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, MOMENTARY_S
from dasp.estimation.matching.style import audible, mean_style, measure_style
from dasp.mixing.routing import as_stereo
from dasp.units import power_to_db

SHORT_S = 3.0
MONO_SHARE = 1e-4
RUN, CLIPPED = 3, 8
"""So many samples in a row at the very top are a clip, and so many clips are no accident."""

FEW_THIRDS = 15
"""Third-octave bands; a single instrument seldom has more of its energy in more."""

BY_BAND_DB = 30.0


class Whole(NamedTuple):
    """What the whole of a recording measures.

    Args:
        lufs: Integrated loudness in LUFS.
        spectrum: Third-octave levels of both channels at a loudness of 0, `(31,)` in dB, none of
            them further under the loudest than can be heard.
        crest_db: Crest factor, mean of the channels.
        side_share: Share of the side in the energy.
    """

    lufs: float
    spectrum: Tensor
    crest_db: float
    side_share: float


def measure_whole(x: Tensor, sample_rate: float) -> Whole:
    """Measure the whole of a recording.

    Args:
        x: Audio `(channels, time)`, mono or stereo.
        sample_rate: In Hz.

    Returns:
        Loudness as it is, and spectrum, crest factor and share of the side as in stereo.
    """
    stereo = as_stereo(x)
    thirds = 10 ** (measure_octave_spectrum(stereo, sample_rate, bands_per_octave=3) / 10)
    level_db = power_to_db(thirds.mean(-2))
    return Whole(
        measure_loudness(x, sample_rate).item(),
        audible(level_db - measure_loudness(stereo, sample_rate)),
        measure_crest_factor(stereo, sample_rate).mean().item(),
        measure_side_share(stereo, sample_rate).item(),
    )


class Heard(NamedTuple):
    """A recording as a match hears it.

    Args:
        pieces: Audio `(pieces, 2, time)`, where it is loudest.
        style: Its style, the mean of the pieces'.
        whole: What the whole of it measures.
        mono: Whether both channels are the same.
        notes: What stands in the way of a match, for a person to read.
    """

    pieces: Tensor
    style: dict[str, Tensor]
    whole: Whole
    mono: bool
    notes: tuple[str, ...]


def hear(
    x: Tensor,
    sample_rate: float,
    name: str,
    *,
    seconds: float,
    pieces: int,
    encoder: bool = False,
) -> Heard:
    """Choose the loudest pieces of a recording, and measure their style.

    Args:
        x: Audio `(channels, time)`, mono or stereo.
        sample_rate: In Hz.
        name: What it is called in notes and errors.
        seconds: Length of all pieces together.
        pieces: Number of pieces, of which a shorter recording is the only one.
        encoder: Whether the effect encoder listens as well.

    Returns:
        The pieces, the style, and notes.

    Raises:
        ValueError: If the recording is silent, too short or not finite, or has more than two
            channels.
    """
    listened = _listen(x, sample_rate, name, seconds, pieces, encoder)
    return Heard(whole=measure_whole(x.detach().float(), sample_rate), **listened)


def reference_notes(references: Sequence[Tensor], sample_rate: float) -> list[str]:
    """Tell what stands in the way of a mix like references.

    Args:
        references: Recordings `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        Sentences for a person to read.

    Raises:
        ValueError: If one is silent, too short or not finite, or has more than two channels.
    """
    return [
        note
        for i, one in enumerate(references)
        for note in _listen(one, sample_rate, f"reference {i + 1}", 12.0, 3)["notes"]
    ]


def _listen(
    x: Tensor, sample_rate: float, name: str, seconds: float, pieces: int, encoder: bool = False
) -> dict[str, Any]:
    """What is heard in the pieces alone."""
    check_audio(x, name)
    if x.ndim != 2 or x.shape[0] not in (1, 2):
        raise ValueError(f"{name}: expected mono or stereo (channels, time), got {tuple(x.shape)}")
    if x.shape[-1] < MOMENTARY_S * sample_rate:
        got = x.shape[-1] / sample_rate
        raise ValueError(f"{name}: expected at least {MOMENTARY_S} s, got {got:.3f} s")
    if not x.isfinite().all():
        raise ValueError(f"{name}: expected finite samples")
    lufs = measure_loudness(x, sample_rate).item()
    if not x.any() or lufs <= ABSOLUTE_GATE_LUFS:
        raise ValueError(f"{name}: expected sound, got silence: nothing of it is over -70 LUFS")
    stereo = as_stereo(x.detach().float())
    heard = _loudest(stereo, round(seconds * sample_rate), pieces)
    style = measure_style(heard, sample_rate, encoder=encoder)
    style = mean_style([{key: value[i] for key, value in style.items()} for i in range(len(heard))])
    side, mid = ((stereo[0] + sign * stereo[1]).square().sum().item() for sign in (-1, 1))
    mono = side <= MONO_SHARE * (side + mid)
    notes = tuple(_notes(x, sample_rate, name, mono, style))
    return {"pieces": heard, "style": style, "mono": mono, "notes": notes}


def _loudest(x: Tensor, length: int, count: int) -> Tensor:
    """The loudest pieces `(pieces, 2, time)` of a recording, or all of it."""
    if x.shape[-1] <= length:
        return x[None]
    size = length // count
    whole = x[:, : x.shape[-1] // size * size].unflatten(-1, (-1, size)).transpose(0, 1)
    return whole[busiest_pieces(whole.square().mean((-2, -1)), count)]


def _notes(x: Tensor, sample_rate: float, name: str, mono: bool, style) -> list[str]:
    notes = []
    seconds = x.shape[-1] / sample_rate
    if seconds < SHORT_S:
        notes.append(f"{name}: only {seconds:.1f} s long, which says little of a whole song")
    if mono:
        notes.append(f"{name}: mono, so that it says nothing of width and balance")
    if clips := _clips(x):
        notes.append(f"{name}: clipped {clips} times, so that its peaks are lower than they were")
    levels = style["spectrum"]
    thirds = int((levels > levels.amax() - BY_BAND_DB).sum())
    if thirds <= FEW_THIRDS:
        notes.append(
            f"{name}: sounds in {thirds} of 31 third-octaves, as one instrument does; the others "
            "say nothing of the wanted spectrum"
        )
    return notes


def _clips(x: Tensor) -> int:
    """How often several samples in a row stay at the very top; 0 where that is an accident."""
    top = x.abs() >= x.abs().amax(-1, keepdim=True) * (1 - 1e-4)
    runs = top.unfold(-1, RUN, 1).all(-1)
    starts = runs[..., 1:] & ~runs[..., :-1]
    count = int(starts.sum())
    return count if count >= CLIPPED else 0
