"""What the collection of tests leaves out: modules of compiled loops, where numba is missing."""

from importlib.util import find_spec

if find_spec("numba") is None:
    collect_ignore_glob = ["dasp/signal/*/*_numba.py", "dasp/signal/*/_compiled.py"]
