"""Every processor, with the range of every parameter that a controller may move it in."""

from dasp import functional as F
from dasp.processors.param import Option, Param
from dasp.processors.processor import Processor

GAIN = Processor(
    "gain",
    F.gain,
    params=(Param("gain_db", -60.0, 24.0, default=0.0, automatable=True),),
    neutral={},
)

STEREO_PANNER = Processor(
    "stereo_panner",
    F.stereo_panner,
    params=(Param("pan", -1.0, 1.0, default=0.0, automatable=True),),
    options=(Option("law_db", -3.0, choices=(-3.0, -4.5, -6.0)),),
    neutral={},
)

STEREO_WIDENER = Processor(
    "stereo_widener",
    F.stereo_widener,
    params=(Param("width", 0.0, 2.0, default=1.0, automatable=True),),
    neutral={},
)

MID_SIDE = Processor(
    "mid_side",
    F.mid_side,
    params=(
        Param("mid_gain_db", -60.0, 12.0, default=0.0, automatable=True),
        Param("side_gain_db", -60.0, 12.0, default=0.0, automatable=True),
    ),
    neutral={},
)

STEREO_BUS = Processor(
    "stereo_bus",
    F.stereo_bus,
    params=(Param("send_db", -60.0, 12.0, default=0.0, automatable=True),),
)

PARAMETRIC_EQ = Processor(
    "parametric_eq",
    F.parametric_eq,
    params=(
        Param("low_shelf_gain_db", -24.0, 24.0, default=0.0),
        Param("low_shelf_freq_hz", 20.0, 2000.0, default=100.0, scale="log"),
        Param("low_shelf_q", 0.1, 5.0, default=0.7, scale="log"),
        Param("peak_gain_db", -24.0, 24.0, default=0.0, bands=4),
        Param(
            "peak_freq_hz",
            (40.0, 150.0, 500.0, 1500.0),
            (1000.0, 4000.0, 10_000.0, 16_000.0),
            default=(200.0, 600.0, 2000.0, 6000.0),
            scale="log",
            bands=4,
        ),
        Param("peak_q", 0.1, 20.0, default=1.0, scale="log", bands=4),
        Param("high_shelf_gain_db", -24.0, 24.0, default=0.0),
        Param("high_shelf_freq_hz", 1000.0, 16_000.0, default=8000.0, scale="log"),
        Param("high_shelf_q", 0.1, 5.0, default=0.7, scale="log"),
    ),
    neutral={},
)

LOW_PASS = Processor(
    "low_pass",
    F.low_pass,
    params=(Param("freq_hz", 20.0, 20_000.0, default=10_000.0, scale="log"),),
    options=(Option("order", 2, choices=tuple(range(2, 9))),),
)

HIGH_PASS = Processor(
    "high_pass",
    F.high_pass,
    params=(Param("freq_hz", 20.0, 20_000.0, default=80.0, scale="log"),),
    options=(Option("order", 2, choices=tuple(range(2, 9))),),
)

COMPRESSOR = Processor(
    "compressor",
    F.compressor,
    params=(
        Param("threshold_db", -80.0, 0.0, default=-18.0),
        Param("ratio", 1.0, 20.0, default=4.0, scale="log"),
        Param("attack_ms", 0.05, 300.0, default=10.0, scale="log"),
        Param("release_ms", 5.0, 4000.0, default=100.0, scale="log"),
        Param("knee_db", 0.0, 24.0, default=6.0),
        Param("makeup_gain_db", -24.0, 24.0, default=0.0),
        Param("lookahead_ms", 0.0, 20.0, default=0.0),
        Param("mix", 0.0, 1.0, default=1.0),
    ),
    options=(
        Option("detector", "peak", choices=("peak", "rms")),
        Option("linked", True, choices=(True, False)),
        Option("sidechain_high_pass_hz", None),
    ),
    inputs=("sidechain",),
    neutral={"ratio": 1.0},
)

CATALOGUE: dict[str, Processor] = {
    processor.name: processor
    for processor in (
        GAIN,
        STEREO_PANNER,
        STEREO_WIDENER,
        MID_SIDE,
        STEREO_BUS,
        PARAMETRIC_EQ,
        LOW_PASS,
        HIGH_PASS,
        COMPRESSOR,
    )
}
"""All processors by name, in the order of the documentation."""
