"""The suite on every Python, set of libraries and kind of processor that this machine has.

    python -m tests.matrix [ROW ...] [--folder DIR] [--tests PATH ...] [--docs]

`make test-matrix` runs it, and docs/machines.md says what the rows are. Only the standard library
is needed. An environment is made once and kept in `--folder`; a result is kept until its row is
run again. A row whose Python is not on the machine is named and passed over.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
LIBRARIES = ("torch", "numpy", "scipy", "numba")
PAGE = ROOT / "docs" / "machines.md"
BEGIN, END = "<!-- what `python -m tests.matrix --docs` found -->", "<!-- end -->"


class Environment(NamedTuple):
    """A virtual environment: a Python and what is installed in it."""

    python: str
    versions: str
    """"newest"; "floor", the lowest that pyproject.toml allows; "usual", as constraints.txt has."""
    without: str = ""


class Row(NamedTuple):
    """One run of the suite, or of a part of it."""

    environment: str
    variables: dict[str, str] = {}  # noqa: RUF012
    options: tuple[str, ...] = ()
    part: tuple[str, ...] = ()


class Missing(Exception):
    """What an environment cannot be made of here."""


ENVIRONMENTS = {
    **{f"py{v.replace('.', '')}": Environment(v, "newest") for v in PYTHONS},
    "floor": Environment(PYTHONS[0], "floor"),
    "usual": Environment(THIS, "usual"),
    "nonumba": Environment(THIS, "usual", without="numba"),
}

ROWS = {name: Row(name) for name in ENVIRONMENTS}
if platform.machine() in ("x86_64", "AMD64"):
    ROWS |= {
        "mkl": Row("usual", {"MKL_CBWR": "COMPATIBLE"}),
        "sse": Row("usual", {"ATEN_CPU_CAPABILITY": "default"}),
        "avx2": Row("usual", {"ATEN_CPU_CAPABILITY": "avx2"}),
        "nehalem": Row("usual", {"OPENBLAS_CORETYPE": "Nehalem"}),
        "zen": Row("usual", {"OPENBLAS_CORETYPE": "Zen"}),
    }
ROWS |= {
    "generic": Row("usual", {"NUMBA_CPU_NAME": "generic"}),
    **{
        f"rounding{n}": Row(
            "usual",
            {"DASP_ROUNDING": str(n)},
            options=("-p", "tests.another_processor"),
            part=("dasp",),
        )
        for n in (1, 2, 3)
    },
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; or all")
    parser.add_argument("--folder", type=Path, default=ROOT / ".matrix", help="of environments")
    parser.add_argument("--tests", nargs="*", default=[], help="not the whole suite, but these")
    parser.add_argument("--docs", action="store_true", help=f"put the results into {PAGE.name}")
    args = parser.parse_args()
    if unknown := [row for row in args.rows if row not in ROWS]:
        parser.error(f"no row is named {', '.join(unknown)}; there are {', '.join(ROWS)}")
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "results.json"
    results = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    for name in args.rows or ([] if args.docs else ROWS):
        print(f"{name}: ", end="", flush=True)
        try:
            python = environment(ENVIRONMENTS[ROWS[name].environment], folder, name=name)
        except Missing as reason:
            print(reason)
            continue
        results[name] = run(name, python, folder, args.tests)
        kept.write_text(json.dumps(results, indent=1), "utf-8")
        print(results[name]["result"], flush=True)
    print("\n" + table(results))
    for name, result in results.items():
        for failure in result["failures"]:
            print(f"{name}: {failure}")
    if args.docs:
        before, rest = PAGE.read_text("utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{rest.split(END)[1]}", "utf-8")
    return int(any(result["code"] for result in results.values()))


def run(name: str, python: Path, folder: Path, tests: list[str]) -> dict:
    """Run the suite as a row says; what came of it."""
    row = ROWS[name]
    variables = {
        **os.environ,
        **row.variables,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        # Machine code that was made for one processor is not to be met by another.
        "NUMBA_CACHE_DIR": str(folder / "machine_code" / name),
    }
    part = tests or list(row.part)
    command = [python, "-m", "pytest", "-n", "auto", "--dist", "worksteal"]
    command += ["-q", "--tb=short", "-rfE", "-m", "not long"]
    begun, log = time.monotonic(), folder / f"{name}.log"
    with open(log, "w", encoding="utf-8") as out:
        code = subprocess.run(
            [*command, *row.options, *part],
            cwd=ROOT,
            env=variables,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    lines = log.read_text("utf-8", errors="replace").splitlines()
    closing = next((line for line in reversed(lines) if re.search(r" in [\d.]+s", line)), "")
    counts = re.findall(r"\d+ (?:failed|passed|skipped|errors?)", closing)
    return {
        "code": code,
        "result": ", ".join(counts) or closing.strip("= ") or f"did not end; see {log.name}",
        "failures": [line for line in lines if line.startswith(("FAILED ", "ERROR "))],
        "versions": versions(python),
        "part": " ".join(part),
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "processor": processor(),
        "date": time.strftime("%Y-%m-%d"),
    }


def environment(wanted: Environment, folder: Path, name: str) -> Path:
    """The Python of an environment, which is made if it is not there."""
    home = folder / ROWS[name].environment
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    to_install = requirements(wanted)
    stamp, content = home / "installed.txt", "\n".join(to_install)
    if stamp.exists() and stamp.read_text("utf-8") == content:
        return python
    if not python.exists():
        subprocess.run([find_python(wanted.python), "-m", "venv", home], check=True)
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    result = subprocess.run(
        [*pip, *to_install], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise Missing(f"not installed: {result.stderr.strip().splitlines()[-1]}")
    stamp.write_text(content, "utf-8")
    return python


def requirements(wanted: Environment) -> list[str]:
    """What pip installs in an environment: what dasp needs, in its versions, and the test tools."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    tools = re.search(r"^test = \[(.*?)\]", text, re.DOTALL | re.MULTILINE)
    needed = [
        n for n in re.findall(r'"(.*?)"', listed[1]) if not n.startswith(wanted.without or " ")
    ]
    if wanted.versions == "floor":
        needed = [n.replace(">=", "==") for n in needed]
    options = {"newest": ["--upgrade"], "usual": ["-c", "constraints.txt"], "floor": []}
    return [*options[wanted.versions], *needed, *re.findall(r'"(.*?)"', tools[1])]


def find_python(version: str) -> str:
    """A Python of a version such as "3.12": this one, one of pyenv's, or one on the path."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        sys.executable if version == THIS else None,
        *map(str, sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)),
        shutil.which(f"python{version}"),
    ]
    for candidate in filter(None, candidates):
        # What pyenv puts on the path may stand for a version that is not chosen, and fail.
        asked = [candidate, "-c", "import venv, sys; print('%d.%d' % sys.version_info[:2])"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
        if said.returncode == 0 and said.stdout.strip() == version:
            return candidate
    raise Missing(f"no Python {version} here")


def versions(python: Path) -> dict[str, str]:
    """The versions of Python and of the libraries on which numbers depend; a dash for none."""
    script = (
        "import importlib.metadata as m, json, platform\n"
        "found = {d.name.lower(): d.version for d in m.distributions()}\n"
        f"names = {LIBRARIES}\n"
        "versions = {name: found.get(name, '-') for name in names}\n"
        "print(json.dumps({'python': platform.python_version(), **versions}))"
    )
    return json.loads(subprocess.check_output([python, "-c", script], text=True))


def processor() -> str:
    """What this machine calls its processor."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    named = re.search(r"^model name\s*: (.*)", text, re.MULTILINE)
    return named[1] if named else platform.machine()


def table(results: dict) -> str:
    """All results as a table in Markdown, in the order of the rows."""
    titles = ["row", "Python", "torch", "NumPy", "SciPy", "numba", "set", "result", "min", "date"]
    lines = [titles, ["---"] * len(titles)]
    for name in filter(results.__contains__, ROWS):
        result, row = results[name], ROWS[name]
        settings = " ".join(f"`{k}={v}`" for k, v in row.variables.items())
        shown = f"{result['result']} (of {result['part']})" if result["part"] else result["result"]
        numbers = str(result["minutes"]), result["date"]
        lines.append([f"`{name}`", *result["versions"].values(), settings, shown, *numbers])
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    processors = sorted({result["processor"] for result in results.values()})
    return f"{text}\n\nProcessor: {', '.join(processors) or 'none'}.\n"


if __name__ == "__main__":
    sys.exit(main())
