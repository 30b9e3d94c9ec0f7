"""How exact float32 is where filters are hardest: near 0 Hz at a high rate, sharp, and for long."""

from functools import partial

import numpy as np
import scipy.signal
from torch import Tensor

from benchmarks.common import Call, Contender, Work
from benchmarks.settings import SAMPLE_RATE, eq_settings, forward_only, noise, sections
from dasp.signal.biquad import design_low_shelf, design_peak
from dasp.signal.iir import sosfilt

HIGH_RATE = 192_000


def works(quick: bool) -> list[Work]:
    """Cascades of sections in float32, all against SciPy in float64."""
    second, minute = (100, 6000) if quick else (HIGH_RATE, 60 * SAMPLE_RATE)
    cases = (
        ("low_shelf", "Shelf of 12 dB at 20 Hz, 192 kHz, 10 s", 10 * second,
         design_low_shelf(20.0, HIGH_RATE, gain_db=12.0)[None]),
        ("sharp_peak", "Peak of 18 dB with a Q of 20 at 30 Hz, 192 kHz, 10 s", 10 * second,
         design_peak(30.0, HIGH_RATE, gain_db=18.0, q=20.0)[None]),
        ("hour", "Six-band EQ on an hour of mono", 60 * minute, sections(eq_settings(1))[0]),
    )  # fmt: skip
    found = []
    for name, title, time, sos in cases:
        sos = sos.reshape(-1, 6)
        contenders = [
            Contender("dasp", partial(_dasp, sos, time)),
            Contender("SciPy float32", partial(_scipy, sos, time), "one thread"),
        ]
        if name != "hour":  # of which these two need tens of gigabytes
            contenders += [
                Contender("philtorch", partial(_philtorch, sos, time)),
                Contender("dasp-pytorch", partial(_dasp_pytorch, sos, time)),
            ]
        found.append(
            Work(
                f"accuracy_{name}",
                f"{title}, forward",
                tuple(contenders),
                partial(_reference, sos, time),
                signal_bytes=4 * time,
            )
        )
    return found


def _dasp(sos: Tensor, time: int) -> Call:
    return forward_only(lambda x: sosfilt(x, sos)[0], noise(1, time))


def _scipy(sos: Tensor, time: int) -> Call:
    return partial(scipy.signal.sosfilt, sos.numpy().astype(np.float32), noise(1, time).numpy())


def _philtorch(sos: Tensor, time: int) -> Call:
    from philtorch.lti import lfilter

    def run(x: Tensor) -> Tensor:
        for section in sos.float():
            x = lfilter(section[None, :3], section[None, 4:], x)
        return x

    return forward_only(run, noise(1, time))


def _dasp_pytorch(sos: Tensor, time: int) -> Call:
    from dasp_pytorch.signal import sosfilt_via_fsm

    return forward_only(lambda x: sosfilt_via_fsm(sos[None].float(), x[None])[0], noise(1, time))


def _reference(sos: Tensor, time: int) -> np.ndarray:
    return scipy.signal.sosfilt(sos.numpy(), noise(1, time).double().numpy())
