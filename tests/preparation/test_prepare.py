"""Faults that are planted in sound tracks are found, and sound tracks are left as they are."""

import math
from dataclasses import replace

import pytest
import torch

from dasp.mixing import Preparation, Song, Track, mix_down
from dasp.preparation import prepare_song, undo
from dasp.preparation.one_source import Pair, delays, turned_over
from dasp.preparation.one_track import LEAST_OFFSET, of_one_track, standard_error_of_mean
from dasp.processors.catalogue import COMPRESSOR, LOW_PASS, PARAMETRIC_EQ
from dasp.songs.multitrack import load_folder

RATE = 16_000
SECONDS = 6


def plucked(seed: int, hz: float = 220.0) -> torch.Tensor:
    """Notes at random times, `(1, time)`: noise that decays, through a filter."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.zeros(1, SECONDS * RATE)
    for start in torch.randint(0, (SECONDS - 1) * RATE, (12,), generator=draw).tolist():
        t = torch.arange(RATE // 2) / RATE
        x[0, start : start + RATE // 2] += (
            torch.randn(RATE // 2, generator=draw)
            * (-12 * t).exp()
            * torch.sin(hz * 6.28 * t).abs()
        )
    x = LOW_PASS(x, RATE, freq_hz=3000.0)
    return 0.3 * x / x.abs().max()


@pytest.fixture(scope="module")
def tracks():
    return {
        name: plucked(i, 110.0 * (i + 1)) for i, name in enumerate(("bass di", "keys", "vocal"))
    }


def found(tracks):
    prepared = prepare_song(Song.of([*tracks], [*tracks.values()], RATE))
    return prepared, {(f.track, f.kind): f for f in prepared.findings}


def test_sound_tracks_stay_as_they_are(tracks):
    prepared, findings = found(tracks)
    assert findings == {}
    assert all(track == Track(track.name, role=track.role) for track in prepared.mix.tracks)


def test_a_silent_track_is_muted(tracks):
    prepared, findings = found({**tracks, "tom": 1e-5 * tracks["keys"]})
    assert [*findings] == [("tom", "silent")] and prepared.mix.tracks[3].mute
    assert prepared.mix.tracks[3].prepare.because["mute"].startswith("silent")


def test_an_offset_is_what_was_added(tracks):
    offset = torch.tensor([[0.02], [-0.01]])
    keys = torch.cat((tracks["keys"], plucked(9)))
    mean = keys.mean(-1)
    prepared, findings = found({**tracks, "keys": keys + offset})
    assert [*findings] == [("keys", "offset")]
    taken = prepared.mix.tracks[1].prepare.offset
    assert taken == pytest.approx((mean + offset[:, 0]).tolist(), rel=1e-4)


def test_an_offset_that_comes_and_goes_stays(tracks):
    x = tracks["keys"].clone()
    x[:, : x.shape[-1] // 3] += 0.02
    assert found({**tracks, "keys": x})[1] == {}


def coloured(slope: float, seconds: float, seed: int) -> torch.Tensor:
    """Noise whose amplitude goes with a power of the frequency over 0.5 Hz, RMS 0.1, `(1, time)`.

    It is a part of a longer one, so that it need not come back to where it began.
    """
    size = round(seconds * RATE)
    white = torch.randn(4 * size, generator=torch.Generator().manual_seed(seed))
    hz = torch.fft.rfftfreq(4 * size, 1 / RATE)
    shaped = torch.fft.rfft(white) * (hz.square() + 0.25).sqrt() ** slope
    x = torch.fft.irfft(shaped)[size : 2 * size]
    return 0.1 * (x / x.square().mean().sqrt())[None]


@pytest.mark.parametrize("slope", [0.0, -0.5, -1.0])
@pytest.mark.parametrize("seconds", [2.0, 5.0, 12.0])
def test_noise_has_no_offset_whatever_its_mean(slope, seconds):
    """Of white noise the mean is near 0; that of red noise is far from it, by chance."""
    means = []
    for seed in range(5):
        x = coloured(slope, seconds, seed)
        means.append(x.mean().abs().item())
        track, findings = of_one_track(Track("noise"), x, RATE)
        assert track.prepare.offset == () and not findings
    assert slope > -1 or max(means) > LEAST_OFFSET


@pytest.mark.parametrize("slope", [0.0, -0.5])
@pytest.mark.parametrize("seconds", [2.0, 12.0])
def test_an_offset_under_noise_is_taken_off(slope, seconds):
    x = 0.1 * coloured(slope, seconds, 3)
    offset = 30 * (standard_error_of_mean(x[0]) + x.mean().abs()).item()
    track, _ = of_one_track(Track("noise"), x + offset, RATE)
    assert track.prepare.offset[0] == pytest.approx(offset + x.mean().item(), rel=1e-4)


def test_two_channels_of_one_are_heard_as_one(tracks):
    prepared, findings = found({**tracks, "vocal": tracks["vocal"].expand(2, -1)})
    assert [*findings] == [("vocal", "mono")] and prepared.mix.tracks[2].prepare.mono


def test_clipped_peaks_are_told_and_left(tracks):
    prepared, findings = found({**tracks, "vocal": (8 * tracks["vocal"]).clamp(-1, 1)})
    assert [*findings] == [("vocal", "clipped")]
    assert not findings["vocal", "clipped"].done and not prepared.mix.tracks[2].prepare


def test_noise_in_the_pauses_is_told_with_its_level(tracks):
    noise = 10 ** (-50 / 20) * torch.randn(1, SECONDS * RATE)
    noisy = torch.zeros_like(noise)
    noisy[:, 2 * RATE : 3 * RATE] = 0.3 * torch.sin(torch.arange(RATE) * 0.2)
    _, findings = found({**tracks, "vocal": noisy + noise})
    assert [*findings] == [("vocal", "noise")]
    assert "noise at -50 dBFS" in findings["vocal", "noise"].text


@pytest.mark.parametrize("gain", [1.0, 0.5, -0.7])
def test_a_track_again_is_muted(tracks, gain):
    prepared, findings = found({**tracks, "copy of keys": gain * tracks["keys"]})
    assert [*findings] == [("copy of keys", "duplicate")]
    assert [track.mute for track in prepared.mix.tracks] == [False, False, False, True]


def test_two_sides_that_are_alike_both_stay(tracks):
    side = plucked(50)
    prepared, findings = found({"gtr L": side, "gtr R": side, **tracks})
    assert findings == {} and not any(track.mute for track in prepared.mix.tracks)


@pytest.mark.parametrize("mastered", [False, True])
@pytest.mark.parametrize("name", ["everything", "Song rough mix 2"])
def test_a_bounce_of_the_others_is_muted(tracks, mastered, name):
    bounce = 0.5 * tracks["bass di"] + tracks["keys"] + 0.8 * tracks["vocal"]
    if mastered:
        bounce = PARAMETRIC_EQ(bounce, RATE, low_shelf_gain_db=3.0, high_shelf_gain_db=4.0,
                               high_shelf_freq_hz=4000.0)  # fmt: skip
        bounce = COMPRESSOR(bounce, RATE, threshold_db=-24.0, ratio=2.0)
    prepared, findings = found({**tracks, name: bounce})
    assert [*findings] == [(name, "bounce")]
    assert [track.mute for track in prepared.mix.tracks] == [False, False, False, True]


def test_a_bounce_that_was_pressed_hard_is_muted_where_its_name_leaves_it_possible(tracks):
    """A track called keys is a part, however like the others together it is."""
    bounce = 0.5 * tracks["bass di"] + tracks["keys"] + 0.8 * tracks["vocal"]
    pressed = COMPRESSOR(
        bounce, RATE, threshold_db=-40.0, ratio=4.0, attack_ms=1.0, release_ms=30.0
    )
    for name, mutes in (("Track 9", True), ("bounce", True), ("pad", False)):
        prepared, findings = found({**tracks, name: pressed})
        assert prepared.mix.tracks[3].mute == mutes, findings


@pytest.mark.parametrize("late", [0.0, 0.3, 12.25, 70.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_second_track_of_one_source_comes_into_time_and_adds_up(tracks, late, sign):
    """A band-limited delay by FFT in float64, noise 30 dB under it."""
    di = tracks["bass di"]
    size = 2 * di.shape[-1]
    bins = torch.fft.rfft(di.double(), size)
    turn = torch.exp(-2j * math.pi * torch.fft.rfftfreq(size, dtype=torch.float64) * late)
    amp = torch.fft.irfft(bins * turn, size)[:, : di.shape[-1]].float()
    amp = sign * (amp + 0.03 * amp.square().mean().sqrt() * torch.randn_like(amp))
    own = {**tracks, "bass amp": amp}
    prepared, findings = found(own)
    done = {kind for (_, kind), finding in findings.items() if finding.done}
    assert done == ({"polarity"} if sign < 0 else set()) | ({"delay"} if late else set())
    (moved,) = [t.prepare for t in prepared.mix.tracks if t.name == "bass amp"]
    assert -moved.delay_samples == pytest.approx(late, abs=0.05)
    turned = [track.prepare.inverted for track in prepared.mix.tracks]
    assert sum(turned) == (sign < 0)
    basses = replace(prepared.mix, tracks=(prepared.mix.tracks[0], prepared.mix.tracks[3]))
    together = mix_down([di, amp], basses)[0]
    expected = 10 * math.log10(4)  # twice the amplitude
    gain_db = 10 * math.log10(together.square().mean() / di.square().mean())
    assert gain_db == pytest.approx(expected, abs=0.1)


def test_neither_locked_nor_muted_tracks_are_touched(tracks):
    song = Song.of(["keys", "copy", "tom"], [tracks["keys"]] * 2 + [0 * tracks["keys"]], RATE)
    plain = song.plain_mix()
    start = replace(plain, tracks=tuple(replace(t, locked=True) for t in plain.tracks))
    assert prepare_song(song, start) == (start, ())


def test_what_is_undone_is_as_it_was(tracks):
    amp = -tracks["bass di"] + 0.01 * plucked(40)
    prepared, _ = found({**tracks, "bass amp": amp, "tom": 0 * amp})
    mix = undo(prepared.mix, ["tom"])
    assert mix.tracks[4] == Track("tom", role="tom")
    (name,) = [track.name for track in mix.tracks if track.prepare.inverted]
    assert undo(mix, [f"{name}:polarity"]) == undo(mix, [name])
    assert not any(t.prepare.inverted for t in undo(mix, [f"{name}:polarity"]).tracks)
    with pytest.raises(ValueError, match="no track 'tim'; did you mean 'tom'"):
        undo(mix, ["tim"])


def _pair(i, j, correlation, delay=0.0, coherence=0.9):
    return Pair(i, j, coherence, correlation, 0.1, delay, True, True)


def test_the_fewer_are_turned_and_contradictions_leave_all():
    assert [*turned_over([_pair(0, 1, 0.9), _pair(1, 2, -0.9), _pair(0, 2, -0.8)], 3)] == [2]
    assert turned_over([_pair(0, 1, 0.9), _pair(1, 2, -0.9), _pair(0, 2, 0.8)], 3) == {}
    assert [*turned_over([_pair(0, 1, -0.9)], 2)] == [1]
    weak = Pair(0, 2, 0.5, -0.2, 0.9, 0.0, False, False)
    assert [*turned_over([_pair(0, 1, -0.9), weak], 3)] == [0], "it fits the third less"


def test_three_tracks_of_one_source_wait_for_none():
    """They move to the earliest of them, through the pairs that are most coherent."""
    found = [_pair(0, 1, 0.9, delay=-10.0), _pair(1, 2, 0.9, delay=25.0)]
    assert {i: late for i, (late, _) in delays(found, 3).items()} == {0: 10.0, 2: 25.0}


@pytest.mark.long
@pytest.mark.parametrize("name", [
    *(f"song_{s}/stems" for s in ("hydrogen", "lithium", "potassium", "rubidium", "sodium")),
    "song_fxnorm_008/dry", "drums_enst066/tracks", "drums_gogodze_a/tracks",
])  # fmt: skip
def test_nothing_is_done_to_real_tracks_but_to_hear_two_channels_of_one_as_one(shared_data, name):
    song = load_folder(shared_data / name).song
    done = [f for f in prepare_song(song).findings if f.done]
    assert {f.kind for f in done} <= {"mono"}
    for finding in done:
        left, right = song.tracks[song.names.index(finding.track)]
        assert (left - right).square().mean() < 1e-6 * left.square().mean()


def test_two_real_overheads_of_which_one_is_turned_over_agree_again(shared_data):
    """Which of the two is turned is a question of how they fit the others."""
    song = load_folder(shared_data / "drums_enst066" / "tracks").song
    turned = [-x if n == "overheadR" else x for n, x in zip(song.names, song.tracks, strict=True)]
    prepared = prepare_song(replace(song, tracks=tuple(turned)))
    (track,) = [t for t in prepared.mix.tracks if t.prepare != Preparation()]
    assert track.name in ("overheadL", "overheadR") and track.prepare.inverted
    assert "correlation with overhead" in track.prepare.because["polarity"]
