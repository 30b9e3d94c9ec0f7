"""What the collection of tests leaves out where numba or matplotlib are missing."""

from importlib.util import find_spec

collect_ignore_glob = []
if find_spec("numba") is None:
    collect_ignore_glob += ["dasp/signal/*/*_numba.py", "dasp/signal/*/_compiled.py"]
if find_spec("matplotlib") is None:
    collect_ignore_glob += ["dasp/pictures/*.py"]
