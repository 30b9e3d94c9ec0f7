"""Pure processors: `f(x, sample_rate, *, ...)` on audio `(*batch, channels, time)`.

A parameter is a number for all items of a batch, or a tensor with one number for each. The range
in brackets, such as [-60 to 24 dB], is the one that controls in [0, 1] map to and that the
command line accepts; a function takes any other value that has a meaning. Audio keeps its type and
device, and half types compute in float32.

Every function raises a `TypeError` where `x` is no tensor or a keyword is unknown or missing, and
a `ValueError` where `x` is no floating-point audio of this shape, `sample_rate` is no positive
number, or a parameter is no number or has the wrong shape. The docstrings list what else is
refused; values are checked only where they can be read without waiting for a device.

Beside each function stands its `Processor`, which declares the ranges and how it runs block by
block: `COMPRESSOR` beside `compressor`.
"""

from dasp.functional.bus import STEREO_BUS, stereo_bus
from dasp.functional.compressor import COMPRESSOR, compressor, compressor_gain_reduction
from dasp.functional.convolution_reverb import CONVOLUTION_REVERB, convolution_reverb
from dasp.functional.de_esser import DE_ESSER, de_esser, de_esser_gain_reduction
from dasp.functional.delay import DELAY, delay
from dasp.functional.distortion import DISTORTION, distortion
from dasp.functional.eq import (
    HIGH_PASS,
    LOW_PASS,
    PARAMETRIC_EQ,
    high_pass,
    low_pass,
    parametric_eq,
)
from dasp.functional.expander import EXPANDER, expander, expander_gain_reduction
from dasp.functional.feedback_delay_network import FEEDBACK_DELAY_NETWORK, feedback_delay_network
from dasp.functional.fir import FIR, fir
from dasp.functional.gain import GAIN, gain
from dasp.functional.gate import NOISE_GATE, noise_gate, noise_gate_gain_reduction
from dasp.functional.graphic_eq import GRAPHIC_EQ, GRAPHIC_EQ_31, graphic_eq, graphic_eq_31
from dasp.functional.limiter import LIMITER, limiter, limiter_gain_reduction
from dasp.functional.modulation import (
    CHORUS,
    FLANGER,
    PHASER,
    TREMOLO,
    chorus,
    flanger,
    phaser,
    tremolo,
)
from dasp.functional.multiband import MULTIBAND_COMPRESSOR, multiband_compressor
from dasp.functional.noise_shaped_reverb import NOISE_SHAPED_REVERB, noise_shaped_reverb
from dasp.functional.pan import STEREO_PANNER, stereo_panner
from dasp.functional.plate_reverb import PLATE_REVERB, plate_reverb
from dasp.functional.stereo import MID_SIDE, STEREO_WIDENER, mid_side, stereo_widener
from dasp.functional.time_shift import TIME_SHIFT, time_shift

__all__ = [  # noqa: RUF022  In the order of the documentation, which is that of the catalogue.
    "GAIN",
    "gain",
    "STEREO_PANNER",
    "stereo_panner",
    "STEREO_WIDENER",
    "stereo_widener",
    "MID_SIDE",
    "mid_side",
    "STEREO_BUS",
    "stereo_bus",
    "PARAMETRIC_EQ",
    "parametric_eq",
    "GRAPHIC_EQ",
    "graphic_eq",
    "GRAPHIC_EQ_31",
    "graphic_eq_31",
    "LOW_PASS",
    "low_pass",
    "HIGH_PASS",
    "high_pass",
    "FIR",
    "fir",
    "COMPRESSOR",
    "compressor",
    "compressor_gain_reduction",
    "EXPANDER",
    "expander",
    "expander_gain_reduction",
    "NOISE_GATE",
    "noise_gate",
    "noise_gate_gain_reduction",
    "LIMITER",
    "limiter",
    "limiter_gain_reduction",
    "MULTIBAND_COMPRESSOR",
    "multiband_compressor",
    "DE_ESSER",
    "de_esser",
    "de_esser_gain_reduction",
    "DISTORTION",
    "distortion",
    "TIME_SHIFT",
    "time_shift",
    "DELAY",
    "delay",
    "CHORUS",
    "chorus",
    "FLANGER",
    "flanger",
    "PHASER",
    "phaser",
    "TREMOLO",
    "tremolo",
    "NOISE_SHAPED_REVERB",
    "noise_shaped_reverb",
    "FEEDBACK_DELAY_NETWORK",
    "feedback_delay_network",
    "PLATE_REVERB",
    "plate_reverb",
    "CONVOLUTION_REVERB",
    "convolution_reverb",
]
