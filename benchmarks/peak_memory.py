"""Print the peak memory in bytes of one contender, measured in this process of its own:
`python -m benchmarks.peak_memory MODULE WORK CONTENDER [--quick]`.
"""

import importlib
import json
import sys

from benchmarks.common import THREADS, peak_memory, use_threads


def main() -> None:
    """A small run first compiles what has to be compiled; the second, of full size, counts."""
    module, work, name, *options = sys.argv[1:]
    works = importlib.import_module(f"benchmarks.{module}").works
    use_threads(THREADS)

    def prepared(quick: bool):
        (found,) = [w for w in works(quick) if w.name == work]
        (contender,) = [c for c in found.contenders if c.name == name]
        return contender.prepare()

    prepared(quick=True)()
    print(json.dumps(peak_memory(prepared(quick="--quick" in options))))


if __name__ == "__main__":
    main()
