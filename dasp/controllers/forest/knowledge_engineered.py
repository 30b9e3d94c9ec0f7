"""A compressor and a plate reverb whose settings follow from rules of thumb about a drum mix.

The compressor is set by how loud, how peaky and how long the sounds are, and by the tempo, within
which it recovers; the reverb by the crest factor and the tempo. What is measured is the median
over buffers of 3 s.

Sources: D. Moffat and M. Sandler, "Machine learning multitrack gain mixing of drums", AES 147,
2019, which names the two; D. Moffat and M. Sandler, "Adaptive ballistics control of dynamic range
compression for percussive tracks", AES 145, 2018; for the slope of the tempo rule, the published
regression RT60 = 136.1 s - 1.1 s per BPM. Where their programs and their words differ, the words
are followed: a threshold in dB, a tail that ends 20 dB under the peak.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_onsets, measure_tempo
from dasp.functional.plate_reverb import plate_decay
from dasp.mixing.in_range import in_range
from dasp.processors import Processor
from dasp.processors.catalogue import COMPRESSOR, PLATE_REVERB
from dasp.processors.stage import Stage
from dasp.units import gain_to_db

BUFFER_S = 3.0
DEFAULT_BPM = 110.0
LEAST_ONSETS = 10
"""There is a tempo where more notes begin than these."""

TAIL_DB = 20.0
SHORTEST_RUN = 100
SHORTEST_TAIL_S = 0.1
HIGHEST_RATIO = 10.0
LEAST_RELEASE_S = 0.005
"""What a knee is reckoned with where an attack leaves nothing of the beat."""

HAAS_MS = 30.0
NO_TEMPO_PRE_DELAY_MS = 10.0
WET = 1 - 10 ** (-9 / 20)
HIGH_CUT_HZ = 5000.0
SHORTEST_RT60_S, LONGEST_RT60_S = 0.3, 4.0


class Heard(NamedTuple):
    """What the rules are about.

    Args:
        rms_db: RMS level in dB of full scale.
        crest: Crest factor, a ratio.
        tail_s: How long sounds stay within 20 dB of the loudest moment.
        tempo_bpm: Tempo, or None where none is heard.
    """

    rms_db: float
    crest: float
    tail_s: float
    tempo_bpm: float | None


def knowledge_engineered(x: Tensor, sample_rate: float) -> tuple[Stage, ...]:
    """Choose the compressor and the reverb for a dry mix.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        The two stages; none for silence.
    """
    if not x.any():
        return ()
    heard = listen(x, sample_rate)
    return (
        _stage(COMPRESSOR, compressor_settings(heard)),
        _stage(PLATE_REVERB, reverb_settings(heard, sample_rate)),
    )


def listen(x: Tensor, sample_rate: float) -> Heard:
    """Measure audio that is not silent.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        What the rules are about.
    """
    heard = []
    for part in x.split(round(BUFFER_S * sample_rate), -1):
        if part.any():
            rms = part.square().mean().sqrt()
            tail_s = measure_tail(part.mean(0), sample_rate)
            heard.append((gain_to_db(rms).item(), (part.abs().max() / rms).item(), tail_s))
    rms_db, crest, tail_s = torch.tensor(heard, dtype=torch.float64).median(0).values.tolist()
    return Heard(rms_db, max(1.0, crest), tail_s, find_tempo(x, sample_rate))


def measure_tail(x: Tensor, sample_rate: float) -> float:
    """Measure the mean length of the stretches within 20 dB of the loudest moment.

    The level is that of the analytic signal; stretches of 100 samples or fewer do not count.

    Args:
        x: Audio `(time,)`.
        sample_rate: In Hz.

    Returns:
        The length in s.
    """
    envelope = _analytic(x).abs()
    above = (envelope > 10 ** (-TAIL_DB / 20) * envelope.max()).int()
    edges = torch.nn.functional.pad(above, (1, 1)).diff()
    runs = (edges == -1).nonzero()[:, 0] - (edges == 1).nonzero()[:, 0]
    runs = runs[runs > SHORTEST_RUN]
    return runs.double().mean().item() / sample_rate if len(runs) else 0.0


def find_tempo(x: Tensor, sample_rate: float) -> float | None:
    """Find the tempo, where more than ten notes begin and a beat is heard.

    The programs cited take the mean distance of onsets for the beat, which a hi-hat halves; the
    beat of `measure_tempo` is heard in the lows.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        The tempo in BPM, or None.
    """
    onsets = measure_onsets(x, sample_rate)
    if (onsets < torch.inf).sum() <= LEAST_ONSETS:
        return None
    return measure_tempo(x, sample_rate).item() or None


def compressor_settings(heard: Heard) -> dict[str, float]:
    """Set the compressor: threshold at the RMS level, ratio the crest factor, release in a beat.

    Args:
        heard: What was measured.

    Returns:
        Settings of `compressor`.

    >>> settings = compressor_settings(Heard(-20.0, 4.0, 0.05, 120.0))
    >>> settings["threshold_db"], settings["ratio"], settings["attack_ms"], settings["knee_db"]
    (-20.0, 4.0, 100.0, 1.0)
    """
    attack_s = max(SHORTEST_TAIL_S, heard.tail_s)
    release_s = max(0.0, 60 / (heard.tempo_bpm or DEFAULT_BPM) - attack_s)
    ratio = min(max(heard.crest, 1.0), HIGHEST_RATIO)
    return {
        "threshold_db": heard.rms_db,
        "ratio": ratio,
        "attack_ms": 1000 * attack_s,
        "release_ms": 1000 * release_s,
        "knee_db": attack_s / max(release_s, LEAST_RELEASE_S) * heard.crest,
        "makeup_gain_db": -heard.rms_db * (1 - 1 / ratio),  # full scale stays full scale
    }


def reverb_settings(heard: Heard, sample_rate: float) -> dict[str, float]:
    """Set the reverb: pre-delay and decay by the tempo; the peakier, the less and the brighter.

    Args:
        heard: What was measured.
        sample_rate: In Hz.

    Returns:
        Settings of `plate_reverb`.
    """
    gain = heard.crest**-3
    return {
        "pre_delay_ms": pre_delay_ms(heard.tempo_bpm),
        "decay": plate_decay(rt60_s(heard.tempo_bpm or DEFAULT_BPM)),
        "bandwidth_hz": HIGH_CUT_HZ,
        # The pole of the damping low-pass is 1 / crest^2 = exp(-2 pi corner / rate).
        "damping_hz": math.log(heard.crest) * sample_rate / math.pi,
        "mix": WET * gain / (1 - WET + WET * gain),
    }


def pre_delay_ms(tempo_bpm: float | None) -> float:
    """Find the shortest part of a beat that is an echo to no one.

    It is the beat, its half, its quarter and so on, of Haas's 30 ms or more; 10 ms without a tempo.

    Args:
        tempo_bpm: The tempo, or None.

    Returns:
        The pre-delay in ms.

    >>> pre_delay_ms(120.0), pre_delay_ms(None)
    (31.25, 10.0)
    """
    if tempo_bpm is None:
        return NO_TEMPO_PRE_DELAY_MS
    fractions = [60_000 / tempo_bpm / 2**k for k in range(9)]
    return min(fraction for fraction in fractions if fraction >= HAAS_MS)


def rt60_s(tempo_bpm: float) -> float:
    """Find the reverberation time of a tempo by the published regression, within 0.3 to 4 s.

    The line gives 15 s at 110 BPM and nothing above 123.7, hence the limits.

    Args:
        tempo_bpm: The tempo.

    Returns:
        The reverberation time in s.

    >>> rt60_s(110.0), round(rt60_s(122.0), 6), rt60_s(130.0)
    (4.0, 1.9, 0.3)
    """
    return min(max(136.1 - 1.1 * tempo_bpm, SHORTEST_RT60_S), LONGEST_RT60_S)


def _stage(processor: Processor, settings: dict[str, float]) -> Stage:
    """A stage whose settings are within the ranges of its parameters."""
    kept = {name: round(in_range(processor, name, value), 4) for name, value in settings.items()}
    return Stage(processor, kept)


def _analytic(x: Tensor) -> Tensor:
    """The signal with the negative half of its spectrum left out."""
    time = x.shape[-1]
    spectrum = torch.fft.fft(x.double())
    weight = torch.zeros(time, dtype=torch.float64, device=x.device)
    weight[0] = 1.0
    weight[1 : (time + 1) // 2] = 2.0
    if time % 2 == 0:
        weight[time // 2] = 1.0
    return torch.fft.ifft(spectrum * weight)
