"""REAPER projects, read back by a parser of their own; plug-in states against REAPER's own."""

import base64
import math
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

import dasp.functional as F
from dasp.mixing.document import load_mix
from dasp.mixing.preparation import Preparation
from dasp.mixing.reaper import reaper_project
from dasp.mixing.reaper_plugins import Band, js_volume, rea_comp, rea_eq, rea_limit, rea_verbate
from dasp.mixing.reaper_reverb import decay_time_s, impulse_response, impulse_responses
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import (
    COMPRESSOR,
    DELAY,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    HIGH_PASS,
    PARAMETRIC_EQ,
    STEREO_PANNER,
    TIME_SHIFT,
)
from dasp.processors.stage import Stage

RATE = 44_100


def _parse(text: str) -> tuple:
    """A tree `(words, children)` of the lines of a project; words of other lines are leaves."""
    root: tuple = (["ROOT"], [])
    stack = [root]
    for line in filter(None, map(str.strip, text.splitlines())):
        if line == ">":
            stack.pop()
        elif line.startswith("|"):
            stack[-1][1].append(([line], []))
        else:
            node = (shlex.split(line.removeprefix("<")), [])
            stack[-1][1].append(node)
            if line.startswith("<"):
                stack.append(node)
    assert stack == [root], "every chunk is closed"
    return root[1][0]


def _all(node: tuple, name: str) -> list[tuple]:
    return [child for child in node[1] if child[0][0] == name]


def _one(node: tuple, name: str) -> tuple:
    (child,) = _all(node, name)
    return child


def _state(lines: list[str]) -> bytes:
    """The plug-in's own data: what stands between its first and its last line."""
    return b"".join(base64.b64decode(line) for line in lines[2:-2])


def _project(mix: Mix, mono: bool = True) -> tuple[tuple, list[str]]:
    text, notes = reaper_project(mix, [3.0] * len(mix.tracks), [mono] * len(mix.tracks), "/song")
    return _parse(text), notes


def test_tracks_stand_in_folders_and_buses_receive():
    mix = Mix(
        RATE,
        (
            Track("snare", "/song/stems/snare.wav", group="drums", sends_db={"echo": -6.0}),
            Track('the "bass"', "/song/bass.wav"),
            Track("kick", "/song/stems/kick.wav", group="drums"),
        ),
        (Stage(GAIN, {"gain_db": -3.0}),),
        (Channel("drums", (Stage(GAIN, {"gain_db": 2.0}),)),),
        (Channel("echo", (Stage(DELAY, {"mix": 1.0}),)),),
    )
    project, notes = _project(mix)
    assert project[0][0] == "REAPER_PROJECT" and _one(project, "SAMPLERATE")[0][1] == "44100"
    tracks = _all(project, "TRACK")
    assert [_one(t, "NAME")[0][1] for t in tracks] == [
        'the "bass"', "drums", "snare", "kick", "echo"
    ]  # fmt: skip
    assert [_one(t, "ISBUS")[0][1:] for t in tracks] == [
        ["0", "0"], ["1", "1"], ["0", "0"], ["2", "-1"], ["0", "0"]
    ]  # fmt: skip
    files = [_one(_one(_one(tracks[i], "ITEM"), "SOURCE"), "FILE")[0][1] for i in (0, 2, 3)]
    assert files == ["bass.wav", "stems/snare.wav", "stems/kick.wav"]
    receive = _one(tracks[4], "AUXRECV")[0]
    assert receive[1:3] == ["2", "0"] and float(receive[3]) == pytest.approx(10 ** (-6 / 20))
    assert not _all(tracks[1], "ITEM") and not _all(tracks[1], "AUXRECV")
    assert float(_one(tracks[1], "VOLPAN")[0][1]) == pytest.approx(10 ** (2 / 20))
    assert float(_one(project, "MASTER_VOLUME")[0][1]) == pytest.approx(10 ** (-3 / 20))
    assert notes == [
        "echo: delay does not carry over (mix 1.0)",
        "echo: is muted, for it would add its sends as they are",
    ]
    assert [_one(t, "MUTESOLO")[0][1] for t in tracks] == ["0", "0", "0", "0", "1"]
    assert any("delay does not carry over" in line[0][0] for line in _one(project, "NOTES")[1])
    identities = [track[0][1] for track in tracks]
    assert len(set(identities)) == 5


def test_switches_polarity_and_time_are_those_of_reaper():
    prepare = Preparation((0.1, 0.1), True, True, 441.0)
    eq = Stage(PARAMETRIC_EQ, {"low_shelf_gain_db": 3.0}, on=False)
    mix = Mix(
        RATE,
        (
            Track("a", "/song/a.wav", mute=True, prepare=prepare),
            Track("b", "/song/b.wav", strip=(eq, Stage(GAIN, {"gain_db": 6.0}, on=False))),
        ),
        (),
        (),
        (Channel("room", solo=True),),
    )
    project, notes = _project(mix, mono=False)
    a, b, room = _all(project, "TRACK")
    assert [_one(t, "MUTESOLO")[0][1:3] for t in (a, b, room)] == [
        ["1", "0"], ["0", "0"], ["0", "2"]
    ]  # fmt: skip
    assert _one(a, "IPHASE")[0][1] == "1" and not _all(b, "IPHASE")
    item = _one(a, "ITEM")
    assert _one(item, "CHANMODE")[0][1] == "2" and float(_one(item, "POSITION")[0][1]) == 0.01
    assert _one(_one(b, "FXCHAIN"), "BYPASS")[0][1] == "1"
    assert float(_one(b, "VOLPAN")[0][1]) == 1.0
    assert notes == [
        "a: the offset that is taken off does not carry over",
        "b: gain is bypassed, and does not carry over",
    ]


@pytest.mark.parametrize("mono", [True, False])
@pytest.mark.parametrize("pan", [-1.0, -0.4, 0.0, 0.7, 1.0])
@pytest.mark.parametrize("law_db", [-3.0, -4.5, -6.0])
def test_volume_and_pan_give_each_side_its_gain(mono, pan, law_db):
    """In REAPER the near side has the volume, the far one a straight line of it."""
    settings = {"pan": pan, "law_db": law_db}
    strip = (Stage(GAIN, {"gain_db": -4.0}), Stage(STEREO_PANNER, settings))
    project, _ = _project(Mix(RATE, (Track("a", "/song/a.wav", strip=strip),)), mono)
    volume, place = map(float, _one(_one(project, "TRACK"), "VOLPAN")[0][1:3])
    x = torch.ones(1 if mono else 2, 1)
    expected = 10 ** (-4 / 20) * F.stereo_panner(x, RATE, **settings)
    sides = volume * (1 - max(place, 0)), volume * (1 + min(place, 0))
    torch.testing.assert_close(torch.tensor(sides)[:, None], expected, atol=1e-5, rtol=0)


def test_stages_become_plugins_in_their_order():
    strip = (
        Stage(TIME_SHIFT, {"delay_samples": -441.0}),
        Stage(GAIN, {"gain_db": 6.0}),
        Stage(HIGH_PASS, {"freq_hz": 80.0}),
        Stage(COMPRESSOR, {"ratio": 2.0}, sidechain="a", locked=True),
        Stage(PARAMETRIC_EQ, {"low_shelf_gain_db": 3.0}),
        Stage(GAIN, {"gain_db": -2.0}),
    )
    project, notes = _project(Mix(RATE, (Track("a", "/song/a.wav", strip=strip),)))
    track = _one(project, "TRACK")
    chain = _one(track, "FXCHAIN")
    names = [node[0][1] for node in chain[1] if node[0][0] in ("VST", "JS")]
    assert names == [
        "utility/volume", "VST: ReaEQ (Cockos)", "VST: ReaComp (Cockos)", "VST: ReaEQ (Cockos)"
    ]  # fmt: skip
    assert float(_one(track, "VOLPAN")[0][1]) == pytest.approx(10 ** (-2 / 20))
    item = _one(track, "ITEM")
    assert _one(item, "SOFFS")[0][1] == "0.01" and _one(item, "LENGTH")[0][1] == "2.99"
    assert notes == ["a: sidechain of the compressor does not carry over"]


def test_a_real_document_is_exported_and_its_losses_listed():
    mix = load_mix(Path(__file__).parent / "data" / "version_2.json")
    _, notes = _project(mix)
    assert [note.split(" does")[0].split(" keeps")[0] for note in notes] == [
        "bass: fir",
        "bass: sidechain of the compressor",
        "vocal: the automation of low_pass",
        "reverb: feedback_delay_network is ReaVerbate, which falls as fast, with a sound and a "
        "level of its own; the impulse response beside the project is ours, for ReaVerb",
        "echo: delay",
        "echo: is muted, for it would add its sends as they are",
        "master: chain",
        "master: the limiter",
    ]


def test_the_heads_of_plugins_are_those_that_reaper_writes():
    """The first blocks as REAPER 7 saves them for ReaEQ with five bands, ReaComp and ReaLimit."""
    eq = rea_eq([Band("peak", 1000.0, 0.0, 1.0)] * 5)
    comp = rea_comp(
        threshold_db=0.0, ratio=4.0, attack_ms=3.0, release_ms=100.0, knee_db=0.0,
        makeup_gain_db=0.0, lookahead_ms=0.0, mix=1.0, rms=True,
    )  # fmt: skip
    limit = rea_limit(ceiling_db=0.0, gain_db=0.0)
    heads = [
        "cWVlcu5e7f4CAAAAAQAAAAAAAAACAAAAAAAAAAIAAAABAAAAAAAAAAIAAAAAAAAAzQAAAAEAAAAAABAA",
        "bWNlcu9e7f4EAAAAAQAAAAAAAAACAAAAAAAAAAQAAAAAAAAACAAAAAAAAAACAAAAAQAAAAAAAAACAAAA"
        "AAAAAFwAAAAAAAAAAAAQAA==",
        "dG1scu5e7f4CAAAAAQAAAAAAAAACAAAAAAAAAAIAAAABAAAAAAAAAAIAAAAAAAAAMAAAAAEAAAAAABAA",
    ]
    assert [plugin[1].strip() for plugin in (eq, comp, limit)] == heads
    assert [plugin[-2].strip() for plugin in (eq, comp, limit)] == ["AAAQAAAA"] * 3
    # Its settings as they come are 0 dB, 4:1, 3 ms, 100 ms; only its averaging is another.
    saved = base64.b64decode(
        "776t3g3wrd4AAIA/ED74PKabxDsK16M8AAAAAAAAAAAAAIA/AAAAAAAAAAAAAAAAnNEHMwAAgD8AAAAAzcxM"
        "PQAAAAAAAAAAAAAAAAAAgD4AAAAAAAAAAAAAAAA="
    )
    ours, theirs = (struct.unpack("<2I21f", state) for state in (_state(comp), saved))
    assert ours[:2] == theirs[:2] and ours[15] == pytest.approx(0.1)
    assert ours[2:15] + ours[16:] == pytest.approx(theirs[2:15] + theirs[16:])


def test_bands_have_their_frequency_gain_and_width():
    """A peak of Q 1 is 1.39 octaves wide, where its gain in dB has halved (RBJ's cookbook)."""
    state = _state(rea_eq([Band("high_pass", 100.0, 0.0, 0.7), Band("peak", 3000.0, 6.0, 1.0)]))
    assert struct.unpack("<2I", state[:8]) == (33, 2) and len(state) == 8 + 2 * 33 + 32
    kind, on, freq_hz, gain, octaves, _ = struct.unpack("<2I3dB", state[41:74])
    assert (kind, on, freq_hz) == (8, 1, 3000.0)
    assert gain == pytest.approx(10 ** (6 / 20)) and octaves == pytest.approx(1.388, abs=1e-3)
    assert struct.unpack("<I", state[8:12]) == (4,)


def test_a_reverb_bus_sounds_wet_and_is_not_muted():
    """ReaVerbate has no dry sound on a bus, and that of the track beside its share of an insert."""
    reverb = {"rt60_low_s": 1.5, "rt60_mid_s": 1.2, "rt60_high_s": 0.6}
    insert = (Stage(FEEDBACK_DELAY_NETWORK, {**reverb, "mix": 0.25}),)
    bus = (Stage(FEEDBACK_DELAY_NETWORK, {**reverb, "mix": 1.0}),)
    track = Track("a", "/song/a.wav", strip=insert, sends_db={"room": -6.0})
    project, _ = _project(Mix(RATE, (track,), buses=(Channel("room", bus),)))
    levels = []
    for node in _all(project, "TRACK"):
        plugin = _one(_one(node, "FXCHAIN"), "VST")
        assert "ReaVerbate" in plugin[0][1] and _one(node, "MUTESOLO")[0][1] == "0"
        state = base64.b64decode("".join(line[0][0] for line in plugin[1][1:-1]))
        levels.append(struct.unpack("<2I8f", state)[2:])
    assert [level[:2] for level in levels] == [(0.25, 0.75), (1.0, 0.0)]
    size, damping = levels[1][2:4]
    # Freeverb's combs at 1 kHz: 60 dB in 1.2 s by 0.7 + 0.28 size in 1366 samples.
    assert 0.7 + 0.28 * size == pytest.approx(10 ** (-3 * 1366 / 44_100 / 1.2), abs=0.03)
    assert 0 < damping < 1


def test_the_state_of_the_reverb_is_laid_out_as_reaper_saves_it():
    head = "OGJ2cu9e7f4CAAAAAQAAAAAAAAACAAAAAAAAAAIAAAABAAAAAAAAAAIAAAAAAAAAKAAAAAAAAAAAABAA"
    saved = "776t3g3wrd5DAgA/AACAP9oEPD817P8+AACAPwAAAAAAAIA/AAAAAA=="
    theirs = struct.unpack("<2I8f", base64.b64decode(saved))
    ours = rea_verbate(wet=theirs[2], dry=theirs[3], room_size=theirs[4], damping=theirs[5])
    assert [line.strip() for line in ours[1:3]] == [head, saved]


def test_a_response_falls_as_its_reverb_says():
    stage = Stage(FEEDBACK_DELAY_NETWORK, {"rt60_mid_s": 0.8, "mix": 0.3})
    response = impulse_response(stage, RATE)
    assert decay_time_s(response, RATE, 1000.0) == pytest.approx(0.8, rel=0.15)
    click = torch.zeros(2, response.shape[-1], dtype=torch.float64)
    click[:, 0] = 1
    wet = FEEDBACK_DELAY_NETWORK(click, RATE, rt60_mid_s=0.8, mix=1.0)
    torch.testing.assert_close(response, wet)
    assert list(impulse_responses(Mix(RATE, (Track("a", strip=(stage, stage)),)))) == ["a 1", "a 2"]


def test_sources_are_declared_by_their_kind():
    names = ("a.wav", "b.flac", "c.MP3", "d.ogg", "e.opus", "f.aiff")
    mix = Mix(RATE, tuple(Track(name, f"/song/{name}") for name in names))
    project, _ = _project(mix)
    kinds = [_one(_one(t, "ITEM"), "SOURCE")[0][1] for t in _all(project, "TRACK")]
    assert kinds == ["WAVE", "FLAC", "MP3", "VORBIS", "OPUS", "WAVE"]
    text, _ = reaper_project(mix, [1.0] * 6, [True] * 6, "/song", ["FLAC"] * 6)
    assert text.count("<SOURCE FLAC") == 6


def test_a_moving_fader_is_an_envelope():
    """Straight lines in dB, by points so near that lines in volume are within 0.01 dB of them."""
    moving = Stage(GAIN, {}, {"time_s": [1, 3, 4], "gain_db": [-12.0, 0.0, 0.0]})
    strip = (Stage(GAIN, {"gain_db": -6.0}), moving)
    project, notes = _project(Mix(RATE, (Track("a", "/song/a.wav", strip=strip),)))
    track = _one(project, "TRACK")
    assert notes == [] and float(_one(track, "VOLPAN")[0][1]) == pytest.approx(10 ** (-6 / 20))
    points = [tuple(map(float, p[0][1:3])) for p in _all(_one(track, "VOLENV2"), "PT")]
    times, gains = np.array(points).T
    t = np.linspace(0, 5, 500)
    expected = np.interp(t, [1, 3, 4], [-12, 0, 0])
    np.testing.assert_allclose(20 * np.log10(np.interp(t, times, gains)), expected, atol=0.01)


def test_what_channels_and_compressors_lose_is_noted():
    late = (Stage(TIME_SHIFT, {"delay_samples": 10.0}),)
    loud = Stage(COMPRESSOR, {"makeup_gain_db": 9.0, "detector": "rms", "rms_time_ms": 50.0})
    track = Track("a", "/song/a.wav", strip=(loud,), group="g")
    moving = (Stage(GAIN, {}, {"time_s": [0, 1], "gain_db": [0.0, -3.0]}),)
    _, notes = _project(Mix(RATE, (track,), moving, (Channel("g", late),)))
    assert notes == [
        "g: time_shift does not carry over",
        "a: rms_time_ms of the compressor does not carry over",
        "a: makeup_gain_db over 6 dB of the compressor does not carry over",
        "master: the automation of gain does not carry over, its stage neither",
    ]


def test_the_limiter_lifts_by_its_gain():
    state = _state(rea_limit(ceiling_db=-1.0, gain_db=5.0))
    assert struct.unpack("<2d", state[8:24]) == (-6.0, -1.0)


def test_the_volume_script_counts_6_db_as_a_factor_of_2():
    value = float(js_volume(20 * math.log10(2))[1].split()[0])
    assert value == pytest.approx(6.0, abs=1e-5)
