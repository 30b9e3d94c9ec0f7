"""Numbers that describe a signal: how loud, how bright, how wide, how fast.

Besides, `busiest_stretch` says where in a song to listen.

Every measure is `measure_*(x, sample_rate, ...)` on audio `(*batch, channels, time)`. It returns
the type of `x`, and is differentiable where its docstring does not say otherwise.
"""

from dasp.analysis.alignment import measure_delay
from dasp.analysis.channel_weights import channel_weights
from dasp.analysis.excerpt import busiest_pieces, busiest_stretch
from dasp.analysis.levels import measure_crest_factor, measure_peak, measure_rms
from dasp.analysis.loudness import (
    measure_loudness,
    measure_loudness_range,
    measure_momentary_loudness,
    measure_short_term_loudness,
    measure_true_peak,
)
from dasp.analysis.meter import Loudness, LoudnessMeter, PeakMeter, album_lufs
from dasp.analysis.rhythm import measure_onset_strength, measure_onsets, measure_tempo
from dasp.analysis.spectral import (
    measure_bark_spectrum,
    measure_octave_spectrum,
    measure_spectral_centroid,
    measure_spectral_flatness,
    measure_spectral_rolloff,
    measure_spectral_spread,
)
from dasp.analysis.stereo import (
    measure_panning_rms,
    measure_panning_spectrum,
    measure_side_share,
    measure_stereo_correlation,
    measure_stereo_imbalance,
    measure_stereo_width,
)

__all__ = [
    "Loudness",
    "LoudnessMeter",
    "PeakMeter",
    "album_lufs",
    "busiest_pieces",
    "busiest_stretch",
    "channel_weights",
    "measure_bark_spectrum",
    "measure_crest_factor",
    "measure_delay",
    "measure_loudness",
    "measure_loudness_range",
    "measure_momentary_loudness",
    "measure_octave_spectrum",
    "measure_onset_strength",
    "measure_onsets",
    "measure_panning_rms",
    "measure_panning_spectrum",
    "measure_peak",
    "measure_rms",
    "measure_short_term_loudness",
    "measure_side_share",
    "measure_spectral_centroid",
    "measure_spectral_flatness",
    "measure_spectral_rolloff",
    "measure_spectral_spread",
    "measure_stereo_correlation",
    "measure_stereo_imbalance",
    "measure_stereo_width",
    "measure_tempo",
    "measure_true_peak",
]
