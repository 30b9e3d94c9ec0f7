"""The page of a mix sounds as `dasp render` does, and its mix.json is what its faders say."""

import json
from dataclasses import replace

import pytest
import torch

from dasp import load_mix, render, save_audio
from dasp.mixing import Channel, Mix, Track, save_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.pages import build_mix_page
from dasp.pages.frozen import freeze
from dasp.processors import CATALOGUE
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from tests.pages.conftest import RATE


def _stage(name, **settings):
    return Stage(CATALOGUE[name], settings)


def _sounds(seconds=1.5):
    generator = torch.Generator().manual_seed(3)
    time = round(seconds * RATE)
    beat = (torch.arange(time) % (RATE // 4) < 4000).float()
    noise = 0.3 * torch.randn(3, 2, time, generator=generator)
    return [noise[0, :1] * beat, noise[1, :1], 0.5 * noise[2]]


def _mix():
    """A compressed and equalised group, a reverb, a muted track, a limited sum."""
    reverb = _stage(
        "feedback_delay_network", rt60_low_s=0.4, rt60_mid_s=0.4, rt60_high_s=0.3, mix=1.0
    )
    return Mix(
        RATE,
        (
            Track("kick", role="kick", group="drums", sends_db={"room": -12.0},
                  strip=(_stage("gain", gain_db=-3.0), _stage("stereo_panner", pan=-0.3))),
            Track("snare", role="snare", group="drums",
                  strip=(_stage("compressor", threshold_db=-30.0, ratio=4.0, attack_ms=5.0,
                                release_ms=80.0), _stage("gain", gain_db=2.0))),
            Track("synth", role="synth", sends_db={"room": -6.0},
                  strip=(_stage("stereo_panner", pan=0.4),)),
        ),
        (_stage("gain", gain_db=6.0),
         _stage("limiter", gain_db=3.0, ceiling_db=-6.0, release_ms=50.0)),
        (Channel("drums", (_stage("parametric_eq", low_shelf_gain_db=4.0),
                           _stage("compressor", threshold_db=-24.0, ratio=3.0, attack_ms=10.0,
                                  release_ms=100.0, makeup_gain_db=3.0, mix=0.7))),),
        (Channel("room", (reverb, _stage("gain", gain_db=-2.0))),),
    )  # fmt: skip


def _off_db(x, wanted):
    return 20 * torch.log10((x - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())


def test_nodes_do_what_the_strip_does():
    x = _sounds()[2]
    strip = (
        _stage("high_pass", freq_hz=200.0),
        _stage("expander", threshold_db=-20.0, ratio=3.0, attack_ms=1.0, release_ms=60.0),
        _stage("noise_shaped_reverb", rt60_s=[0.3] * 10, mix=0.3),
        _stage("stereo_widener", width=1.6),
        _stage("limiter", ceiling_db=-15.0, release_ms=50.0),
    )
    y = x
    for node in freeze(strip, x, RATE, {}):
        y = node.run(y)
    assert _off_db(y, run_strip(x, RATE, strip)) < -90


def test_what_is_no_node_is_left_to_the_caller():
    strip = (_stage("distortion", drive_db=12.0), _stage("chorus"), _stage("low_pass", freq_hz=5e3))
    assert [node.kind for node in freeze(strip, _sounds()[2], RATE, {})] == ["response"]


OFFLINE = """async () => {
    const sides = await renderOffline();
    return sides.map((side) => Array.from(side));
}"""


def _heard(tab):
    return torch.tensor(tab.evaluate(OFFLINE))


@pytest.fixture
def opened(tab, tmp_path):
    def open_page(mix, sounds):
        song = Song.of([track.name for track in mix.tracks], sounds, RATE)
        tab.goto(build_mix_page({"mix": (mix, song)}, tmp_path / "page").as_uri())
        return tab

    return open_page


def test_the_page_sounds_as_render_does(opened):
    mix, sounds = _mix(), _sounds()
    tab = opened(mix, sounds)
    assert _off_db(_heard(tab), mix_down(sounds, mix)) < -60


@pytest.mark.long
def test_a_mix_that_no_nodes_can_be_sounds_the_same_at_its_start(opened):
    mix, sounds = _mix(), _sounds()
    rough = _stage("distortion", drive_db=9.0)
    mix = Mix(RATE, mix.tracks, (rough, *mix.master), mix.groups, mix.buses)
    assert _off_db(_heard(opened(mix, sounds)), mix_down(sounds, mix)) < -60


def test_the_mix_json_of_moved_faders_is_what_is_heard(opened, tmp_path):
    """Without dynamics behind the faders the page is exact wherever they stand."""
    mix, sounds = _mix(), _sounds()
    mix = Mix(RATE, mix.tracks, (_stage("gain", gain_db=-3.0),), (Channel("drums"),), mix.buses)
    tab = opened(mix, sounds)
    tab.fill('[data-fader="tracks-0"]', "-9")
    tab.fill('[data-pan="tracks-1"]', "0.5")
    tab.fill('[data-fader="groups-0"]', "-4")
    tab.fill('[data-pan="tracks-2"]', "-0.2")
    tab.click('[data-flag="mute-buses-0"]')
    with tab.expect_download() as download:
        tab.click("#save")
    file = tmp_path / "moved.json"
    download.value.save_as(file)
    moved = load_mix(file)
    assert moved.tracks[0].strip[0].settings["gain_db"] == pytest.approx(-9.0)
    assert moved.buses[0].mute
    assert _off_db(_heard(tab), mix_down(sounds, moved)) < -60


def test_solo_and_mute_are_those_of_the_console(opened, tmp_path):
    mix, sounds = _mix(), _sounds()
    mix = Mix(RATE, mix.tracks, (), (Channel("drums"),), mix.buses)
    tab = opened(mix, sounds)
    tab.click('[data-flag="solo-groups-0"]')
    tab.click('[data-flag="mute-tracks-1"]')
    document = tab.evaluate("document_()")
    file = tmp_path / "solo.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    assert _off_db(_heard(tab), mix_down(sounds, load_mix(file))) < -60


@pytest.mark.long
def test_it_plays_and_two_mixes_are_equally_loud(tab, tmp_path, dasp):
    sounds = _sounds()
    for name, sound in zip(("kick", "snare", "synth"), sounds, strict=True):
        save_audio(tmp_path / f"{name}.wav", sound, RATE, subtype="FLOAT")
    mix = _mix()
    tracks = [replace(t, file=str(tmp_path / f"{t.name}.wav")) for t in mix.tracks]
    for name, gain_db in (("a", 6.0), ("b", -6.0)):
        master = (_stage("gain", gain_db=gain_db),)
        save_mix(tmp_path / f"{name}.json", replace(mix, tracks=tuple(tracks), master=master))
    files = [str(tmp_path / f"{name}.json") for name in "ab"]
    status, _, _ = dasp("export", *files, "--to", "web", "-o", str(tmp_path / "page"))
    assert status == 0
    tab.goto((tmp_path / "page" / "index.html").as_uri())
    lufs = tab.evaluate("MIX.variants.map((v) => v.lufs + 20 * Math.log10(v.gain))")
    assert lufs[0] == pytest.approx(lufs[1], abs=1e-6) == pytest.approx(min(lufs), abs=1e-6)
    tab.click("#transport")
    tab.wait_for_function("desk.started !== null")
    tab.wait_for_timeout(400)
    assert tab.evaluate("document.getElementById('meter-sum').value") > -50
    tab.click('[data-variant="1"]')
    tab.wait_for_timeout(200)
    assert tab.evaluate("desk.outputs[0].gain.value") < 1e-3
    torch.testing.assert_close(render(files[0]), render(files[1]) * 10 ** (12 / 20))
    for width in (390, 1280):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_what_cannot_be_built_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one rate"):
        build_mix_page({}, tmp_path / "page")
    (tmp_path / "page").mkdir()
    with pytest.raises(ValueError, match="exists already"):
        build_mix_page({}, tmp_path / "page")
