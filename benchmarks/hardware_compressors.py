"""How near a fitted compressor comes to hardware: `python -m benchmarks.hardware_compressors`.

Music into and out of a Tube-Tech CL 1B and a Teletronix LA-2A, 10 s each, in ../shared/data. All
models are fitted on the first 5 s and heard on the other 5. Prints the table of
docs/hardware_compressors.md, and writes the settings that were found as JSON.

A compressor is followed by a broad equaliser. Both are fitted together: Adam from several starts,
then least squares from the best of them, on the error-to-signal ratio of the waveform. A band
whose frequencies the first half does not have would go anywhere; a pull towards 0 dB, too weak to
be seen elsewhere, keeps it. dasp-pytorch's compressor is fitted in the same way in the same place.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import scipy.linalg
import scipy.signal
import torch
from torch import Tensor

from benchmarks.peers import dasp_pytorch
from benchmarks.recordings import recordings
from dasp import functional as F
from dasp.audio_io import load_audio
from dasp.estimation.adam import adam
from dasp.estimation.differences import by_differences
from dasp.estimation.fitting.knobs import Knobs, free_knobs
from dasp.estimation.fitting.stages import FOUR_AT_ONCE
from dasp.estimation.levenberg_marquardt import Stop, levenberg_marquardt
from dasp.processors import Option, Param, Processor
from dasp.processors.catalogue import COMPRESSOR
from dasp.processors.chain import chain

PAIRS = {"CL1B_1_ED": 0, "CL1B_4_ED": 0, "LA2A-ED1": -1, "LA2A-ED2": -1}
"""Names, and by how many samples the output is late."""

SECONDS = 10
TAPS = (64, 256, 1024, 4096)
STARTS, SPREAD, END = 3, 0.15, 0.03
ADAM_STEPS, RATE, POLISH_STEPS = 50, 0.03, 15
PULL = 1e-3
"""What a band of 12 dB costs, where silence in place of the target costs 1."""


def broad_eq(
    x: Tensor,
    sample_rate: float,
    *,
    low_shelf_gain_db: Tensor,
    low_shelf_freq_hz: Tensor,
    peak_gain_db: Tensor,
    peak_freq_hz: Tensor,
    high_shelf_gain_db: Tensor,
    high_shelf_freq_hz: Tensor,
) -> Tensor:
    """Two shelves and a peak, two octaves and a half wide."""
    return F.parametric_eq(
        x,
        sample_rate,
        low_shelf_gain_db=low_shelf_gain_db,
        low_shelf_freq_hz=low_shelf_freq_hz,
        low_shelf_q=0.6,
        peak_gain_db=peak_gain_db[..., None],
        peak_freq_hz=peak_freq_hz[..., None],
        peak_q=torch.full_like(peak_gain_db, 0.5)[..., None],
        high_shelf_gain_db=high_shelf_gain_db,
        high_shelf_freq_hz=high_shelf_freq_hz,
        high_shelf_q=0.6,
    )


BROAD_EQ = Processor(
    broad_eq,
    Param("low_shelf_gain_db", -12.0, 12.0, default=0.0),
    Param("low_shelf_freq_hz", 30.0, 500.0, default=100.0, scale="log"),
    Param("peak_gain_db", -12.0, 12.0, default=0.0),
    Param("peak_freq_hz", 200.0, 5000.0, default=1000.0, scale="log"),
    Param("high_shelf_gain_db", -12.0, 12.0, default=0.0),
    Param("high_shelf_freq_hz", 2000.0, 14_000.0, default=6000.0, scale="log"),
)

KNOBS_OF_OPTIONS = (
    Param("sidechain_high_pass_hz", 5.0, 1000.0, default=30.0, scale="log"),
    Param("rms_time_ms", 0.02, 100.0, default=2.0, scale="log"),
    Param("slow_attack_ms", 0.05, 300.0, default=20.0, scale="log"),
    Param("slow_release_ms", 5.0, 4000.0, default=300.0, scale="log"),
    Param("slow_mix", 0.0, 1.0, default=0.3),
)


def with_options(*names: str) -> Processor:
    """The compressor with these of its options on, and free to move."""
    params = tuple(param for param in KNOBS_OF_OPTIONS if param.name in names)
    options = tuple(option for option in COMPRESSOR.options if option.name not in names)
    if "rms_time_ms" in names:
        options = tuple(Option("detector", "rms") if o.name == "detector" else o for o in options)
    params += COMPRESSOR.params
    return replace(COMPRESSOR, run=F.compressor, params=params, options=options)


def _dasp_pytorch(
    x: Tensor,
    sample_rate: float,
    *,
    threshold_db: Tensor,
    ratio: Tensor,
    attack_ms: Tensor,
    knee_db: Tensor,
    makeup_gain_db: Tensor,
) -> Tensor:
    """dasp-pytorch, which takes a release time and does not use it."""
    batch = x.shape[:-2]
    parameters = threshold_db, ratio, attack_ms, attack_ms, knee_db.clamp(min=1e-3), makeup_gain_db
    rows = x.reshape(-1, *x.shape[-2:])
    y = dasp_pytorch().compressor(
        rows, sample_rate, *(p.to(x).expand(batch).flatten() for p in parameters)
    )
    return y.view(x.shape)


DASP_PYTORCH = Processor(
    _dasp_pytorch,
    *(p for p in COMPRESSOR.params if p.name not in ("release_ms", "lookahead_ms", "mix")),
    name="compressor",
)

SLOW = "slow_attack_ms", "slow_release_ms", "slow_mix"

MODELS = {
    "dasp-pytorch": DASP_PYTORCH,
    "compressor": COMPRESSOR,
    "rms": with_options("rms_time_ms"),
    "high-pass": with_options("sidechain_high_pass_hz"),
    "slow": with_options(*SLOW),
    "high-pass, slow": with_options("sidechain_high_pass_hz", *SLOW),
}
"""The compressor as it is by default, and with options."""


def to_db(ratio: float) -> float:
    return 10 * math.log10(ratio)


def error_to_signal(estimate: Tensor, target: Tensor) -> float:
    return ((estimate - target).square().sum() / target.square().sum()).item()


def load_pair(name: str) -> tuple[Tensor, Tensor, int]:
    """Input and output `(1, time)`, aligned, and their rate."""
    files = (recordings() / "compressor_pairs" / f"{name}_{end}.mp3" for end in ("inp", "tar"))
    (x, rate), (y, _) = map(load_audio, files)
    return x.roll(PAIRS[name], -1)[:, : SECONDS * rate], y[:, : SECONDS * rate], rate


def fitted_gain(x: Tensor, y: Tensor) -> float:
    return ((x * y).sum() / x.square().sum()).item()


def fitted_filter(x: Tensor, y: Tensor, taps: int) -> Callable[[Tensor], Tensor]:
    """The filter of least squares, a quarter of it before the present sample."""
    ahead, last = taps // 4, x.shape[-1] - 1
    a, b = x[0].double().numpy(), y[0].double().numpy()
    auto = scipy.signal.correlate(a, a, method="fft")[last : last + taps]
    cross = scipy.signal.correlate(b, a, method="fft")[last - ahead : last - ahead + taps]
    auto[0] *= 1 + 1e-6
    h = scipy.linalg.solve_toeplitz(auto, cross)

    def run(x: Tensor) -> Tensor:
        z = scipy.signal.fftconvolve(x.double().numpy(), h[None], axes=-1)
        return torch.from_numpy(z[:, ahead : ahead + x.shape[-1]]).to(x)

    return run


def fitted(processor: Processor, x: Tensor, y: Tensor, rate: int, seed: int) -> dict:
    """Settings of a compressor and the equaliser behind it."""
    strip = chain(processor, BROAD_EQ)
    held = [p.name for p in strip.params if p.name.endswith((".mix", ".lookahead_ms"))]
    knobs = free_knobs(strip, {}, hold=held)
    start = knobs.at({}, margin=END)
    generator = torch.Generator().manual_seed(seed)
    u = start + SPREAD * torch.randn(STARTS, knobs.size, generator=generator).to(start)
    u = u.clamp(END, 1 - END)
    u[0] = start

    def residual(u: Tensor) -> Tensor:
        output = strip(x.expand(*u.shape[:-1], *x.shape), rate, **knobs.settings(u))
        error = (output - y).squeeze(-2) / y.norm()
        return torch.cat((error.to(u), _pulled(knobs, u)), -1)

    u = adam(lambda u: residual(u).square().sum(-1), u, steps=ADAM_STEPS, rate=RATE)
    with torch.no_grad():
        best = residual(u).square().sum(-1).argmin()
        u = levenberg_marquardt(
            by_differences(residual, low=0, high=1), u[best][None],
            low=0, high=1, damping=FOUR_AT_ONCE, stop=Stop(POLISH_STEPS),
        )  # fmt: skip
    return knobs.settings(u[0])


def _pulled(knobs: Knobs, u: Tensor) -> Tensor:
    values = knobs.values(u)
    gains = [values[name] for name in values if name.startswith("broad_eq") and "gain" in name]
    return math.sqrt(PULL) / 12 * torch.stack(gains, -1).to(u)


def run_pair(name: str, models: list[str], seed: int) -> dict[str, dict]:
    """Error-to-signal ratios in dB by model: on the half that was fitted, and on the other."""
    x, y, rate = load_pair(name)
    half = x.shape[-1] // 2
    first, second = slice(0, half), slice(half, None)

    def errors(output: Tensor) -> dict[str, float]:
        parts = {"fitted_db": first, "heard_db": second}
        return {k: to_db(error_to_signal(output[:, i], y[:, i])) for k, i in parts.items()}

    results = {
        "gain": errors(fitted_gain(x[:, first], y[:, first]) * x),
        "gain of the second half": errors(fitted_gain(x[:, second], y[:, second]) * x),
        **{
            f"filter of {taps} taps": errors(fitted_filter(x[:, first], y[:, first], taps)(x))
            for taps in TAPS
        },
    }
    for model in models:
        begin = time.process_time()
        settings = fitted(MODELS[model], x[:, first], y[:, first], rate, seed)
        seconds = time.process_time() - begin
        with torch.no_grad():
            output = chain(MODELS[model], BROAD_EQ)(x, rate, **settings)
        settings = {k: v.item() if isinstance(v, Tensor) else v for k, v in settings.items()}
        results[model] = {**errors(output), "seconds": seconds, "settings": settings}
        print(name, model, json.dumps(results[model]), flush=True)
    return results


def table(folder: Path) -> str:
    """A row a model, and a column a pair, with both errors."""
    pairs = [name for name in PAIRS if (folder / f"{name}.json").exists()]
    results = [json.loads((folder / f"{name}.json").read_text()) for name in pairs]
    lines = ["| | " + " | ".join(pairs) + " |", "| --- |" + " --- |" * len(pairs)]
    for model in dict.fromkeys(model for result in results for model in result):
        cells = (
            f"{result[model]['fitted_db']:.1f} / {result[model]['heard_db']:.1f}"
            if model in result
            else ""
            for result in results
        )
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Fit, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--table", action="store_true", help="of the results that there are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("build/hardware_compressors"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    if not args.table:
        for pair in args.pair or PAIRS:
            results = run_pair(pair, args.model or list(MODELS), args.seed)
            (args.output / f"{pair}.json").write_text(json.dumps(results, indent=1) + "\n")
    print(table(args.output))


if __name__ == "__main__":
    main()
