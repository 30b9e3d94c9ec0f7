"""The console against the same mix written out, track by track."""

import math

import pytest
import torch

import dasp.functional as F
from dasp.mixing.console import GROUP_STRIP, Console, Controls, Settings, stack_tracks
from dasp.mixing.routing import Routing
from dasp.processors import Processor
from dasp.processors.catalogue import (
    COMPRESSOR,
    DELAY,
    GAIN,
    HIGH_PASS,
    LIMITER,
    PARAMETRIC_EQ,
    STEREO_PANNER,
    STEREO_WIDENER,
)

RATE = 44_100
SMALL = Console(
    strip=(HIGH_PASS, COMPRESSOR, GAIN, STEREO_PANNER),
    groups={"drums": (COMPRESSOR, GAIN), "band": (STEREO_WIDENER,)},
    buses={"echo": (DELAY,)},
    master=(COMPRESSOR, GAIN),
)


def _controls(console: Console, *batch: int, tracks: int = 4, dtype=torch.float64) -> Controls:
    """Random controls, away from the ends."""

    def rand(*shape):
        return 0.2 + 0.6 * torch.rand(*shape, dtype=dtype)

    return Controls(
        rand(*batch, tracks, console.n_controls),
        rand(*batch, console.n_group_controls),
        rand(*batch, console.n_bus_controls),
        rand(*batch, console.n_master_controls),
    )


def _noise(*shape: int) -> torch.Tensor:
    return 0.3 * torch.randn(*shape, dtype=torch.float64)


def test_a_mix_is_what_its_parts_are_one_after_the_other():
    tracks, group = _noise(4, 1, 3000), [0, -1, 1, 0]
    settings = SMALL.to_physical(_controls(SMALL))
    master, sums, echo = 0.0, [0.0, 0.0], 0.0
    for i in range(4):
        of = {k: v[i] for k, v in settings.tracks.items()}
        x = F.high_pass(tracks[i], RATE, freq_hz=of["high_pass.freq_hz"])
        x = COMPRESSOR(x, RATE, **_part(of, "compressor"))
        x = F.gain(x, RATE, gain_db=of["gain.gain_db"])
        x = F.stereo_panner(x, RATE, pan=of["stereo_panner.pan"])
        echo = echo + x * 10 ** (of["send.echo_db"] / 20)
        if group[i] < 0:
            master = master + x
        else:
            sums[group[i]] = sums[group[i]] + x
    drums = COMPRESSOR(sums[0], RATE, **_part(settings.groups, "drums.compressor"))
    master = master + F.gain(drums, RATE, gain_db=settings.groups["drums.gain.gain_db"])
    width = settings.groups["band.stereo_widener.width"]
    master = master + F.stereo_widener(sums[1], RATE, width=width)
    master = master + F.delay(echo, RATE, mix=1.0, **_part(settings.buses, "echo.delay"))
    master = COMPRESSOR(master, RATE, **_part(settings.master, "compressor"))
    expected = F.gain(master, RATE, gain_db=settings.master["gain.gain_db"])
    y = SMALL(tracks, RATE, settings, routing=Routing(torch.tensor(group)))
    torch.testing.assert_close(y, expected)


def _part(settings, name: str) -> dict:
    return {k.removeprefix(f"{name}."): v for k, v in settings.items() if k.startswith(f"{name}.")}


def test_songs_of_a_batch_are_mixed_alone():
    tracks, controls = _noise(2, 3, 2, 2000), _controls(SMALL, 2, tracks=3)
    group = torch.tensor([[0, 1, -1], [1, 1, 0]])
    together = SMALL(tracks, RATE, SMALL.to_physical(controls), routing=Routing(group))
    for i in range(2):
        settings = SMALL.to_physical(Controls(*(part[i] for part in controls)))
        alone = SMALL(tracks[i], RATE, settings, routing=Routing(group[i]))
        torch.testing.assert_close(together[i], alone)


def test_the_order_of_tracks_is_nothing_to_the_mix():
    tracks, controls = _noise(4, 1, 2000), _controls(SMALL)
    order = torch.tensor([2, 0, 3, 1])
    group = torch.tensor([0, -1, 1, 0])
    y = SMALL(tracks, RATE, SMALL.to_physical(controls), routing=Routing(group))
    other = controls._replace(tracks=controls.tracks[order])
    z = SMALL(tracks[order], RATE, SMALL.to_physical(other), routing=Routing(group[order]))
    torch.testing.assert_close(y, z)


def test_absent_tracks_are_nothing_in_value_and_gradient():
    """Not even where what stands in their place is no number at all."""
    tracks, controls = _noise(3, 1, 2000), _controls(SMALL, tracks=5)
    expected = SMALL(tracks, RATE, SMALL.to_physical(controls._replace(tracks=controls.tracks[:3])))
    absent = torch.full((2, 1, 2000), torch.nan, dtype=torch.float64)
    padded = torch.cat((tracks, absent)).requires_grad_()
    knobs = controls.tracks.clone().requires_grad_()
    settings = SMALL.to_physical(controls._replace(tracks=knobs))
    y = SMALL(padded, RATE, settings, mask=torch.tensor([1, 1, 1, 0, 0]).bool())
    torch.testing.assert_close(y, expected)
    y.square().sum().backward()
    assert (padded.grad[3:] == 0).all() and (knobs.grad[3:] == 0).all()
    assert (padded.grad[:3] != 0).any() and (knobs.grad[:3] != 0).any()


def test_mono_is_panned_and_stereo_balanced():
    """Also side by side in one tensor: a mono track at +1 is right only, as a stereo one is."""
    mono, stereo = _noise(1, 500), _noise(2, 500)
    tracks, is_mono = stack_tracks([mono, stereo])
    console = Console(strip=(STEREO_PANNER,), buses={}, master=())
    for pan in (-0.6, 0.0, 0.3, 1.0):
        settings = Settings({"stereo_panner.pan": torch.tensor([pan, pan])})
        expected = F.stereo_panner(mono, RATE, pan=pan) + F.stereo_panner(stereo, RATE, pan=pan)
        torch.testing.assert_close(console(tracks, RATE, settings, mono=is_mono), expected)
    alone, _ = stack_tracks([mono, mono])
    assert alone.shape == (2, 1, 500)


def test_a_send_at_its_lowest_is_off_and_has_a_slope():
    console = Console(strip=(), buses={"echo": (DELAY,)}, master=())
    tracks = _noise(1, 2, 30_000)
    send_db = torch.tensor([-60.0], dtype=torch.float64, requires_grad=True)
    y = console(tracks, RATE, Settings({"send.echo_db": send_db}))
    assert torch.equal(y, tracks[0])
    (y * F.delay(tracks[0], RATE, time_ms=350.0, feedback=0.4, mix=1.0)).sum().backward()
    assert send_db.grad.isfinite().all() and (send_db.grad > 0).all()


def test_a_side_chain_hears_another_track():
    console = Console(strip=(GAIN, COMPRESSOR), buses={}, master=())
    bass, kick = _noise(2, 1, 4000).unbind(0)
    kick = 3 * kick
    settings = Settings({"compressor.ratio": 8.0, "compressor.threshold_db": -20.0,
                         "gain.gain_db": -6.0})  # fmt: skip
    routing = Routing(sidechain={"compressor": torch.tensor([-1, 0])})
    y = console(torch.stack((kick, bass)), RATE, settings, routing=routing)
    knobs = {"ratio": 8.0, "threshold_db": -20.0}
    half = 10 ** (-6 / 20)
    expected = COMPRESSOR(half * bass, RATE, sidechain=kick, **knobs)
    expected = expected + COMPRESSOR(half * kick, RATE, **knobs)
    torch.testing.assert_close(y, expected.expand(2, -1))


def test_plain_settings_are_the_plain_sum():
    """What is left out does nothing: all but the panner's law and the mildest high-pass."""
    console = Console(strip=(GAIN, PARAMETRIC_EQ, COMPRESSOR, STEREO_WIDENER), master=GROUP_STRIP)
    tracks = 0.2 * _noise(3, 2, 4000)
    torch.testing.assert_close(console(tracks, RATE), tracks.sum(0))
    settings = console.to_physical(console.to_controls())
    torch.testing.assert_close(console(tracks, RATE, settings), tracks.sum(0), atol=1e-6, rtol=0)


def test_controls_to_physical_and_back():
    console = Console(groups={"drums": GROUP_STRIP})
    controls = _controls(console, 2)
    for before, after in zip(
        controls, console.to_controls(console.to_physical(controls)), strict=True
    ):
        torch.testing.assert_close(after, before)
    assert console.n_controls == 1 + 1 + 18 + 8 + 1 + 1 + 2
    assert console.n_master_controls == 18 + 8 + 1 + 3 + 1


def test_any_processor_may_stand_in_a_strip():
    def invert(x, sample_rate, *, amount):
        return x * (1 - 2 * amount)[..., None, None]

    from dasp.processors import Param

    polarity = Processor(invert, Param("amount", 0.0, 1.0, default=0.0), name="polarity")
    console = Console(strip=(polarity,), buses={}, master=())
    tracks, amount = _noise(2, 2, 50), torch.tensor([1.0, 0.25], dtype=torch.float64)
    y = console(tracks, RATE, Settings({"polarity.amount": amount}))
    torch.testing.assert_close(y, -tracks[0] + 0.5 * tracks[1])


def test_stages_can_be_bypassed():
    console = Console(strip=(HIGH_PASS,), buses={}, master=())
    tracks = _noise(2, 2, 500)
    settings = Settings({"high_pass.freq_hz": 900.0, "high_pass.on": torch.tensor([True, False])})
    expected = F.high_pass(tracks[0], RATE, freq_hz=900.0) + tracks[1]
    torch.testing.assert_close(console(tracks, RATE, settings), expected)


def test_gradcheck_of_every_part():
    console = Console(
        strip=(GAIN, COMPRESSOR, STEREO_PANNER), groups={"all": (GAIN,)},
        buses={"echo": (DELAY,)}, master=(STEREO_WIDENER, LIMITER),
    )  # fmt: skip
    tracks, controls = _noise(2, 1, 40), _controls(console, tracks=2)
    routing = Routing(torch.tensor([0, -1]), {"compressor": torch.tensor([-1, 0])})

    def mix(tracks, *controls):
        settings = console.to_physical(Controls(*controls))
        settings.master["limiter.lookahead_ms"] = 0.1
        return console(tracks, 1000, settings, routing=routing)

    inputs = [tensor.requires_grad_() for tensor in (tracks, *controls)]
    assert torch.autograd.gradcheck(mix, inputs, fast_mode=True)


def test_vmap_is_a_batch():
    tracks, controls = _noise(2, 3, 1, 400), _controls(SMALL, 2, tracks=3)

    def mix(tracks, *controls):
        return SMALL(tracks, RATE, SMALL.to_physical(Controls(*controls)))

    mapped = torch.func.vmap(mix)(tracks, *controls)
    torch.testing.assert_close(mapped, mix(tracks, *controls))


@pytest.mark.long
def test_compiled_equals_eager_also_where_settings_move():
    console = Console(strip=(HIGH_PASS, GAIN, STEREO_PANNER), buses={"echo": (DELAY,)}, master=())
    tracks, controls = _noise(2, 1, 300), _controls(console, tracks=2)
    moving = controls._replace(tracks=0.2 + 0.6 * torch.rand(2, 3, console.n_controls).double())

    def mix(tracks, *controls):
        return console(tracks, RATE, console.to_physical(Controls(*controls)))

    compiled = torch.compile(mix, fullgraph=True, backend="aot_eager")
    for knobs in (controls, moving):
        torch.testing.assert_close(compiled(tracks, *knobs), mix(tracks, *knobs))
    knobs = [part.clone().requires_grad_() for part in moving]
    assert torch.autograd.gradcheck(mix, (tracks[..., :20], *knobs), fast_mode=True)


def test_a_moving_gain_does_not_click():
    """A sine that fades by 20 dB in four blocks keeps its spectrum: nothing 500 Hz away."""
    time, console = RATE, Console(strip=(GAIN, PARAMETRIC_EQ), buses={}, master=())
    n = torch.arange(time, dtype=torch.float64)
    sine = torch.sin(2 * math.pi * 1000 / RATE * n)[None, None]
    for name, values in (
        ("gain.gain_db", [0.0, -20.0, -3.0, -12.0]),
        ("parametric_eq.low_shelf_gain_db", [0.0, 12.0, -12.0, 6.0]),
        ("parametric_eq.high_shelf_freq_hz", [2000.0, 8000.0, 1000.0, 4000.0]),
    ):
        moving = torch.tensor([values], dtype=torch.float64)
        still = {
            "parametric_eq.high_shelf_gain_db": 9.0,
            "parametric_eq.low_shelf_freq_hz": 1000.0,
        }
        y = console(sine, RATE, Settings(still | {name: moving}))[0]
        peaks = y.abs().unfold(0, 4410, 4410).amax(-1)
        assert peaks.max() > 1.2 * peaks.min(), "it moves"
        spectrum = torch.fft.rfft(y * torch.blackman_window(time, dtype=torch.float64)).abs()
        elsewhere = torch.cat((spectrum[20:500], spectrum[1500:]))
        assert elsewhere.max() < 1e-4 * spectrum.max(), name


def test_settings_in_blocks_are_reached_in_the_middle_of_each():
    console = Console(strip=(GAIN,), buses={}, master=())
    ones = torch.ones(1, 2, 100, dtype=torch.float64)
    gain_db = torch.tensor([[0.0, -12.0]], dtype=torch.float64)
    y_db = 20 * torch.log10(console(ones, RATE, Settings({"gain.gain_db": gain_db})))[0]
    assert y_db[0] == y_db[25] == 0 and y_db[75] == y_db[99] == pytest.approx(-12)
    assert y_db[50] == pytest.approx(-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings({"gian.gain_db": 1.0}), "no stage 'gian'; did you mean 'gain'"),
        (Settings({"send.ecko_db": 1.0}), "no send 'send.ecko_db'; did you mean 'send.echo_db'"),
        (Settings(master={"eq.q": 1.0}), "no stage 'eq'"),
    ],
)
def test_unknown_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SMALL(_noise(2, 1, 100), RATE, settings)


def test_what_are_no_tracks_is_refused():
    with pytest.raises(ValueError, match=r"tracks: expected shape \(\*batch, tracks, channels"):
        SMALL(torch.zeros(2, 100), RATE)
    with pytest.raises(ValueError, match="1 or 2 channels"):
        SMALL(torch.zeros(2, 3, 100), RATE)
