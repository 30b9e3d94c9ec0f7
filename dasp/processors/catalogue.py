"""Every processor, with the range of every parameter that a controller may move it in."""

from dasp import functional as F
from dasp._suggestion import did_you_mean
from dasp.functional._run import in_blocks, memoryless
from dasp.functional.convolution_reverb import NORMALISATIONS
from dasp.functional.distortion import latency as distortion_latency
from dasp.functional.dynamics import lookahead_samples
from dasp.functional.limiter import latency as limiter_latency
from dasp.functional.time_shift import latency as time_shift_latency
from dasp.processors.param import Option, Param
from dasp.processors.processor import Processor

GAIN = Processor(
    "gain",
    memoryless(F.gain),
    params=(Param("gain_db", -60.0, 24.0, default=0.0, automatable=True),),
    neutral={},
)

STEREO_PANNER = Processor(
    "stereo_panner",
    memoryless(F.stereo_panner),
    params=(Param("pan", -1.0, 1.0, default=0.0, automatable=True),),
    options=(Option("law_db", -3.0, choices=(-3.0, -4.5, -6.0)),),
    neutral={},
)

STEREO_WIDENER = Processor(
    "stereo_widener",
    memoryless(F.stereo_widener),
    params=(Param("width", 0.0, 2.0, default=1.0, automatable=True),),
    neutral={},
)

MID_SIDE = Processor(
    "mid_side",
    memoryless(F.mid_side),
    params=(
        Param("mid_gain_db", -60.0, 12.0, default=0.0, automatable=True),
        Param("side_gain_db", -60.0, 12.0, default=0.0, automatable=True),
    ),
    neutral={},
)

STEREO_BUS = Processor(
    "stereo_bus",
    memoryless(F.stereo_bus),
    params=(Param("send_db", -60.0, 12.0, default=0.0, automatable=True),),
)

PARAMETRIC_EQ = Processor(
    "parametric_eq",
    in_blocks(F.parametric_eq),
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

FIR = Processor(
    "fir",
    in_blocks(F.fir),
    params=(Param("mix", 0.0, 1.0, default=1.0),),
    inputs=("taps",),
    neutral={"mix": 0.0},
)

GRAPHIC_EQ = Processor(
    "graphic_eq",
    in_blocks(F.graphic_eq),
    params=(Param("gain_db", -12.0, 12.0, default=0.0, bands=10),),
    neutral={},
)

GRAPHIC_EQ_31 = Processor(
    "graphic_eq_31",
    in_blocks(F.graphic_eq_31),
    params=(Param("gain_db", -12.0, 12.0, default=0.0, bands=31),),
    neutral={},
)

LOW_PASS = Processor(
    "low_pass",
    in_blocks(F.low_pass),
    params=(Param("freq_hz", 20.0, 20_000.0, default=10_000.0, scale="log"),),
    options=(Option("order", 2, choices=tuple(range(2, 9))),),
)

HIGH_PASS = Processor(
    "high_pass",
    in_blocks(F.high_pass),
    params=(Param("freq_hz", 20.0, 20_000.0, default=80.0, scale="log"),),
    options=(Option("order", 2, choices=tuple(range(2, 9))),),
)

COMPRESSOR = Processor(
    "compressor",
    in_blocks(F.compressor, latency=lookahead_samples),
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
        Option("sidechain_high_pass_hz", None, low=1.0, high=20_000.0),
        Option("rms_time_ms", 10.0, low=0.0, high=1000.0),
        Option("slow_attack_ms", 30.0, low=0.0, high=10_000.0),
        Option("slow_release_ms", 300.0, low=0.0, high=60_000.0),
        Option("slow_mix", 0.0, low=0.0, high=1.0),
    ),
    inputs=("sidechain",),
    neutral={"ratio": 1.0},
)

EXPANDER = Processor(
    "expander",
    in_blocks(F.expander),
    params=(
        Param("threshold_db", -80.0, 0.0, default=-40.0),
        Param("ratio", 1.0, 10.0, default=2.0, scale="log"),
        Param("attack_ms", 0.05, 100.0, default=2.0, scale="log"),
        Param("release_ms", 5.0, 4000.0, default=100.0, scale="log"),
        Param("knee_db", 0.0, 24.0, default=6.0),
        Param("range_db", 0.0, 80.0, default=40.0),
    ),
    options=(
        Option("detector", "peak", choices=("peak", "rms")),
        Option("linked", True, choices=(True, False)),
        Option("sidechain_high_pass_hz", None, low=1.0, high=20_000.0),
    ),
    inputs=("sidechain",),
    neutral={"ratio": 1.0},
)

NOISE_GATE = Processor(
    "noise_gate",
    in_blocks(F.noise_gate),
    params=(
        Param("threshold_db", -80.0, 0.0, default=-40.0, differentiable=False),
        Param("attack_ms", 0.05, 100.0, default=1.0, scale="log"),
        Param("release_ms", 5.0, 4000.0, default=100.0, scale="log"),
        Param("hysteresis_db", 0.0, 24.0, default=6.0, differentiable=False),
        Param("hold_ms", 1.0, 500.0, default=20.0, scale="log", differentiable=False),
        Param("range_db", 0.0, 120.0, default=80.0),
    ),
    options=(
        Option("detector", "peak", choices=("peak", "rms")),
        Option("linked", True, choices=(True, False)),
        Option("sidechain_high_pass_hz", None, low=1.0, high=20_000.0),
    ),
    inputs=("sidechain",),
    neutral={"range_db": 0.0},
)

LIMITER = Processor(
    "limiter",
    in_blocks(F.limiter, latency=limiter_latency),
    params=(
        Param("ceiling_db", -40.0, 0.0, default=-1.0),
        Param("release_ms", 5.0, 1000.0, default=100.0, scale="log"),
        Param("gain_db", 0.0, 40.0, default=0.0),
    ),
    options=(
        Option("lookahead_ms", 5.0, low=0.0, high=1000.0),
        Option("true_peak", False, choices=(True, False)),
        Option("linked", True, choices=(True, False)),
    ),
)

MULTIBAND_COMPRESSOR = Processor(
    "multiband_compressor",
    in_blocks(F.multiband_compressor),
    params=(
        Param(
            "crossover_freq_hz",
            (40.0, 1000.0),
            (800.0, 16_000.0),
            default=(200.0, 2500.0),
            scale="log",
            bands=2,
        ),
        Param("threshold_db", -80.0, 0.0, default=-24.0, bands=3),
        Param("ratio", 1.0, 20.0, default=2.0, scale="log", bands=3),
        Param("attack_ms", 0.05, 300.0, default=(20.0, 10.0, 5.0), scale="log", bands=3),
        Param("release_ms", 5.0, 4000.0, default=(200.0, 100.0, 60.0), scale="log", bands=3),
        Param("makeup_gain_db", -24.0, 24.0, default=0.0, bands=3),
        Param("knee_db", 0.0, 24.0, default=6.0),
    ),
    options=(
        Option("detector", "peak", choices=("peak", "rms")),
        Option("linked", True, choices=(True, False)),
    ),
)

DE_ESSER = Processor(
    "de_esser",
    in_blocks(F.de_esser),
    params=(
        Param("freq_hz", 2000.0, 12_000.0, default=6000.0, scale="log"),
        Param("threshold_db", -80.0, 0.0, default=-30.0),
        Param("ratio", 1.0, 20.0, default=4.0, scale="log"),
        Param("attack_ms", 0.05, 100.0, default=1.0, scale="log"),
        Param("release_ms", 5.0, 1000.0, default=60.0, scale="log"),
        Param("range_db", 0.0, 24.0, default=12.0),
    ),
    options=(Option("linked", True, choices=(True, False)),),
)

DISTORTION = Processor(
    "distortion",
    in_blocks(F.distortion, latency=distortion_latency),
    params=(
        Param("drive_db", 0.0, 48.0, default=12.0),
        Param("bias", -1.0, 1.0, default=0.0),
        Param("tone_hz", 500.0, 20_000.0, default=20_000.0, scale="log"),
        Param("output_gain_db", -24.0, 12.0, default=0.0),
        Param("mix", 0.0, 1.0, default=1.0),
    ),
    options=(
        Option("shape", "tanh", choices=("tanh", "hard", "cubic")),
        Option("oversampling", 1, choices=(1, 2, 4, 8)),
        Option("tone_filter", True, choices=(True, False)),
    ),
    neutral={"mix": 0.0},
)

DELAY = Processor(
    "delay",
    in_blocks(F.delay),
    params=(
        Param("time_ms", 10.0, 2000.0, default=350.0, scale="log"),
        Param("feedback", 0.0, 0.95, default=0.4),
        Param("mix", 0.0, 1.0, default=0.3),
    ),
    options=(Option("ping_pong", False, choices=(True, False)),),
    neutral={"mix": 0.0},
)

TIME_SHIFT = Processor(
    "time_shift",
    in_blocks(F.time_shift, latency=time_shift_latency),
    params=(Param("delay_samples", -10_000.0, 10_000.0, default=0.0),),
    neutral={},
)

CHORUS = Processor(
    "chorus",
    in_blocks(F.chorus),
    params=(
        Param("rate_hz", 0.05, 10.0, default=0.8, scale="log"),
        Param("depth_ms", 0.0, 10.0, default=3.0),
        Param("delay_ms", 1.0, 50.0, default=10.0, scale="log"),
        Param("mix", 0.0, 1.0, default=0.5),
        Param("phase", 0.0, 1.0, default=0.0),
        Param("stereo_phase", 0.0, 1.0, default=0.25),
    ),
    options=(Option("voices", 2, choices=tuple(range(1, 9))),),
    neutral={"mix": 0.0},
)

FLANGER = Processor(
    "flanger",
    in_blocks(F.flanger),
    params=(
        Param("rate_hz", 0.05, 10.0, default=0.3, scale="log"),
        Param("depth_ms", 0.0, 10.0, default=3.0),
        Param("delay_ms", 0.2, 10.0, default=0.5, scale="log"),
        Param("feedback", -0.95, 0.95, default=0.5),
        Param("mix", 0.0, 1.0, default=0.5),
        Param("phase", 0.0, 1.0, default=0.0),
        Param("stereo_phase", 0.0, 1.0, default=0.0),
    ),
    neutral={"mix": 0.0},
)

PHASER = Processor(
    "phaser",
    in_blocks(F.phaser),
    params=(
        Param("rate_hz", 0.05, 10.0, default=0.4, scale="log"),
        Param("depth_octaves", 0.0, 3.0, default=1.5),
        Param("centre_freq_hz", 100.0, 2500.0, default=800.0, scale="log"),
        Param("feedback", -0.95, 0.95, default=0.3),
        Param("mix", 0.0, 1.0, default=0.5),
        Param("phase", 0.0, 1.0, default=0.0),
        Param("stereo_phase", 0.0, 1.0, default=0.0),
    ),
    options=(Option("stages", 4, choices=tuple(range(2, 13, 2))),),
    neutral={"mix": 0.0},
)

TREMOLO = Processor(
    "tremolo",
    in_blocks(F.tremolo),
    params=(
        Param("rate_hz", 0.1, 20.0, default=5.0, scale="log"),
        Param("depth", 0.0, 1.0, default=0.5),
        Param("phase", 0.0, 1.0, default=0.0),
        Param("stereo_phase", 0.0, 1.0, default=0.0),
    ),
    neutral={"depth": 0.0},
)

NOISE_SHAPED_REVERB = Processor(
    "noise_shaped_reverb",
    in_blocks(F.noise_shaped_reverb),
    params=(
        Param("band_gain_db", -48.0, 12.0, default=0.0, bands=10),
        Param(
            "rt60_s",
            0.1,
            4.0,
            default=(1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.1, 0.9, 0.7, 0.4),
            scale="log",
            bands=10,
        ),
        Param("mix", 0.0, 1.0, default=0.3),
        Param("pre_delay_ms", 0.0, 200.0, default=0.0),
    ),
    options=(Option("length_s", 4.0, low=0.001, high=60.0),),
    inputs=("noise",),
    neutral={"mix": 0.0},
)

FEEDBACK_DELAY_NETWORK = Processor(
    "feedback_delay_network",
    in_blocks(F.feedback_delay_network),
    params=(
        Param("rt60_low_s", 0.1, 20.0, default=2.0, scale="log"),
        Param("rt60_mid_s", 0.1, 20.0, default=1.5, scale="log"),
        Param("rt60_high_s", 0.1, 20.0, default=0.8, scale="log"),
        Param("mix", 0.0, 1.0, default=0.3),
        Param("low_crossover_hz", 50.0, 1000.0, default=200.0, scale="log"),
        Param("high_crossover_hz", 1000.0, 10_000.0, default=4000.0, scale="log"),
        Param("pre_delay_ms", 0.0, 200.0, default=0.0),
    ),
    options=(Option("lines", 16, choices=(8, 16)), Option("size", 1.0, low=0.05, high=20.0)),
    neutral={"mix": 0.0},
)

PLATE_REVERB = Processor(
    "plate_reverb",
    in_blocks(F.plate_reverb),
    params=(
        Param("decay", 0.0, 0.95, default=0.5),
        Param("mix", 0.0, 1.0, default=0.3),
        Param("damping_hz", 500.0, 20_000.0, default=6000.0, scale="log"),
        Param("bandwidth_hz", 500.0, 20_000.0, default=10_000.0, scale="log"),
        Param("diffusion", 0.0, 1.0, default=1.0),
        Param("modulation_ms", 0.0, 2.0, default=0.25),
        Param("modulation_hz", 0.1, 5.0, default=1.0, scale="log"),
        Param("pre_delay_ms", 0.0, 200.0, default=0.0),
    ),
    neutral={"mix": 0.0},
)

CONVOLUTION_REVERB = Processor(
    "convolution_reverb",
    in_blocks(F.convolution_reverb),
    params=(
        Param("mix", 0.0, 1.0, default=0.3),
        Param("pre_delay_ms", 0.0, 200.0, default=0.0),
        Param("wet_gain_db", -48.0, 24.0, default=0.0),
    ),
    options=(Option("normalise", None, choices=NORMALISATIONS),),
    inputs=("impulse_response",),
    neutral={"mix": 0.0},
)


class _Catalogue(dict[str, Processor]):
    """A dictionary that knows what was meant by a word that it does not have."""

    def __missing__(self, name: object) -> Processor:
        raise KeyError(f"no processor {name!r}{did_you_mean(name, self)}")


CATALOGUE: dict[str, Processor] = _Catalogue(
    (processor.name, processor)
    for processor in (
        GAIN,
        STEREO_PANNER,
        STEREO_WIDENER,
        MID_SIDE,
        STEREO_BUS,
        PARAMETRIC_EQ,
        GRAPHIC_EQ,
        GRAPHIC_EQ_31,
        LOW_PASS,
        HIGH_PASS,
        FIR,
        COMPRESSOR,
        EXPANDER,
        NOISE_GATE,
        LIMITER,
        MULTIBAND_COMPRESSOR,
        DE_ESSER,
        DISTORTION,
        TIME_SHIFT,
        DELAY,
        CHORUS,
        FLANGER,
        PHASER,
        TREMOLO,
        NOISE_SHAPED_REVERB,
        FEEDBACK_DELAY_NETWORK,
        PLATE_REVERB,
        CONVOLUTION_REVERB,
    )
)
"""All processors by name, in the order of the documentation."""
