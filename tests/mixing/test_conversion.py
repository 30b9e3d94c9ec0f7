"""A console and its document give the same samples."""

import pytest
import torch

from dasp.mixing.console import Console, Controls, Settings
from dasp.mixing.conversion import from_mix, to_mix
from dasp.mixing.document import load_mix, save_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.routing import Routing
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import (
    COMPRESSOR,
    DELAY,
    GAIN,
    HIGH_PASS,
    LIMITER,
    PARAMETRIC_EQ,
    STEREO_PANNER,
)
from dasp.processors.stage import Stage

RATE = 44_100
CONSOLE = Console(
    strip=(HIGH_PASS, PARAMETRIC_EQ, COMPRESSOR, GAIN, STEREO_PANNER),
    groups={"drums": (COMPRESSOR, GAIN)},
    buses={"echo": (DELAY,), "slap": (DELAY,)},
    master=(LIMITER, GAIN),
)
NAMES = tuple(Track(name, f"{name}.wav", "other") for name in ("kick", "bass", "voice"))
ROUTING = Routing(torch.tensor([0, -1, -1]), {"compressor": torch.tensor([-1, 0, -1])})


def _settings() -> Settings:
    def rand(*shape):
        return 0.3 + 0.4 * torch.rand(*shape)

    settings = CONSOLE.to_physical(
        Controls(
            rand(3, CONSOLE.n_controls),
            rand(CONSOLE.n_group_controls),
            rand(CONSOLE.n_bus_controls),
            rand(CONSOLE.n_master_controls),
        )
    )
    settings.tracks["send.slap_db"] = torch.full((3,), -60.0)
    settings.tracks["high_pass.on"] = torch.tensor([True, False, True])
    return settings


def test_a_document_sounds_as_its_console(tmp_path):
    tracks, settings = 0.3 * torch.randn(3, 1, 4000), _settings()
    expected = CONSOLE(tracks, RATE, settings, routing=ROUTING)
    mix = to_mix(CONSOLE, settings, RATE, NAMES, routing=ROUTING)
    assert [bus.name for bus in mix.buses] == ["echo"]
    assert [len(track.strip) for track in mix.tracks] == [5, 4, 5]
    save_mix(tmp_path / "mix.json", mix)
    loaded = load_mix(tmp_path / "mix.json")
    torch.testing.assert_close(
        mix_down(list(tracks), loaded), expected, atol=1e-4, rtol=1e-4
    )  # settings have 6 digits
    again, routing = from_mix(CONSOLE, loaded)
    torch.testing.assert_close(
        CONSOLE(tracks, RATE, again, routing=routing), expected, atol=1e-4, rtol=1e-4
    )


def test_settings_that_move_become_breakpoints():
    tracks, settings = 0.3 * torch.randn(3, 1, 4000), _settings()
    settings.tracks["gain.gain_db"] = torch.tensor([[0.0, -6, -3], [-2, -2, -2], [0, 3, -20]])
    settings.tracks["compressor.ratio"] = torch.tensor([[1.0, 2], [3, 3], [5, 2]])
    mix = to_mix(CONSOLE, settings, RATE, NAMES, routing=ROUTING, duration_s=4000 / RATE)
    assert mix.tracks[2].strip[3].automation["gain_db"] == [0.0, 3.0, -20.0]
    expected = CONSOLE(tracks, RATE, settings, routing=ROUTING)
    torch.testing.assert_close(mix_down(list(tracks), mix), expected, atol=1e-3, rtol=0)
    with pytest.raises(ValueError, match="duration_s"):
        to_mix(CONSOLE, settings, RATE, NAMES)


def test_what_does_nothing_is_left_out():
    console = Console(strip=(PARAMETRIC_EQ, COMPRESSOR, GAIN, STEREO_PANNER), master=())
    mix = to_mix(console, Settings({"gain.gain_db": torch.tensor([0.0, -3.0])}), RATE, NAMES[:2])
    kinds = [[stage.processor.name for stage in track.strip] for track in mix.tracks]
    assert kinds == [["stereo_panner"], ["gain", "stereo_panner"]]
    assert mix.master == mix.buses == ()


def test_a_strip_that_the_console_does_not_have():
    track = Track("a", strip=(Stage(GAIN, {"gain_db": 1.0}), Stage(COMPRESSOR, {})))
    with pytest.raises(ValueError, match=r"tracks\[0\].strip\[1\]: the console has no compressor"):
        from_mix(CONSOLE, Mix(RATE, (track,)))
