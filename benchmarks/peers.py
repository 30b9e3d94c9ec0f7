"""The peers in the terms of dasp: the same settings, translated."""

import importlib
import math
import sys
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from benchmarks.settings import SAMPLE_RATE, sections


def dasp_pytorch():
    """The functions of dasp-pytorch."""
    import dasp_pytorch.functional

    return dasp_pytorch.functional


def difffx(module: str):
    """A module of diffFx-pytorch.

    It imports torchaudio for a filter that its own default does not use, and no torchaudio loads
    beside this torch. A stand-in lets the import pass.
    """
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        stand_in, functional = ModuleType("torchaudio"), ModuleType("torchaudio.functional")
        functional.lfilter = None
        sys.modules |= {"torchaudio": stand_in, "torchaudio.functional": functional}
    return importlib.import_module(f"diffFx_pytorch.processors.{module}")


# Equalisers


def dasp_pytorch_eq(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    """dasp-pytorch: the response sampled in frequency, one FFT."""
    bands = {}
    for name, value in settings.items():
        name = name.replace("freq_hz", "cutoff_freq").replace("_q", "_q_factor")
        if name.startswith("peak"):
            for i, band in enumerate(value.unbind(-1)):
                bands[name.replace("peak", f"band{i}")] = band
        else:
            bands[name] = value
    return dasp_pytorch().parametric_eq(x, SAMPLE_RATE, **bands)


def difffx_eq(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    """diffFx-pytorch: one complex one-pole recursion a section."""
    bands = {}
    for name, value in settings.items():
        name = name.replace("freq_hz", "frequency").replace("_q", "_q_factor")
        if name.startswith("peak"):
            for i, band in enumerate(value.unbind(-1)):
                bands[name.replace("peak", f"peak_{i + 1}")] = band
        else:
            bands[name] = value
    eq = difffx("eq").ParametricEqualizer(SAMPLE_RATE, num_peak_filters=4)
    return eq.process(x, None, bands)


def philtorch_eq(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    """philtorch: one state-space recursion a section."""
    from philtorch.lti import lfilter

    y = x.flatten(0, 1)
    for section in sections(settings).float().repeat_interleave(x.shape[1], 0).unbind(1):
        y = lfilter(section[:, :3], section[:, 4:], y)
    return y.view(x.shape)


def torchlpc_eq(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    """torchlpc: the poles of one section after another as a time-varying all-pole filter."""
    from torchlpc import sample_wise_lpc

    y = x.flatten(0, 1)
    for section in sections(settings).float().repeat_interleave(x.shape[1], 0).unbind(1):
        b0, b1, b2 = section[:, :3, None].unbind(1)
        padded = torch.nn.functional.pad(y, (2, 0))
        zeros = b0 * padded[:, 2:] + b1 * padded[:, 1:-1] + b2 * padded[:, :-2]
        y = sample_wise_lpc(zeros, section[:, None, 4:].expand(-1, y.shape[1], -1))
    return y.view(x.shape)


def pedalboard_eq(settings: dict[str, Tensor], item: int) -> list:
    """pedalboard: the filters of one item, to be run after one another."""
    from pedalboard import HighShelfFilter, LowShelfFilter, PeakFilter

    def band(kind, name: str, *index: int):
        freq_hz, gain_db, q = (
            settings[f"{name}_{key}"][(item, *index)].item() for key in ("freq_hz", "gain_db", "q")
        )
        return kind(freq_hz, gain_db, q)

    peaks = [band(PeakFilter, "peak", i) for i in range(settings["peak_q"].shape[-1])]
    low, high = band(LowShelfFilter, "low_shelf"), band(HighShelfFilter, "high_shelf")
    return [low, *peaks, high]


def each_item(boards: list, x: Tensor, sample_rate: float = SAMPLE_RATE):
    """The call that runs each item of a batch through its own pedalboard."""
    from pedalboard import Pedalboard

    boards, items = [Pedalboard(board) for board in boards], x.numpy()
    return lambda: np.stack(
        [board(item, sample_rate) for board, item in zip(boards, items, strict=True)]
    )


# Compressors


def dasp_pytorch_compressor(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    """dasp-pytorch: one pole by FFT, at the time of the attack, which is that to 89 %."""
    renamed = settings | {"attack_ms": math.log(9) * settings["attack_ms"]}
    return dasp_pytorch().compressor(x, SAMPLE_RATE, **renamed)


def difffx_compressor(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    """diffFx-pytorch, whose times are those to 89 %, not to 63 %."""
    renamed = settings | {
        "makeup_db": settings["makeup_gain_db"],
        "attack_ms": 2.2 * settings["attack_ms"],
        "release_ms": 2.2 * settings["release_ms"],
    }
    compressor = difffx("dynamics").Compressor(SAMPLE_RATE, knee_type="quadratic")
    return compressor.process(x, None, renamed)


def torchcomp_compressor(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    """torchcomp on the louder channel, its expander far below the signal."""
    from torchcomp import compexp_gain

    batch = x.shape[0]
    at, rt = (
        1 - torch.exp(-1000 / (SAMPLE_RATE * settings[f"{phase}_ms"]))
        for phase in ("attack", "release")
    )
    gain = compexp_gain(
        x.abs().amax(1).clamp(min=1e-7),
        settings["threshold_db"],
        settings["ratio"],
        torch.full((batch,), -200.0),
        torch.full((batch,), 0.5),
        at,
        rt,
    )
    return x * (gain * 10 ** (settings["makeup_gain_db"][:, None] / 20))[:, None]


def pedalboard_compressor(settings: dict[str, Tensor], item: int) -> list:
    """pedalboard: its compressor has neither knee nor make-up gain, which a gain behind it adds."""
    from pedalboard import Compressor, Gain

    names = ("threshold_db", "ratio", "attack_ms", "release_ms")
    compressor = Compressor(**{name: settings[name][item].item() for name in names})
    return [compressor, Gain(settings["makeup_gain_db"][item].item())]


# Convolution


def pedalboard_convolution(response: np.ndarray, sample_rate: float = SAMPLE_RATE) -> list:
    """pedalboard brings the louder channel of a response to an energy of 1/64: a gain undoes it."""
    from pedalboard import Convolution, Gain

    level = 8 * np.sqrt(np.square(response).sum(-1).max())
    return [Convolution(response, 1.0, sample_rate), Gain(20 * np.log10(level).item())]
