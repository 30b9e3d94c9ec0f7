"""The layers of the package: a file imports only from lower layers, or from its own package."""

import ast
from pathlib import Path

from tests.syntax import syntax

ROOT = Path(__file__).resolve().parents[1] / "dasp"

LAYERS = {
    "_private": -1, "_constants": -1, "_typing": -1, "_bounds": -1,
    "units": 0, "_checks": 0, "_json_checks": 0, "_quantity": 0, "_texts": 0, "file_names": 0,
    "_moved": 0, "_version": 0, "_suggestion": -1, "weights": -1,
    "signal": 1, "layouts": 1, "_toml": 1,
    "functional": 2, "analysis": 2,
    "losses": 3, "processors": 3,
    "grad": 4, "mixing": 4, "audio_io": 4,
    "compat": 5, "songs": 5, "preparation": 5, "controllers": 5, "streaming": 5,
    "data": 6, "desk": 6, "estimation": 6,
    "fitting": 7, "reference": 7, "training": 7, "evaluation": 7, "batch": 7, "pictures": 7,
    "recipes": 8,
    "pages": 8,
    "cli": 9,
    "__main__": 10,
}  # fmt: skip

FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _imported(path: Path) -> set[tuple[str, ...]]:
    modules = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            modules |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            origin = tuple(node.module.split("."))
            if len(origin) == 1:
                modules |= {(*origin, alias.name) for alias in node.names}
            modules.add(origin)
    return {module[1:] for module in modules if module[0] == "dasp" and len(module) > 1}


def test_imports_point_down():
    upwards = []
    for path in FILES:
        own = path.relative_to(ROOT).with_suffix("").parts[0]
        for module in _imported(path):
            package = module[0]
            if package == own or package not in LAYERS:
                continue
            if LAYERS[package] >= LAYERS[own]:
                upwards.append(f"{path.relative_to(ROOT)} imports dasp.{'.'.join(module)}")
    assert upwards == []


def test_only_audio_io_reads_files():
    reading = []
    for path in FILES:
        source = path.read_text(encoding="utf-8")
        if "import soundfile" in source or "from soundfile" in source:
            reading.append(path)
    assert [path for path in reading if path.parent.name != "audio_io"] == []
