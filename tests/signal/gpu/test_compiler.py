"""The compiler of kernels for GPUs, which runs without a GPU, takes all of them."""

import ctypes
import importlib.util
from pathlib import Path

import pytest

import dasp.processors.catalogue  # noqa: F401
from dasp.signal.backends import _cuda
from dasp.signal.backends.dynamics_values import COLUMNS


def _nvrtc() -> ctypes.CDLL | None:
    """NVIDIA's compiler, which comes with torch's wheels for its GPUs."""
    nvidia = importlib.util.find_spec("nvidia")
    folders = [] if nvidia is None else map(Path, nvidia.submodule_search_locations or ())
    for folder in folders:
        for library in sorted(folder.glob("*/lib/libnvrtc.so.*")):
            try:
                return ctypes.CDLL(str(library))
            except OSError:
                continue
    return None


KERNELS = {
    "cascade": {"SECTIONS": 6, "LEARN": 1, "TILE": 16},
    "recurrence": {},
    "dynamics": {"STRIP": 64, "COLUMNS": len(COLUMNS)}
    | {name.upper(): i for i, name in enumerate(COLUMNS)},
    "biquad": {},
    "absorption": {"LINES": 8, "LENGTHS": "67, 71, 83, 97, 103, 127, 139, 151"},
    "diffuser": {},
    "swing": {"STRIP": 64},
    "gate": {},
    "graphic_eq": {"BANDS": 31},
    "plate": {"TAP_COUNT": 2, "TAPS": "{0, 1, 0, 266, 1}, {1, 3, 1, 121, -1}"},
    "envelope": {"STRIP": 64},
    "limiter": {},
    "delay": {},
    "allpass": {"SIGNALS": 7},
    "direct_form": {"ORDER": 4},
    "network": {"LINES": 8, "SECTIONS": 2, "LENGTHS": "67, 71, 83, 97, 103, 127, 139, 151"},
}


def test_every_file_is_here():
    folder = Path(_cuda.__file__).parent / "cuda"
    assert {path.stem for path in folder.glob("*.cu")} == set(KERNELS)


@pytest.mark.parametrize("real", ["float", "double"])
@pytest.mark.parametrize("file", KERNELS)
def test_a_file_compiles(file, real):
    nvrtc = _nvrtc()
    if nvrtc is None:
        pytest.skip("NVRTC is not installed: this torch is not one for GPUs")
    source = _cuda.source(file, real, tuple(KERNELS[file].items()))
    program = ctypes.c_void_p()
    assert nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None
    ) == 0  # fmt: skip
    options = (ctypes.c_char_p * 1)(b"--gpu-architecture=compute_80")
    failed = nvrtc.nvrtcCompileProgram(program, 1, options)
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    assert not failed, log.value.decode()
