import json
import math

import pytest
import soundfile
import torch

from dasp.analysis.rhythm import measure_onset_strength, measure_onsets, measure_tempo

ONSETS = torch.tensor([0.0, 0.313, 0.5, 0.777, 1.234, 1.9, 2.5])
RATES = [8_000, 22_050, 44_100, 48_000, 96_000]


def place(sound, times, rate, seconds):
    """`sound` `(samples,)`, or a function of the index, at each time, `(1, time)`."""
    x = torch.zeros(1, round(seconds * rate))
    for k, time in enumerate(torch.as_tensor(times).tolist()):
        start = round(time * rate)
        piece = (sound(k) if callable(sound) else sound)[: x.shape[-1] - start]
        x[0, start : start + len(piece)] += piece
    return x


def click():
    return torch.ones(1)


def decay(rate, seconds):
    return torch.exp(-torch.arange(rate) / (seconds * rate))


def kick(rate):
    t = torch.arange(rate) / rate
    sweep = 50 * t + 4 * (1 - torch.exp(-t / 0.03))
    return torch.sin(2 * torch.pi * sweep) * decay(rate, 0.08)


def snare(rate):
    tone = torch.sin(2 * torch.pi * 190 * torch.arange(rate) / rate)
    return (0.5 * torch.randn(rate) + 0.7 * tone) * decay(rate, 0.06)


def hi_hat(rate):
    return 0.4 * torch.randn(rate + 1).diff() * decay(rate, 0.02)


def found(x, rate):
    times = measure_onsets(x, rate)
    return times[times < torch.inf]


@pytest.mark.parametrize("rate", RATES)
def test_clicks_and_bursts_are_found_where_they_are(rate):
    clicks = place(click(), ONSETS, rate, 3.0)
    bursts = place(lambda _: torch.randn(rate) * decay(rate, 0.03), ONSETS, rate, 3.0)
    for x in (clicks, clicks + 0.003 * torch.randn_like(clicks), bursts, 1e-3 * bursts):
        times = found(x, rate)
        assert len(times) == len(ONSETS)
        assert (times - ONSETS).abs().amax() < 0.02


@pytest.mark.parametrize("rate", RATES)
def test_notes_of_a_melody_are_found(rate):
    def note(k):
        t = torch.arange(rate) / rate
        attack = 1 - torch.exp(-t / 0.003)
        return torch.sin(2 * torch.pi * 220 * 2 ** (k * 5 / 12) * t) * attack * decay(rate, 0.2)

    times = found(place(note, ONSETS, rate, 3.0), rate)
    assert len(times) == len(ONSETS)
    assert (times - ONSETS).abs().amax() < 0.02


def test_what_is_steady_begins_once():
    noise = torch.randn(1, 10 * 44_100)
    assert found(noise, 44_100).tolist() == [0.0]
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(44_100) / 44_100)[None]
    assert found(tone, 44_100).tolist() == [0.0]
    assert len(found(torch.zeros(1, 44_100), 44_100)) == 0


def test_onsets_of_a_recorded_kit(shared_data):
    folder = shared_data / "drums_gogodze_a"
    audio, rate = soundfile.read(folder / "sfz_default_mix.flac", dtype="float32")
    hits = json.loads((folder / "meta.json").read_text())["hits_t_art_vel_rr_midivel"]
    played = torch.tensor([hit[0] for hit in hits])
    loud = torch.tensor([hit[0] for hit in hits if hit[4] > 80])
    times = found(torch.from_numpy(audio.T.copy()), rate)
    distance = (times[:, None] - played).abs()
    assert (distance.amin(1) < 0.02).double().mean() > 0.95  # what is found was played
    assert ((times[:, None] - loud).abs().amin(0) < 0.03).double().mean() > 0.9  # and the reverse


@pytest.mark.parametrize("bpm", range(60, 181, 10))
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_tempo_of_a_click_track(bpm, rate):
    beats = torch.arange(0, 8, 60 / bpm)
    x = place(click(), beats, rate, 8.0)
    assert measure_tempo(x, rate).item() == pytest.approx(bpm, rel=0.005)
    assert measure_tempo(x[:, rate // 7 :], rate).item() == pytest.approx(bpm, rel=0.005)
    noisy = x + 0.003 * torch.randn_like(x)
    assert measure_tempo(noisy, rate).item() == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("bpm", range(60, 181, 15))
@pytest.mark.parametrize("hat_gain", [0.2, 0.5, 0.8])
def test_tempo_of_kick_and_snare_under_eighth_note_hi_hats(bpm, hat_gain):
    rate, beat = 44_100, 60 / bpm
    kicks, snares = torch.arange(0.1, 10, 2 * beat), torch.arange(0.1 + beat, 10, 2 * beat)
    drums = place(kick(rate), kicks, rate, 10.0)
    drums += place(lambda _: snare(rate), snares, rate, 10.0)
    hats = place(lambda _: hi_hat(rate), torch.arange(0.1, 10, beat / 2), rate, 10.0)
    assert measure_tempo(drums + hat_gain * hats, rate).item() == pytest.approx(bpm, rel=0.02)


def test_silence_has_no_tempo_and_items_are_independent():
    rate = 8_000
    clicks = [place(click(), torch.arange(0, 6, 60 / bpm), rate, 6.0) for bpm in (70, 150)]
    x = torch.stack([clicks[0], torch.zeros(1, 6 * rate), 1e-3 * clicks[1]])
    assert measure_tempo(x, rate).tolist() == pytest.approx([70, 0, 150], rel=0.005)
    onsets = measure_onsets(x, rate)
    assert onsets.isfinite().sum(-1).tolist() == [7, 0, 15]
    torch.testing.assert_close(onsets, torch.stack([measure_onsets(item, rate) for item in x]))


def test_onset_strength_ignores_the_level_and_has_gradients():
    x = torch.randn(2, 2, 1_000, dtype=torch.float64, requires_grad=True)
    strength = measure_onset_strength(x, 8_000)
    torch.testing.assert_close(measure_onset_strength(0.01 * x, 8_000), strength)
    assert torch.autograd.gradcheck(lambda x: measure_onset_strength(x, 8_000), x, fast_mode=True)
    silence = torch.zeros(1, 2_000, requires_grad=True)
    measure_onset_strength(silence, 8_000).sum().backward()
    assert torch.equal(silence.grad, torch.zeros_like(silence))


def test_onset_strength_of_a_click_is_the_growth_of_one_frame():
    """From nothing to the loudest, every band of a click grows by log(1 + 100 b), b up to 1."""
    x = place(click(), [0.5], 44_100, 1.0)
    strength = measure_onset_strength(x, 44_100)
    assert strength.argmax() == 50
    assert 0 < strength.amax() <= math.log(101)
    assert strength[:48].amax() == 0
    assert strength[53:].amax() == 0
