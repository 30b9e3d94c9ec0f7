"""`dasp doctor`: whether all that dasp leans on is there and works, and what to do if not.

What may be broken is imported where it is examined, so that the rest is examined all the same.
"""

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

REQUIRED = ("torch", "numpy", "scipy", "numba", "soundfile", "pyloudnorm", "safetensors", "tqdm")

EXTRAS = {"plot": "matplotlib", "ray": "ray"}
"""What an extra is for, by the module that it brings."""

LARGEST_ERROR = 1e-4
"""Between compiled and portable kernels in single precision, relative to the peak."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: "ok", a "note" on what could be better, or a "fault"."""

    status: str
    what: str
    found: str
    remedy: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Versions, devices, kernels, audio formats and extras, with a test of the kernels: what is "
        "wrong, and what to do about it. Exits with 1 if there is a fault."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--warm", action="store_true",
        help="first make the machine code of all kernels, which takes some minutes once for a "
        "machine, so that nothing that runs later waits for it",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Look at everything, and print what was found."""
    if args.warm:
        _warm()
    findings: list[Finding] = []
    for examine in (_versions, _devices, _kernels, _codecs, _extras):
        try:
            findings += examine()
        except Exception as error:  # A broken library may raise anything, and is to be told.
            what = examine.__name__.removeprefix("_")
            remedy = "pip install --force-reinstall dasp-audio"
            findings.append(Finding("fault", what, f"{type(error).__name__}: {error}", remedy))
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    return 1 if any(finding.status == "fault" for finding in findings) else 0


def _warm() -> None:
    """Make the machine code of all kernels and their gradients, in single and double precision."""
    import torch
    from tqdm import tqdm

    from dasp.signal import backends
    from dasp.signal.backends import _readiness

    if not backends.numba_works():
        return
    wanted = [
        _readiness.all_code(kernel.cpu, kernel.cpu_adjoint is not None, real)
        for kernel in _all_kernels()
        if kernel.cpu is not None
        for real in (torch.float32, torch.float64)
    ]
    with tqdm(wanted, desc="machine code", unit="kernel", leave=False, mininterval=0.0) as bar:
        for code in bar:
            bar.set_postfix_str(str(code))
            _readiness.compile_again(code)


def _versions() -> Iterator[Finding]:
    python = platform.python_version()
    yield Finding("ok", "python", f"{python}, {platform.system()} {platform.machine()}")
    for name in REQUIRED:
        if importlib.util.find_spec(name) is None:
            # Without numba all is right, and recursions are slow.
            status = "note" if name == "numba" else "fault"
            yield Finding(status, name, "not installed", f"pip install {name}")
        else:
            yield Finding("ok", name, _version(name))


def _devices() -> Iterator[Finding]:
    import torch

    cores, threads = os.cpu_count(), torch.get_num_threads()
    yield Finding("ok", "cpu", f"{cores} cores, torch uses {threads} threads")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            name = torch.cuda.get_device_name(index)
            total = torch.cuda.get_device_properties(index).total_memory
            yield Finding("ok", f"cuda:{index}", f"{name}, {total / 2**30:.0f} GiB")
    elif Path("/proc/driver/nvidia/version").exists():
        remedy = "install the build of torch for CUDA, see pytorch.org"
        yield Finding("note", "cuda", "the driver is there, but torch cannot use it", remedy)
    else:
        yield Finding("ok", "cuda", "none here; --device cuda is refused")


def _kernels() -> Iterator[Finding]:
    from dasp.signal import backends
    from dasp.signal._choice import AUTO, VARIABLE

    if backends.numba_works():
        yield Finding("ok", "kernels", f"DASP_KERNELS={os.environ.get(VARIABLE) or AUTO}")
        yield from _code()
        yield from (_kernel(k, k.on_cpu, "cpu") for k in _all_kernels() if k.on_cpu is not None)
    else:
        found = "numba does not work: recursions run in their portable form, which is slower"
        yield Finding("note", "kernels", found, "pip install --upgrade numba numpy")
    yield from _kernels_on_gpus()


def _kernels_on_gpus() -> Iterator[Finding]:
    import torch

    from dasp.signal.backends import _cuda

    for index in range(torch.cuda.device_count()):
        device = torch.device("cuda", index)
        reason = _cuda.why_not(device)
        if reason is not None:
            found = f"run in their portable form, which is slower: {reason.splitlines()[0]}"
            remedy = "install the newest torch for CUDA, see pytorch.org"
            yield Finding("note", f"kernels on {device}", found, remedy)
            continue
        yield Finding("ok", f"kernels on {device}", "CUDA sources, compiled by NVRTC")
        yield from (
            _kernel(k, k.on_gpu, str(device))
            for k in _all_kernels()
            if k.on_gpu is not None and k.on_cpu is not None
        )


def _all_kernels() -> list:
    """Every kernel there is, once what declares them is imported."""
    import dasp.processors.catalogue
    import dasp.signal.quantise  # noqa: F401, of which no processor makes use
    from dasp.signal._kernel import KERNELS

    return list(KERNELS.values())


def _kernel(kernel, form, device: str) -> Finding:
    """Compiled and portable form on signals that the kernel changes, and their gradients."""
    import torch

    from dasp.signal.backends.agreement import gradient_difference, value_difference

    what, remedy = f"kernel: {kernel.title}", "delete the folder of machine code, and upgrade numba"
    if device != "cpu":
        what, remedy = f"{what} on {device}", "DASP_KERNELS=torch runs the portable form"
    pair = kernel, form, torch.float32, device
    try:
        errors = {"": value_difference(*pair), ", gradients by": gradient_difference(*pair)}
    except Exception as failure:  # of a compiler, which may raise anything
        found = f"does not run ({type(failure).__name__}: {failure})"
        return Finding("fault", what, found, remedy)
    told = "".join(f"{of} {e:.0e}" for of, e in errors.items() if e is not None)
    wrong = any(e is not None and not e < LARGEST_ERROR for e in errors.values())
    found = f"compiled and portable differ by{told}"
    return Finding("fault", what, found, remedy) if wrong else Finding("ok", what, found)


def _code() -> Iterator[Finding]:
    """Where machine code is kept, for which sources, and what is left of others."""
    from dasp.signal.backends import _code_folder as code

    base, digest = code.base(), code.digest()
    if base is None or digest is None or not code.is_writable(base):
        remedy = "set NUMBA_CACHE_DIR to a folder that can be written"
        found = f"cannot be kept in {base}: every run compiles anew"
        yield Finding("note", "machine code", found, remedy)
        return
    folders = code.folders(base)
    state = "of these sources" if folders.current else "none of these sources yet"
    yield Finding("ok", "machine code", f"{base / digest} ({state})")
    if folders.stale:
        names = ", ".join(str(path) for path in folders.stale)
        remedy = "nothing to do: it is not used, and goes when these sources are compiled"
        yield Finding("ok", "stale machine code", f"of earlier sources in {names}", remedy)
    beside = Path(code.__file__).parent / "__pycache__"
    if left := [*beside.glob("*.nbi"), *beside.glob("*.nbc")]:
        what = f"{len(left)} files of an earlier version, which nothing uses, in {beside}"
        yield Finding("note", "old machine code", what, f"delete {beside}")


def _codecs() -> Iterator[Finding]:
    import torch

    from dasp.audio_io import load_audio, readable_formats, save_audio

    x = 0.5 * torch.sin(torch.arange(4800) * 0.05)[None]
    with tempfile.TemporaryDirectory() as folder:
        for format, is_there in readable_formats().items():
            what, remedy = f"format: {format}", "pip install --upgrade soundfile"
            if not is_there:
                yield Finding("note", what, "this libsndfile was built without", remedy)
                continue
            path = Path(folder) / f"a.{format.lower()}"
            save_audio(path, x, 48_000)
            y, _ = load_audio(path)
            n = min(x.shape[-1], y.shape[-1])
            error = (x[:, :n] - y[:, :n]).square().mean() / x.square().mean()
            if y.shape[-1] < 4800 or error > 1e-2:
                yield Finding("fault", what, "does not come back as it was written", remedy)
            else:
                yield Finding("ok", what, "reads what it writes")


def _extras() -> Iterator[Finding]:
    for extra, module in EXTRAS.items():
        if importlib.util.find_spec(module) is None:
            remedy = f"pip install 'dasp-audio[{extra}]', if you want it"
            yield Finding("ok", f"extra: {extra}", "not installed", remedy)
        else:
            yield Finding("ok", f"extra: {extra}", f"{module} {_version(module)}")


def _version(name: str) -> str:
    """Its own word, which names the build (as in 2.13.0+cpu), or else that of the installer."""
    with suppress(Exception):  # of any kind, from a library that is broken
        if own := getattr(importlib.import_module(name), "__version__", None):
            return str(own)
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f"{finding.status:5}  {finding.what:{width}}  {finding.found}")
        if finding.remedy:
            print(f"{'':5}  {'':{width}}  -> {finding.remedy}")
    faults = sum(finding.status == "fault" for finding in findings)
    print(f"\n{faults} faults" if faults else "\nAll is well.")
