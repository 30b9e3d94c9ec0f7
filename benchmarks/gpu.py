"""Everything on a GPU: does it agree with the CPU, and how fast is it beside others.

    python -m benchmarks.gpu [--device cuda] [--quick] [--output benchmarks/GPU.md]

It takes about ten minutes on one card. First each processor of the catalogue: value and gradients,
on the device in float32, against the CPU in float64. Then EQ, compressor, limiter and reverb in
batches of 1 to 1024, the console and a step of its training beside dasp's own portable form,
dasp-pytorch, torchlpc and torchcomp; those that are not installed, or do not run there, are passed
over. Times are medians of whole calls, which end with the device.
"""

import argparse
import gc
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.common import cpu_model, version
from benchmarks.settings import (
    SAMPLE_RATE,
    bursts,
    compressor_settings,
    eq_settings,
    forward_and_backward,
    forward_only,
)
from dasp import functional as F
from dasp.mixing import Console, Controls, Settings
from dasp.processors.catalogue import CATALOGUE, COMPRESSOR, GAIN, PARAMETRIC_EQ, STEREO_PANNER
from dasp.signal import use_kernels
from tests.contracts.cases import audio, differentiable, draw, run

BATCHES = (1, 8, 64, 256, 1024)
TIME = 65_536
SECONDS_EACH = 1.5
"""Of measuring one call."""


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="small signals, to try the script")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/GPU.md"))
    args = parser.parse_args()
    device = torch.device(args.device)
    warnings.simplefilter("ignore")
    parts = [_head(device), *agreement(device), *speeds(device, args.quick)]
    args.output.write_text("\n".join(parts) + "\n", encoding="utf-8")
    print(f"written to {args.output}")


def _head(device: torch.device) -> str:
    card = cpu_model()
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        card = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    versions = ", ".join(f"{n} {version(n)}" for n in ("torch", "torchlpc", "torchcomp"))
    return (
        "# On a GPU\n\nMade by `python -m benchmarks.gpu`.\n\n"
        f"- device: {card}\n- Python {platform.python_version()}, {versions}, CUDA "
        f"{torch.version.cuda}\n"
    )


# -- agreement --------------------------------------------------------------------------------


def agreement(device: torch.device) -> Iterator[str]:
    """Each processor on the device in float32 against the CPU in float64: largest error, in dB."""
    yield "## Agreement with the CPU\n"
    yield "Largest error over the peak, in dB: of float32 on the device, of float64 on the CPU.\n"
    yield "| processor | value | gradients |\n| --- | --- | --- |"
    for name in CATALOGUE:
        torch.manual_seed(0)
        x, settings = audio(name, (3,), time=4000), draw(name, (3,))
        with use_kernels("torch"):
            expected = _value_and_gradients(name, x, settings)
        found = _value_and_gradients(name, *(_to(t, device, torch.float32) for t in (x, settings)))
        errors = [_error_db(f, e) for f, e in zip(found, expected, strict=True) if e is not None]
        value, gradients = errors[0], max(errors[1:], default=-torch.inf)
        line = f"| {name} | {value:.0f} | {gradients:.0f} |"
        print(line, flush=True)
        yield line
    yield ""


def _value_and_gradients(name: str, x: Tensor, settings: dict) -> list[Tensor | None]:
    wanted = differentiable(CATALOGUE[name])
    inputs = [t.detach().requires_grad_() for t in (x, *(settings[key] for key in wanted))]
    y = _on(x.device, name, inputs[0], settings | dict(zip(wanted, inputs[1:], strict=True)))
    weight = torch.cos(torch.arange(float(y.numel()), device=y.device)).to(y).view(y.shape)
    return [y, *torch.autograd.grad((weight * y).sum(), inputs, allow_unused=True)]


def _on(device: torch.device, name: str, x: Tensor, settings: dict) -> Tensor:
    with torch.device(device):  # where the inputs of a processor are made
        return run(name, x, settings)


def _to(value, device: torch.device, dtype: torch.dtype):
    if isinstance(value, dict):
        return {key: _to(v, device, dtype) for key, v in value.items()}
    return value.to(device, dtype if value.is_floating_point() else None)


def _error_db(found: Tensor, expected: Tensor) -> float:
    difference = (found.detach().double().cpu() - expected.detach().cpu()).abs().max()
    return float(20 * torch.log10(difference / expected.detach().abs().max() + 1e-20))


# -- speed ------------------------------------------------------------------------------------


def speeds(device: torch.device, quick: bool) -> Iterator[str]:
    """A table for each kind of work: milliseconds of each contender, and bandwidth of dasp."""
    for title, of_batch in WORKS.items():
        yield f"## {title}\n"
        yield "| batch | " + " | ".join(CONTENDERS) + " | dasp, GB/s |"
        yield "| --- |" + " --- |" * (len(CONTENDERS) + 1)
        for batch in BATCHES[:2] if quick else BATCHES:
            x, calls = of_batch(batch, TIME // 8 if quick else TIME, device)
            seconds = {name: _median(call, device) for name, call in calls.items()}
            cells = (_cell(seconds.get(name)) for name in CONTENDERS)
            rate = 2 * x.numel() * x.element_size() / seconds["dasp"] / 1e9
            line = f"| {batch} | " + " | ".join(cells) + f" | {rate:.0f} |"
            print(title, line, flush=True)
            yield line
        yield ""


def _cell(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:.2f} ms"


def _median(call: Callable, device: torch.device) -> float | None:
    """Of whole calls; None where a contender does not run."""
    try:
        call()
    except Exception as error:  # of others, which may raise anything
        print(f"  passed over: {type(error).__name__}: {str(error).splitlines()[0][:100]}")
        return None
    seconds, end = [], time.perf_counter() + SECONDS_EACH
    while time.perf_counter() < end or len(seconds) < 3:
        _wait(device)
        start = time.perf_counter()
        call()
        _wait(device)
        seconds.append(time.perf_counter() - start)
    gc.collect()
    return statistics.median(seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _portable(call: Callable) -> Callable:
    def in_torch():
        with use_kernels("torch"):
            return call()

    return in_torch


CONTENDERS = ("dasp", "dasp, portable", "dasp-pytorch", "torchlpc", "torchcomp")


def _of(function: Callable, others: dict[str, Callable], gradient: bool) -> Callable:
    """The calls of a function of audio and settings, and of others, for a batch."""
    through = forward_and_backward if gradient else forward_only

    def of_batch(batch: int, samples: int, device: torch.device):
        x = bursts(batch, 2, samples).to(device)
        settings = _to(SETTINGS[function](batch), device, torch.float32)
        ours = through(function, x, settings)
        calls = {"dasp": ours, "dasp, portable": _portable(ours)}
        calls |= {name: through(other, x, settings) for name, other in others.items()}
        return x, calls

    return of_batch


def _eq(x: Tensor, settings: dict) -> Tensor:
    return F.parametric_eq(x, SAMPLE_RATE, **settings)


def _compressor(x: Tensor, settings: dict) -> Tensor:
    return F.compressor(x, SAMPLE_RATE, **settings)


def _limiter(x: Tensor, settings: dict) -> Tensor:
    return F.limiter(x, SAMPLE_RATE, **settings)


def _reverb(x: Tensor, settings: dict) -> Tensor:
    return F.feedback_delay_network(x, SAMPLE_RATE, **settings)


def _numbers(batch: int, **values: float) -> dict[str, Tensor]:
    return {name: torch.full((batch,), value) for name, value in values.items()}


SETTINGS = {
    _eq: eq_settings,
    _compressor: compressor_settings,
    _limiter: partial(_numbers, ceiling_db=-12.0, release_ms=50.0),
    _reverb: partial(_numbers, rt60_low_s=2.0, rt60_mid_s=1.5, rt60_high_s=0.8, mix=0.3),
}


def _console_step(batch: int, samples: int, device: torch.device):
    """Tracks through gain, EQ, compressor and pan into a sum, and back to all settings."""
    console = Console(strip=(GAIN, PARAMETRIC_EQ, COMPRESSOR, STEREO_PANNER), buses={}, master=())
    x = bursts(batch, 8, 1, samples).to(device)
    generator = torch.Generator().manual_seed(0)
    controls = torch.rand(batch, 8, console.n_controls, generator=generator)
    controls = (0.25 + 0.5 * controls).to(device).requires_grad_()

    def step() -> Tensor:
        of_tracks = console.to_physical(Controls(tracks=controls)).tracks
        y = console(x, SAMPLE_RATE, Settings(tracks=of_tracks))
        return torch.autograd.grad(y.square().mean(), controls)[0]

    return x, {"dasp": step, "dasp, portable": _portable(step)}


EQS = {"dasp-pytorch": peers.dasp_pytorch_eq, "torchlpc": peers.torchlpc_eq}
COMPRESSORS = {
    "dasp-pytorch": peers.dasp_pytorch_compressor,
    "torchcomp": peers.torchcomp_compressor,
}
WORKS = {
    "EQ, forward": _of(_eq, EQS, False),
    "EQ, with gradients": _of(_eq, EQS, True),
    "Compressor, forward": _of(_compressor, COMPRESSORS, False),
    "Compressor, with gradients": _of(_compressor, COMPRESSORS, True),
    "Limiter, forward": _of(_limiter, {}, False),
    "Limiter, with gradients": _of(_limiter, {}, True),
    "Network reverb, forward": _of(_reverb, {}, False),
    "Network reverb, with gradients": _of(_reverb, {}, True),
    "Step of training a console of 8 tracks": _console_step,
}

if __name__ == "__main__":
    main()
