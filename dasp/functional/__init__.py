"""Pure processors: `f(x, sample_rate, *, ...)` on audio `(*batch, channels, time)`."""

from dasp.functional.bus import stereo_bus
from dasp.functional.dynamics import compressor, compressor_gain_reduction
from dasp.functional.eq import high_pass, low_pass, parametric_eq
from dasp.functional.gain import gain
from dasp.functional.pan import stereo_panner
from dasp.functional.stereo import mid_side, stereo_widener

__all__ = [
    "compressor",
    "compressor_gain_reduction",
    "gain",
    "high_pass",
    "low_pass",
    "mid_side",
    "parametric_eq",
    "stereo_bus",
    "stereo_panner",
    "stereo_widener",
]
