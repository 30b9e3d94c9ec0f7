"""A mix as the strips of a console: what is written there, and what its curves are."""

import pytest
import scipy.signal
import torch

pytest.importorskip("matplotlib")

from dasp.mixing.preparation import Preparation
from dasp.mixing.settings import Channel, Mix, Track
from dasp.pictures import draw_console
from dasp.pictures.console import response
from dasp.processors.catalogue import COMPRESSOR, GAIN, HIGH_PASS, STEREO_PANNER
from dasp.processors.stage import Stage

RATE = 48_000


def test_a_strip_says_what_its_settings_are():
    strip = (
        Stage(GAIN, {"gain_db": -3.25}),
        Stage(STEREO_PANNER, {"pan": -0.5}),
    )
    figure = draw_console(Mix(44_100, (Track("snare", strip=strip), Track("bare"))))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"snare", "-3.2", "L50", "bare", "+0.0", "C", "master"} <= set(texts)


def test_a_console_says_where_tracks_go_and_what_holds_them():
    compressor = Stage(COMPRESSOR, {"ratio": 6.0, "threshold_db": -30.0}, sidechain="kick")
    track = Track("bass", strip=(compressor,), group="low", sends_db={"hall": -18.0}, locked=True)
    groups, buses = (Channel("low", (Stage(GAIN, {"gain_db": 2.0}),)),), (Channel("hall"),)
    figure = draw_console(Mix(44_100, (track, Track("kick")), (), groups, buses))
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"6:1 at -30 by kick", "hall -18", "to low, locked", "low", "hall", "+2.0"} <= texts
    assert {"group of 1", "bus"} <= texts


def test_a_console_says_what_is_switched_and_put_right():
    loud = Stage(GAIN, {"gain_db": 9.0}, on=False)
    prepare = Preparation(inverted=True, delay_samples=-3.0)
    tracks = (Track("a", mute=True, strip=(loud,)), Track("b", prepare=prepare))
    figure = draw_console(Mix(44_100, tracks, (), (Channel("g", solo=True),)))
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"muted, gain bypassed", "polarity turned, -3 samples", "group of 0, solo"} <= texts
    assert "+9.0" not in texts


def test_the_thumbnail_is_the_response_of_the_filters():
    place, level_db = response([Stage(HIGH_PASS, {"freq_hz": 500.0, "order": 4})], RATE)
    sos = scipy.signal.butter(4, 500, "high", fs=RATE, output="sos")
    _, h = scipy.signal.sosfreqz(sos, (20 * 1000**place).numpy(), fs=RATE)
    expected_db = 20 * torch.from_numpy(abs(h)).log10().float()
    audible = expected_db > -18
    torch.testing.assert_close(level_db[audible], expected_db[audible], atol=0.2, rtol=0)


def test_the_sound_is_drawn_beneath_as_it_measures():
    """A sine of -20 dBFS on both sides: -20 LUFS at 997 Hz, and a peak of -20 dBTP."""
    time_s = torch.arange(2 * RATE) / RATE
    audio = (0.1 * torch.sin(2 * torch.pi * 997 * time_s)).expand(2, -1)
    _, field, meter = draw_console(Mix(RATE, (Track("a"),)), audio).axes
    assert field.get_title(loc="left") == "stereo field"
    assert "loudness: integrated -20.0 LUFS, true peak -20.0 dBTP" in meter.get_title(loc="left")
