"""Music in the style of other music: levels, lengths, rates, and what says nothing."""

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.style.conversion import (
    WEIGHTS,
    HeardStyle,
    between,
    convert,
    hear_style,
    load_converter,
    shipped,
    style_transfer,
)
from dasp.controllers.style.converter import NUMBERS, Converter, Size
from dasp.mixing.song import Song
from dasp.processors.catalogue import PARAMETRIC_EQ
from dasp.processors.stage import Stage
from dasp.signal.resample import resample

RATE = 44_100


def music(seed, seconds=3.0, rate=RATE):
    """Noise in bursts, wider at the top than at the bottom."""
    draw = torch.Generator().manual_seed(seed)
    time = round(seconds * rate)
    x = 0.1 * torch.randn(2, time, generator=draw)
    bursts = torch.rand(1, 24, generator=draw).repeat_interleave(-(-time // 24), -1)[:, :time]
    return 0.3 * x.sum(0) * bursts + 0.2 * x


def bright(x):
    return Stage(PARAMETRIC_EQ, {"high_shelf_gain_db": 12.0, "low_shelf_gain_db": -12.0}).run(
        x, RATE
    )


def dark(x):
    return Stage(PARAMETRIC_EQ, {"high_shelf_gain_db": -12.0, "low_shelf_gain_db": 12.0}).run(
        x, RATE
    )


def tilt_db(x):
    """Power over 2 kHz beside that under 200 Hz."""
    power = torch.fft.rfft(x.double()).abs().square().sum(0)
    f = torch.linspace(0, RATE / 2, len(power))
    return 10 * (power[f > 2000].sum() / power[f < 200].sum()).log10().item()


@pytest.mark.parametrize(("group", "least_db"), [(None, 2.0), ("vocals", 0.5)])
def test_the_network_of_the_package_makes_music_as_bright_or_dark_as_the_reference(group, least_db):
    x, other = music(0), music(1)
    tilts = [
        tilt_db(convert(x, RATE, hear_style([treated(other)], RATE, group=group), group=group))
        for treated in (bright, dark)
    ]
    assert tilts[0] > tilts[1] + least_db


def test_it_is_as_loud_as_the_reference_and_does_not_hear_levels():
    x, reference = music(0), music(1)
    y = convert(x, RATE, hear_style([0.2 * reference], RATE))
    wanted = measure_loudness(0.2 * reference, RATE).item()
    assert measure_loudness(y, RATE).item() == pytest.approx(wanted, abs=0.1)
    louder = convert(3 * x, RATE, hear_style([reference], RATE))
    torch.testing.assert_close(louder, 5 * y, atol=1e-4, rtol=1e-2)


def test_a_style_between_two_is_between_them():
    one, two = (hear_style([treated(music(1))], RATE) for treated in (bright, dark))
    for amount, end in ((0.0, one), (1.0, two)):
        found = between(one, two, amount)
        torch.testing.assert_close(found.numbers, end.numbers)
        assert found.loudness_lufs == pytest.approx(end.loudness_lufs)
    middle = between(one, two, 0.5).numbers
    torch.testing.assert_close(middle, (one.numbers + two.numbers) / 2)
    with pytest.raises(ValueError, match="amount"):
        between(one, two, 1.5)


def test_several_references_are_heard_in_the_mean_and_a_pause_says_nothing():
    one, two = bright(music(1)), dark(music(2))
    found = hear_style([one, two], RATE).numbers
    alone = [hear_style([x], RATE).numbers for x in (one, two)]
    torch.testing.assert_close(found, sum(alone) / 2)
    one = one[:, : 2**17]
    pause = torch.cat((one, torch.zeros(2, 2**17)), -1)
    found, expected = (hear_style([x], RATE).numbers for x in (pause, one))
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)  # a block is half a pause


def test_references_of_another_rate_or_mono_are_much_the_same():
    smooth = resample(resample(music(1), RATE, 32_000), 32_000, RATE)
    here = hear_style([smooth], RATE).numbers
    there = hear_style([resample(smooth, RATE, 48_000)], 48_000).numbers
    assert torch.corrcoef(torch.stack((here, there)))[0, 1] > 0.99
    mono = smooth[:1]
    torch.testing.assert_close(
        hear_style([mono], RATE).numbers,
        hear_style([mono.expand(2, -1)], RATE).numbers,
        atol=1e-3,
        rtol=0,
    )


@pytest.mark.parametrize("rate", [22_050, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_mono_come_back_in_stereo_at_their_length_and_type(rate, channels):
    x = music(0, 1.0, rate)[:channels].double()
    y = convert(x, rate, hear_style([music(1, 1.0, rate)], rate))
    assert y.shape == (2, x.shape[-1]) and y.dtype == x.dtype and y.isfinite().all()


def test_silence_and_what_is_short_stay_finite():
    style = hear_style([music(1)], RATE)
    silent = convert(torch.zeros(1, RATE), RATE, style, group="drums")
    assert torch.equal(silent, torch.zeros(2, RATE))
    for x in (music(0)[:, :100], torch.full((1, 1), 0.5), torch.zeros(2, 0)):
        y = convert(x, RATE, style)
        assert y.shape == (2, x.shape[-1]) and y.isfinite().all()


def test_references_that_say_nothing_are_refused_by_number():
    good = music(1)
    with pytest.raises(ValueError, match="references: expected one or more, got none"):
        hear_style([], RATE)
    with pytest.raises(ValueError, match=r"references\[1\]: expected music, got silence"):
        hear_style([good, torch.zeros(2, RATE)], RATE)
    with pytest.raises(ValueError, match=r"references\[0\]: expected 0\.4 s or more, got 0\.1 s"):
        hear_style([good[:, : RATE // 10]], RATE)
    with pytest.raises(ValueError, match=r"references\[0\]: expected .* got shape \(3, 44100\)"):
        hear_style([torch.zeros(3, RATE)], RATE)
    with pytest.raises(ValueError, match=r"references\[0\].*finite"):
        hear_style([good.log()], RATE)
    with pytest.raises(ValueError, match="group: expected one of"):
        hear_style([good], RATE, group="choir")
    with pytest.raises(ValueError, match="group: expected one of"):
        convert(good, RATE, hear_style([good], RATE), group="choir")


def test_a_song_is_its_normalised_stems_in_the_style_of_the_reference(tmp_path):
    tracks = (music(0)[:1], music(2))
    song = Song(("kick", "voice"), ("kick", "vocal"), tracks, RATE)
    mixes = [style_transfer(song, references=[treated(music(1))]) for treated in (bright, dark)]
    assert all(mix.shape == (2, 3 * RATE) and mix.isfinite().all() for mix in mixes)
    assert tilt_db(mixes[0]) > tilt_db(mixes[1]) + 2.0
    louder = Song(song.names, song.roles, (4 * tracks[0], tracks[1]), RATE)
    again = style_transfer(louder, references=[bright(music(1))])
    torch.testing.assert_close(again, mixes[0], atol=1e-3, rtol=1e-2)


def test_a_converter_of_ones_own(tmp_path):
    x, style = music(0, 1.0), HeardStyle(torch.zeros(NUMBERS), -20.0)
    own = Converter(Size(blocks=1, width=4, hidden=4)).eval()
    y = convert(x, RATE, style, converter=own)  # untrained, so that only the level is another
    gain = 10 ** ((-20.0 - measure_loudness(x, RATE).item()) / 20)
    torch.testing.assert_close(y, gain * x, atol=1e-4, rtol=1e-3)
    with pytest.raises(ValueError, match="not a safetensors file"):
        (tmp_path / "x.safetensors").write_bytes(b"no")
        load_converter(tmp_path / "x.safetensors")


def test_the_weights_are_small_and_do_not_train():
    assert WEIGHTS.stat().st_size < 1_500_000
    assert not any(weight.requires_grad for weight in shipped().parameters())
    by_reference = ("effect_encoder", "diff_mst", "style_converter")
    sizes = [(WEIGHTS.parent / f"{name}.safetensors").stat().st_size for name in by_reference]
    assert sum(sizes) < 4_000_000
