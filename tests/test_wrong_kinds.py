"""Every entry that is given the wrong kind of thing says what it expected, and what would do."""

import numpy as np
import pytest
import torch

import dasp
import dasp.functional as F
from dasp.grad import external, finite_difference, proxy, spsa, with_gradient
from dasp.mixing.console import Console, Controls, Settings, stack_tracks
from dasp.processors import CATALOGUE, Param, Processor, ProcessorModule, chain, dry_wet, parallel
from dasp.processors.catalogue import COMPRESSOR, DELAY, GAIN, PARAMETRIC_EQ
from dasp.processors.document import save_chain
from dasp.streaming import Stream, stream_file

RATE = 44_100
X, TRACKS = torch.linspace(-1, 1, 100)[None], torch.randn(2, 1, 100)
DESK = Console(strip=(GAIN,), buses={"echo": (DELAY,)}, master=())
LEVEL = Param("level", 0.0, 1.0, default=0.5)

TAKE_A_PROCESSOR = {
    "chain": chain,
    "parallel": parallel,
    "dry_wet": dry_wet,
    "spsa": spsa,
    "finite_difference": finite_difference,
    "proxy": lambda p: proxy(p, None),
    "with_gradient": lambda p: with_gradient(p, "autodiff"),
    "module": lambda p: ProcessorModule(p, RATE),
    "Stream": lambda p: Stream(p, RATE),
    "stream_file": lambda p: stream_file("no.wav", "other.wav", p),
    "save_chain": lambda p: save_chain("no.json", p, {}),
    "fit": lambda p: dasp.fit(X, X, RATE, p),
    "Console": lambda p: Console(strip=(GAIN, p)),
    "a bus": lambda p: Console(buses={"echo": (p,)}),
    "master": lambda p: Console(master=[p]),
}

NO_PROCESSORS = {
    "a function": (F.compressor, "the function compressor; .*catalogue.COMPRESSOR"),
    "a list": ([GAIN, COMPRESSOR], r"a list; .*chain\(\*processors\)|a list; .*\(\*processors\)"),
    "a name": ("gain", r"a str; by its name it is CATALOGUE\['gain'\]"),
    "a module": (ProcessorModule(GAIN, RATE), "a ProcessorModule"),
    "nothing": (None, "a NoneType"),
}


@pytest.mark.parametrize("entry", list(TAKE_A_PROCESSOR))
@pytest.mark.parametrize("given", list(NO_PROCESSORS))
def test_what_is_no_processor(entry, given):
    value, came = NO_PROCESSORS[given]
    with pytest.raises(ValueError, match=f"expected a Processor, got ({came})"):
        TAKE_A_PROCESSOR[entry](value)


def test_a_name_that_the_catalogue_does_not_have():
    with pytest.raises(KeyError, match="no processor 'compresor'; did you mean 'compressor'"):
        CATALOGUE["compresor"]
    assert CATALOGUE.get("compresor") is None
    assert "compresor" not in CATALOGUE


CONTROLS = Controls(tracks=torch.rand(2, 2))

CASES = {
    "controls for settings": (
        lambda: DESK(TRACKS, RATE, CONTROLS),
        r"settings: expected Settings.* got Controls.*console.to_physical\(controls\)",
    ),
    "a dict for settings": (
        lambda: DESK(TRACKS, RATE, {"gain.gain_db": 3.0}),
        r"settings: expected Settings\(tracks=.*got a dict",
    ),
    "controls within settings": (
        lambda: DESK(TRACKS, RATE, Settings(tracks=torch.rand(2, 1))),
        r"settings.tracks: expected values by their names, got a Tensor",
    ),
    "settings for controls": (
        lambda: DESK.to_physical(Settings(tracks={"gain.gain_db": 3.0})),
        r"controls: expected Controls\(tracks=...\), got Settings, which are physical already",
    ),
    "a tensor for controls": (lambda: DESK.to_physical(torch.rand(2, 2)), "controls: .*got Tensor"),
    "controls to controls": (lambda: DESK.to_controls(CONTROLS), "settings: .*got Controls"),
    "a bus that is not there": (
        lambda: DESK(TRACKS, RATE, Settings(buses={"ehco.delay.feedback": 0.1})),
        r"settings.buses: 'ehco.delay.feedback' is of none of the buses echo; did you mean 'echo'",
    ),
    "a group that is not there": (
        lambda: DESK(TRACKS, RATE, Settings(groups={"drums.gain.gain_db": 0.1})),
        r"settings.groups: .* \(there are none\)",
    ),
    "routing as a dict": (lambda: DESK(TRACKS, RATE, routing={"group": 1}), "routing: expected"),
    "a processor for a strip": (
        lambda: Console(strip=GAIN), "strip: expected a tuple of processors, got gain",
    ),
    "a processor for a bus": (
        lambda: Console(buses={"echo": DELAY}), r"buses\['echo'\]: expected a tuple of processors",
    ),
    "buses without names": (lambda: Console(buses=[(DELAY,)]), "buses: expected values by their"),
    "no tracks": (lambda: stack_tracks([]), "tracks: expected at least one track"),
    "tracks of two lengths": (
        lambda: stack_tracks([X, X[:, :50]]), r"tracks\[1\]: expected 100 samples, .*got 50",
    ),
    "bands in a word": (
        lambda: PARAMETRIC_EQ.check_settings({"peak_freq_hz": "1k/2k"}),
        "peak_freq_hz: expected a number, got '1k/2k'",
    ),
    "bands in words": (
        lambda: PARAMETRIC_EQ(X, RATE, peak_freq_hz=["1k", "2k"]),
        r"peak_freq_hz: expected a number, got \['1k', '2k'\]",
    ),
    "two of four bands, in a call": (
        lambda: PARAMETRIC_EQ(X, RATE, peak_freq_hz=[1000.0, 2000.0]),
        r"peak_freq_hz: expected a tensor of shape \(4,\), one number for each band.*\(2,\)",
    ),
    "two of four bands, checked": (
        lambda: PARAMETRIC_EQ.check_settings({"peak_freq_hz": np.array([1000.0, 2000.0])}),
        "peak_freq_hz: expected 4 bands, got 2; give one number for all of them, or one for each",
    ),
    "two of four bands, as controls": (
        lambda: PARAMETRIC_EQ.to_controls({"peak_freq_hz": [1000.0, 2000.0]}),
        "peak_freq_hz: expected 4 bands, got 2",
    ),
    "a word, as a control": (
        lambda: GAIN.to_controls({"gain_db": "loud"}), "gain_db: expected numbers, got 'loud'",
    ),
    "a name that is none, as a control": (
        lambda: GAIN.to_controls({"gian_db": 1.0}), "gain has no parameter 'gian_db'; did you mean",
    ),
    "controls, as settings": (
        lambda: GAIN.to_controls(torch.rand(1)), "settings: expected values by their names",
    ),
    "settings, as controls": (
        lambda: GAIN.to_physical({"gain_db": 1.0}), "controls: .*got a dict; physical values go to",
    ),
    "settings in a list": (lambda: GAIN.check_settings(["gain_db"]), "settings: expected values"),
    "a rate in a word": (lambda: Stream(GAIN, "44100"), "sample_rate: expected a positive number"),
    "one param": (lambda: external(np.tanh, LEVEL, name="a"), "params: expected a list of Param"),
    "names of params": (lambda: external(np.tanh, ["level"], name="a"), "params: expected a list"),
    "no function": (lambda: external(None, [LEVEL]), "function: expected a function of arrays"),
    "no function of a processor": (lambda: Processor(3, name="a"), "a: expected a function, got 3"),
    "one param of a processor": (
        lambda: Processor(F.gain, params=Param("gain_db", -60.0, 24.0, default=0.0)),
        "gain: expected params to be a tuple of Param",
    ),
    "a range upside down": (
        lambda: Param("a", 2.0, 1.0, default=1.0), "a: expected low below high, got 2 and 1",
    ),
    "a logarithm of 0": (
        lambda: Param("a", 0.0, 1.0, default=0.5, scale="log"), "a: expected a range above 0",
    ),
    "a range of words": (lambda: Param("a", "x", 1.0, default=0.5), "a: expected low to be a"),
    "unknown settings, saved": (
        lambda: save_chain("no.json", chain(GAIN), {"gian.gain_db": 1.0}),
        "chain has no parameter 'gian.gain_db'; did you mean 'gain.gain_db'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_the_message_says_what_was_expected(case):
    wrong, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        wrong()


def test_lists_where_tuples_are_meant_will_do():
    desk = Console(strip=[GAIN], buses={}, master=[GAIN])
    assert desk == Console(strip=(GAIN,), buses={}, master=(GAIN,))
    mix = desk(TRACKS, RATE, mask=[True, False])
    torch.testing.assert_close(mix, TRACKS[0].expand(2, -1))
    processor = Processor(F.gain, params=[Param("gain_db", -60.0, 24.0, default=0.0)])
    assert processor.to_physical([0.5])["gain_db"] == -18
