"""How each processor is shown in the gallery: on which sound, at which settings, by which knob.

A processor without a line is shown on the band, with its first knob turned up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dasp.processors import CATALOGUE, Processor

HIDDEN, START = 0.4, 0.65
"""Where the knob that is looked for stands, and where the search begins, in [0, 1] of its range."""


@dataclass(frozen=True)
class Example:
    """A processor on a sound."""

    sound: str = "band"
    """The dry sound, one of `SOUNDS` in `gallery.py`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What it is heard with."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Tensors that it cannot do without: the code of each."""
    hear: str = ""
    """What there is to hear."""
    knob: str = ""
    """What the search looks for; without it the first parameter."""
    searched: Mapping[str, Any] | None = None
    """The other settings of the search; without them those that it is heard with."""
    distance: str = "multi_resolution_stft({}, {})"
    """Of the sound of the search and the wanted one."""
    start: float = START
    """Where the search begins, in [0, 1] of the range."""


ENERGY_COME = """\
def come(x):  # what share of the energy has come by each moment
    energy = avg_pool1d(x, 16, 1).square().sum(-2).cumsum(-1)
    return energy / energy[..., -1:]
"""

EXAMPLES = {
    "gain": Example("guitar", {"gain_db": -12.0}, hear="The same, four times as soft."),
    "stereo_panner": Example(
        "guitar", {"pan": -0.7}, hear="One channel becomes two: the guitar stands on the left."
    ),
    "stereo_widener": Example(
        "pad", {"width": 2.0}, hear="The sides of the pad are twice as strong."
    ),
    "mid_side": Example(
        "pad",
        {"mid_gain_db": -60.0, "side_gain_db": 6.0},
        hear="What both channels share is gone; what differs remains.",
        knob="side_gain_db",
        searched={},
    ),
    "stereo_bus": Example(
        "band",
        {"send_db": [0.0, -60.0, -6.0, 3.0]},
        hear="The bass has left the bus, the guitar is softer, the voice louder.",
        searched={},
    ),
    "parametric_eq": Example(
        "band",
        {
            "low_shelf_gain_db": 6.0,
            "low_shelf_freq_hz": 120.0,
            "peak_gain_db": [-6.0, 0.0, 4.0, 0.0],
            "peak_freq_hz": [400.0, 600.0, 3000.0, 6000.0],
            "high_shelf_gain_db": 5.0,
        },
        hear="More bass, a hollow at 400 Hz, presence, and air.",
    ),
    "graphic_eq": Example(
        "band",
        {"gain_db": [9.0, 6.0, 3.0, 0.0, -6.0, -6.0, 0.0, 3.0, 6.0, 9.0]},
        hear="The smile of a living room: both ends up, the middle down.",
    ),
    "graphic_eq_31": Example(
        "band",
        {"gain_db": [*[-12.0] * 12, *[6.0] * 10, *[-12.0] * 9]},
        hear="The band through a telephone.",
    ),
    "low_pass": Example("band", {"freq_hz": 700.0, "order": 4}, hear="The band behind a wall."),
    "high_pass": Example("band", {"freq_hz": 900.0, "order": 4}, hear="No bass, no body."),
    "fir": Example(
        "drums",
        {"mix": 1.0},
        {"taps": "torch.tensor([0.5, -0.5])"},
        hear="A difference of neighbours: 6 dB more for each octave, so little else than cymbals.",
    ),
    "compressor": Example(
        "drums",
        {"threshold_db": -36.0, "ratio": 8.0, "attack_ms": 1.0, "release_ms": 120.0,
         "makeup_gain_db": 12.0},
        hear="The strokes are held down, and what is between them comes up.",
    ),
    "expander": Example(
        "drums",
        {"threshold_db": -20.0, "ratio": 4.0, "release_ms": 60.0},
        hear="What is soft is softer: the drums are drier.",
        start=0.6,
    ),
    "noise_gate": Example(
        "drums",
        {"threshold_db": -24.0, "release_ms": 30.0, "hold_ms": 10.0},
        hear="Nothing but the loudest strokes comes through.",
        knob="range_db",
        searched={"threshold_db": -24.0},
    ),
    "limiter": Example(
        "band",
        {"ceiling_db": -9.0, "gain_db": 15.0},
        hear="15 dB louder, and no sample over -9 dB.",
        searched={"gain_db": 20.0},
    ),
    "multiband_compressor": Example(
        "band",
        {"threshold_db": -40.0, "ratio": [6.0, 3.0, 4.0], "makeup_gain_db": [6.0, 4.0, 9.0]},
        hear="Bass, middle and treble are each held at a level of its own.",
        knob="threshold_db",
        searched={},
    ),
    "de_esser": Example(
        "vocal",
        {"freq_hz": 4000.0, "threshold_db": -60.0, "ratio": 8.0, "range_db": 24.0},
        hear="The sharp sounds of the voice are rounded off; all else stays.",
        knob="range_db",
        searched={"freq_hz": 3000.0, "threshold_db": -70.0, "ratio": 10.0},
    ),
    "distortion": Example(
        "guitar", {"drive_db": 36.0, "output_gain_db": -12.0, "tone_hz": 6000.0, "oversampling": 4},
        hear="A guitar through a driven valve stage.",
        searched={},
    ),
    "time_shift": Example(
        "vocal",
        {"delay_samples": 8820.5},
        hear="The voice a fifth of a second later, to a fraction of a sample.",
        distance="(come({}) - come({})).abs().mean()",
    ),
    "delay": Example(
        "vocal", {"time_ms": 330.0, "feedback": 0.55, "mix": 0.4},
        hear="Echoes that die away.",
        knob="feedback",
        searched={"time_ms": 50.0},
    ),
    "chorus": Example(
        "guitar", {"rate_hz": 0.7, "depth_ms": 4.0, "delay_ms": 14.0, "mix": 0.6},
        hear="One guitar as several, on both sides.",
        knob="mix",
        searched={},
    ),
    "flanger": Example(
        "guitar", {"rate_hz": 0.3, "depth_ms": 4.0, "feedback": 0.7, "stereo_phase": 0.25},
        hear="A comb of notches sweeps through the sound.",
        knob="feedback",
        searched={},
    ),
    "phaser": Example(
        "keys", {"rate_hz": 0.4, "depth_octaves": 2.0, "feedback": 0.6, "stereo_phase": 0.25},
        hear="A few notches wander up and down.",
        knob="centre_freq_hz",
        searched={},
    ),
    "tremolo": Example(
        "keys", {"rate_hz": 6.0, "depth": 0.9, "stereo_phase": 0.5},
        hear="Louder and softer six times a second, from side to side.",
        knob="depth",
        searched={},
    ),
    "noise_shaped_reverb": Example(
        "vocal", {"rt60_s": 1.8, "mix": 0.5, "pre_delay_ms": 20.0, "band_gain_db": 0.0},
        hear="A room made of shaped noise.",
        knob="mix",
        searched={"length_s": 0.5},
    ),
    "feedback_delay_network": Example(
        "vocal", {"rt60_low_s": 3.0, "rt60_mid_s": 2.5, "rt60_high_s": 1.0, "mix": 0.4},
        hear="A hall whose treble dies away before its bass.",
        knob="rt60_mid_s",
        searched={},
    ),
    "plate_reverb": Example(
        "drums", {"decay": 0.75, "mix": 0.4, "damping_hz": 5000.0}, hear="The drums on a plate.",
    ),
    "convolution_reverb": Example(
        "guitar",
        {"mix": 0.5, "normalise": "energy"},
        {
            "impulse_response": "torch.logspace(0, -3, 66_150) "
            "* torch.randn(2, 66_150, generator=torch.Generator().manual_seed(0))"
        },
        hear="The guitar in a room whose response is noise that dies away, another on each side.",
        knob="mix",
    ),
}  # fmt: skip


def example(processor: Processor) -> Example:
    """How a processor is shown."""
    if processor.name in EXAMPLES:
        return EXAMPLES[processor.name]
    first = processor.params[0]
    return Example(settings={first.name: first.to_physical([0.75] * first.size).tolist()})


assert EXAMPLES.keys() <= CATALOGUE.keys()
