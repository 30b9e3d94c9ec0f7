"""From controls to a document: levels, sides, kits, thresholds, and what is not known."""

import json
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from safetensors.torch import save_file

from dasp.analysis import measure_loudness
from dasp.controllers.console.mix import RECIPE, Trained, UnlikeError, load_trained, mix_by, staged
from dasp.controllers.console.network import CONSOLES, ROLE_NAMES, MixingController, Size
from dasp.mixing.console import Controls
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.processors.catalogue import COMPRESSOR
from dasp.processors.stage import find_stage, setting
from dasp.processors.strip import run_strip
from dasp.songs.synthetic import synthetic_song

RATE = 32_000
SIZE = Size((4, 4), 8, 16)


class Stub(MixingController):
    """Says the levels and pans that it was given for roles, by ear too, and compresses 4 to 1."""

    says: ClassVar = {"kick": (-10.0, 0.0), "hihat": (-22.0, 0.6), "guitar": (-14.0, -0.5),
            "vocal": (-8.0, 0.0), "overhead": (-16.0, -0.7), "snare": (-10.0, 0.0),
            "room": (-30.0, 0.7)}  # fmt: skip

    def decide(self, embedding, heard, roles=None, *, mask=None):
        said = super().decide(embedding, heard, roles, mask=mask)
        tracks = said.tracks.clone()
        self.told = self.told if roles is None else roles
        for i, role in enumerate(self.told.tolist()):
            level_db, pan = self.says[ROLE_NAMES[role]]
            tracks[i, -3] = (level_db + 60) / 84
            tracks[i, -2] = (pan + 1) / 2
        physical = CONSOLES["full"].to_physical(Controls(tracks, None, said.buses, said.master))
        physical.tracks["compressor.ratio"].fill_(4.0)
        physical.master["compressor.ratio"].fill_(4.0)
        return CONSOLES["full"].to_controls(physical)


def stub() -> Trained:
    torch.manual_seed(0)
    return Trained(Stub(CONSOLES["full"], SIZE).eval(), CONSOLES["full"])


def heard(tracks, start):
    """Tracks with the names and roles of the mix to start from."""
    names, roles = zip(*((track.name, track.role) for track in start.tracks), strict=True)
    return Song(names, roles, tuple(tracks), start.sample_rate)


def song(**roles: str):
    """Bursts of noise for each name, each at a level of its own."""
    draw = torch.Generator().manual_seed(0)
    tracks = []
    for i, role in enumerate(roles.values()):
        noise = torch.randn(1, 3 * RATE, generator=draw)
        gate = (torch.arange(3 * RATE) // 4000 + i) % 3 < 2
        tracks.append(noise * gate * (0.3 if role == "kick" else 0.02 * (i + 1)))
    return tracks, Mix(RATE, tuple(Track(name, role=role) for name, role in roles.items()))


def behind(mix: Mix, tracks) -> list[float]:
    """The loudness of each track behind its strip, without its pan."""
    return [
        measure_loudness(run_strip(x, RATE, track.strip[:-1]), RATE).item()
        for x, track in zip(tracks, mix.tracks, strict=True)
    ]


def test_every_track_reaches_the_level_that_is_asked_for_behind_its_effects():
    tracks, start = song(kick="kick", sing="vocal", strum="guitar")
    mix = mix_by(stub(), heard(tracks, start), start, target_lufs=-20.0)
    levels = torch.tensor(behind(mix, tracks))
    wanted = torch.tensor([-10.0, -8.0, -14.0])
    torch.testing.assert_close(levels - levels[0], wanted - wanted[0], atol=0.1, rtol=0)
    assert 10 * torch.log10((10 ** (levels / 10)).sum()) == pytest.approx(-23.0, abs=0.1)
    assert measure_loudness(mix_down(tracks, mix), RATE) == pytest.approx(-20.0, abs=0.1)


def test_recording_levels_change_nothing():
    """Gains and thresholds follow them, so that the mix is the same."""
    tracks, start = song(kick="kick", sing="vocal", strum="guitar")
    louder = [3.0 * tracks[0], 0.2 * tracks[1], tracks[2]]
    mixes = [mix_by(stub(), heard(x, start), start, target_lufs=-20.0) for x in (tracks, louder)]
    sounds = [mix_down(x, mix) for x, mix in zip((tracks, louder), mixes, strict=True)]
    error = (sounds[0] - sounds[1]).square().mean() / sounds[0].square().mean()
    assert 10 * torch.log10(error) < -45, "but for gains in hundredths of a dB"


def test_order_changes_nothing_and_silence_nothing():
    tracks, start = song(kick="kick", a_gtr="guitar", sing="vocal", b_gtr="guitar")
    mix = mix_by(stub(), heard(tracks, start), start, target_lufs=-20.0)
    order = [2, 3, 0, 1]
    again = replace(start, tracks=tuple(start.tracks[i] for i in order))
    turned = mix_by(stub(), heard([tracks[i] for i in order], again), again, target_lufs=-20.0)
    beside = replace(start, tracks=(*start.tracks, Track("gone", role="vocal")))
    more = mix_by(
        stub(), heard([*tracks, torch.zeros(1, 3 * RATE)], beside), beside, target_lufs=-20.0
    )
    assert more.tracks[-1].strip == ()
    for other, places in ((turned, order), (more, range(4))):
        for place, track in zip(places, other.tracks, strict=False):
            for stage, own in zip(track.strip, mix.tracks[place].strip, strict=True):
                for name, value in own.settings.items():
                    assert stage.settings[name] == pytest.approx(value, abs=0.02), name


def pans(mix: Mix) -> dict[str, float]:
    return {track.name: setting(track.strip, "pan") for track in mix.tracks}


def test_tracks_of_a_role_take_turns_and_pairs_go_where_their_names_say():
    tracks, start = song(a="guitar", c="guitar", b="guitar", oh_L="overhead", oh_R="overhead")
    found = pans(mix_by(stub(), heard(tracks, start), start, target_lufs=-20.0))
    expected = {"a": -0.5, "b": 0.5, "c": -0.5, "oh_L": -0.7, "oh_R": 0.7}
    assert found == pytest.approx(expected, abs=1e-5)


def kit():
    """Overheads of which the left one hears more of the hi-hat; all hear the kick."""
    sources, start = song(hat="hihat", kick="kick", oh_L="overhead", oh_R="overhead")
    hat, kick, own, other = (x / x.std() for x in sources)
    left = hat + 0.7 * torch.roll(kick, 130, -1) + 0.1 * own
    right = 0.4 * torch.roll(hat, 60, -1) + 0.7 * torch.roll(kick, 140, -1) + 0.1 * other
    close = (torch.roll(hat, 20, -1) + 0.5 * torch.roll(kick, 80, -1), 8 * kick)
    return [0.01 * x for x in (*close, left, right)], start


def test_a_kit_keeps_its_balance_and_is_seen_from_one_side():
    tracks, start = kit()
    mix = mix_by(stub(), heard(tracks, start), start, target_lufs=-20.0)
    gains = [setting(track.strip, "gain_db") for track in mix.tracks]
    assert gains == pytest.approx([gains[0]] * 4, abs=0.02)
    found = pans(mix)
    assert found["hat"] > 0 and found["oh_L"] > 0 > found["oh_R"]
    voice = Track("sing", role="vocal")
    sung, more = song(sing="vocal")[0], replace(start, tracks=(*start.tracks, voice))
    mix = mix_by(stub(), heard([*tracks, *sung], more), more, target_lufs=-20.0)
    gains = [setting(track.strip, "gain_db") for track in mix.tracks]
    assert gains[:4] == pytest.approx([gains[0]] * 4, abs=0.02) and gains[4] != gains[0]


def test_thresholds_stand_where_the_fader_puts_the_signal():
    """The document's strip sounds as effects on the trimmed track with a fader behind them."""
    tracks, start = song(kick="kick", sing="vocal")
    mix = mix_by(stub(), heard(tracks, start), start, target_lufs=-20.0)
    strip = mix.tracks[0].strip
    gain_db = strip[0].settings["gain_db"]
    compressor = find_stage(strip, "compressor")
    trim_db = -23 - measure_loudness(tracks[0], RATE).item()
    threshold_db = compressor.settings["threshold_db"] - (gain_db - trim_db)
    raised = compressor._replace(settings={**compressor.settings, "threshold_db": threshold_db})
    effects = [raised if s is compressor else s for s in strip[1:-1]]
    trimmed = run_strip(tracks[0] * 10 ** (trim_db / 20), RATE, effects)
    torch.testing.assert_close(
        trimmed * 10 ** ((gain_db - trim_db) / 20), run_strip(tracks[0], RATE, strip[:-1]),
        rtol=1e-4, atol=1e-6,
    )  # fmt: skip
    assert (trimmed / (tracks[0] * 10 ** (trim_db / 20))).nanmean() < 0.98, "it compresses"


def test_the_threshold_of_the_sum_stands_where_the_sum_is():
    tracks, start = song(kick="kick", sing="vocal")
    mix = mix_by(stub(), heard(tracks, start), start, target_lufs=-20.0)
    loudness = measure_loudness(mix_down(tracks, replace(mix, master=())), RATE).item()
    threshold_db = find_stage(mix.master, "compressor").settings["threshold_db"]
    assert threshold_db == pytest.approx(
        COMPRESSOR.defaults()["threshold_db"] + loudness + 23, abs=0.1
    )


def test_levels_are_staged_to_add_up():
    level_db = torch.tensor([[0.0, 0.0, 50.0], [-10.0, -13.0, 3.0]])
    playing = torch.tensor([[True, True, False], [True, True, True]])
    found = staged(level_db, playing)
    power = (10 ** (found / 10) * playing).sum(-1)
    torch.testing.assert_close(power, torch.ones(2))
    torch.testing.assert_close(found.diff(), level_db.diff())


def test_what_neither_name_nor_ear_tells_is_not_mixed():
    tracks, start = song(kick="kick", x="vocal")
    unnamed = replace(start, tracks=tuple(replace(t, role="other") for t in start.tracks))
    with pytest.raises(UnlikeError, match="0 of 2 tracks"):
        mix_by(stub(), heard(tracks, unnamed), unnamed, target_lufs=-20.0)
    with pytest.raises(UnlikeError, match="nothing plays in any track"):
        mix_by(
            stub(), heard([torch.zeros_like(t) for t in tracks], start), start, target_lufs=-20.0
        )


def test_weights_bring_their_console_and_size(tmp_path):
    model = stub().model
    config = {"console": "full", "network": {"channels": [4, 4], "embedding": 8, "hidden": 16,
                                             "dropout": 0.1}}  # fmt: skip
    tensors = {name: value.half() for name, value in model.state_dict().items()}
    facts = {"recipe": RECIPE, "config": config}
    save_file(tensors, tmp_path / "w.safetensors", {"dasp": json.dumps(facts)})
    trained = load_trained(tmp_path / "w.safetensors")
    assert trained.console is CONSOLES["full"]
    for name, value in trained.model.state_dict().items():
        torch.testing.assert_close(value, tensors[name].float())
    save_file(tensors, tmp_path / "o.safetensors")
    with pytest.raises(ValueError, match="expected weights of the recipe"):
        load_trained(tmp_path / "o.safetensors")


@pytest.mark.parametrize("rate", [16_000, 96_000])
def test_any_sample_rate_will_do(rate):
    made = synthetic_song(1, seconds=2.0, sample_rate=rate, ensemble=("kick", "vocal"))
    start = Mix(rate, tuple(Track(r.name, role=r.role) for r in made.recordings))
    mix = mix_by(stub(), made.song, start, target_lufs=-20.0)
    assert measure_loudness(mix_down(made.tracks, mix), rate) == pytest.approx(-20.0, abs=0.1)


def test_the_room_of_a_kit_is_lowered_and_never_raised():
    """A room microphone hears the kit once more: it stands where the network has a room."""
    tracks, start = kit()
    room = sum(tracks)
    for loud, lowered in ((3.0, True), (0.02, False)):
        own = replace(start, tracks=(*start.tracks, Track("far", role="room")))
        mix = mix_by(stub(), heard([*tracks, loud * room], own), own, target_lufs=-18.0)
        *close_db, room_db = (setting(track.strip, "gain_db") for track in mix.tracks)
        assert max(close_db) - min(close_db) < 0.02
        assert (room_db < close_db[0] - 3) == lowered and room_db <= close_db[0] + 0.02
