"""Where machine code is kept: a folder of the user's cache for everything that decides about it.

numba looks at the source of a function alone, and so would go on with old code where a function
that it calls has changed. Here the name of the folder is a digest of all sources of the kernels,
and of the versions, the processor and the settings that they were compiled for. The folders of
earlier sources of the same installation are removed when a new one is begun, and those that nobody
has used for a season.
"""

import functools
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from dasp._version import __version__

UNUSED_S = 90 * 86_400.0
"""After so long without use a folder of another installation goes."""

_instead: Path | None = None
_IMMATERIAL = ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS")
_ORIGIN = "origin.json"


class Folders(NamedTuple):
    """Folders of machine code that are there: of what installation, and with which sources."""

    current: list[Path]
    stale: list[Path]
    others: list[Path]


def base() -> Path | None:
    """The folder of all machine code: in NUMBA_CACHE_DIR, else in the user's cache."""
    return _instead or _usual_base()


def write_to(place: Path) -> None:
    """Keep machine code in another folder, for as long as this process runs."""
    global _instead
    _instead = place


def _usual_base() -> Path | None:
    own = os.environ.get("NUMBA_CACHE_DIR")
    if own:
        return Path(own).absolute() / "dasp"
    try:
        return _users_cache()
    except RuntimeError:  # a user without a home
        return None


def _users_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "dasp" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dasp"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache") / "dasp"


def folder() -> Path | None:
    """Where the code of these sources is kept, whether it is there yet or not."""
    place, name = base(), digest()
    return None if place is None or name is None else place / name


def folders_to_read() -> list[Path]:
    """Where code of these sources may be, the first that of this process."""
    name = digest()
    places = [place for place in (base(), _usual_base()) if place is not None]
    return [] if name is None else [place / name for place in dict.fromkeys(places)]


def digest() -> str | None:
    """What the machine code of this process depends on, or None where that cannot be told.

    It cannot where there are no sources, or where they have changed since this process began: then
    some of its functions may be old, and some new.
    """
    began_with = _first_digest()
    return began_with if began_with == _digest_of(_sources()) else None


@functools.cache
def _first_digest() -> str | None:
    return _digest_of(_sources())


def _sources() -> tuple[tuple[str, bytes], ...]:
    """Every file that a kernel may take a function or a constant from, and what compiles them."""
    package = resources.files("dasp")
    folder = package / "signal" / "backends"
    files = [package / "units.py", folder / "dynamics_values.py"]
    files += [folder / "_compiled.py", folder / "examples.py"]
    files += [file for file in folder.iterdir() if file.name.endswith("_numba.py")]
    files = [file for file in files if file.is_file()]
    return tuple((file.name, file.read_bytes()) for file in sorted(files, key=lambda f: f.name))


def _digest_of(sources: tuple[tuple[str, bytes], ...]) -> str | None:
    if not sources:
        return None
    sha = hashlib.sha256(json.dumps(_circumstances()).encode())
    for name, content in sources:
        sha.update(f"{name} {len(content)} ".encode() + content)
    return sha.hexdigest()[:20]


@functools.cache
def _circumstances() -> dict[str, str]:
    """What beside the sources decides about machine code."""
    import llvmlite
    import numba
    from llvmlite import binding

    settings = {k: v for k, v in os.environ.items() if k.startswith("NUMBA_")}
    return {
        "dasp": __version__,
        "python": f"{sys.implementation.cache_tag} {platform.python_version()}",
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}",
        "settings": repr(sorted((k, v) for k, v in settings.items() if k not in _IMMATERIAL)),
    }


def begin(place: Path) -> None:
    """Make a folder for code, note whose it is, and remove what is out of date beside it."""
    if (place / _ORIGIN).exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    write(place / _ORIGIN, json.dumps(_origin(), indent=2).encode())
    prune(place.parent)


def write(path: Path, content: bytes) -> None:
    """So that a file is whole, or not there."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if not (isinstance(error, PermissionError) and path.exists()):  # on Windows, while read
            raise


def prune(place: Path) -> None:
    """Remove the folders of earlier sources of this installation, and those long unused."""
    found = folders(place)
    for other in found.stale + [p for p in found.others if _idle_s(p) > UNUSED_S]:
        shutil.rmtree(other, ignore_errors=True)


def folders(place: Path) -> Folders:
    """All folders of machine code in `place`."""
    name, own = digest(), _origin()
    result = Folders([], [], [])
    for origin in sorted(place.glob(f"*/{_ORIGIN}")):
        if origin.parent.name == name:
            result.current.append(origin.parent)
        elif _read(origin) == own and name is not None:
            result.stale.append(origin.parent)
        else:
            result.others.append(origin.parent)
    return result


def _origin() -> dict[str, str]:
    """The installation that code is of: other sources in the same place take its place."""
    apart = ("dasp", "numba", "llvmlite")
    package = str(Path(str(resources.files("dasp"))).resolve())
    circumstances = {k: v for k, v in _circumstances().items() if k not in apart}
    return {"package": package, **circumstances}


def _read(origin: Path) -> object:
    try:
        return json.loads(origin.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _idle_s(place: Path) -> float:
    try:
        return time.time() - (place / _ORIGIN).stat().st_mtime
    except OSError:
        return 0.0


def note_use(place: Path) -> None:
    """Say that the code in a folder is still used, once a day."""
    if _idle_s(place) > 86_400:
        with suppress(OSError):
            os.utime(place / _ORIGIN)


def is_writable(place: Path) -> bool:
    """Whether a folder can be written; it is made if it is not there."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False
