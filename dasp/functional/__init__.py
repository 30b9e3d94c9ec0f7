"""Pure processors: `f(x, sample_rate, *, ...)` on audio `(*batch, channels, time)`.

A parameter is a number for all items of a batch, or a tensor with one number for each. The range
in brackets, such as [-60 to 24 dB], is the one that controls in [0, 1] map to and that the
command line accepts; a function takes any other value that has a meaning. Audio keeps its type and
device, and half types compute in float32.

Every function raises a `TypeError` where `x` is no tensor or a keyword is unknown or missing, and
a `ValueError` where `x` is no floating-point audio of this shape, `sample_rate` is no positive
number, or a parameter is no number or has the wrong shape. The docstrings list what else is
refused; values are checked only where they can be read without waiting for a device.
"""

from dasp.functional.bus import stereo_bus
from dasp.functional.compressor import compressor, compressor_gain_reduction
from dasp.functional.convolution_reverb import convolution_reverb
from dasp.functional.de_esser import de_esser
from dasp.functional.delay import delay
from dasp.functional.distortion import distortion
from dasp.functional.eq import high_pass, low_pass, parametric_eq
from dasp.functional.expander import expander
from dasp.functional.feedback_delay_network import feedback_delay_network
from dasp.functional.fir import fir
from dasp.functional.gain import gain
from dasp.functional.gate import noise_gate
from dasp.functional.graphic_eq import graphic_eq, graphic_eq_31
from dasp.functional.limiter import limiter
from dasp.functional.modulation import chorus, flanger, phaser, tremolo
from dasp.functional.multiband import multiband_compressor
from dasp.functional.noise_shaped_reverb import noise_shaped_reverb
from dasp.functional.pan import stereo_panner
from dasp.functional.plate_reverb import plate_reverb
from dasp.functional.stereo import mid_side, stereo_widener
from dasp.functional.time_shift import time_shift

__all__ = [
    "chorus",
    "compressor",
    "compressor_gain_reduction",
    "convolution_reverb",
    "de_esser",
    "delay",
    "distortion",
    "expander",
    "feedback_delay_network",
    "fir",
    "flanger",
    "gain",
    "graphic_eq",
    "graphic_eq_31",
    "high_pass",
    "limiter",
    "low_pass",
    "mid_side",
    "multiband_compressor",
    "noise_gate",
    "noise_shaped_reverb",
    "parametric_eq",
    "phaser",
    "plate_reverb",
    "stereo_bus",
    "stereo_panner",
    "stereo_widener",
    "time_shift",
    "tremolo",
]
