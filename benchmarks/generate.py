"""Measure dasp beside its peers: `python -m benchmarks.generate [--quick] [--only eq ...]`.

Writes `results/*.json`, two pictures, and `RESULTS.md` beside this file, or into the folder that
`--output` names, for what another machine measures; a quick run, which only shows that everything
works, writes into `build/benchmarks`.
"""

import argparse
import importlib
import json
import warnings
from pathlib import Path

from benchmarks import mixing_time, neighbours, plots, report, scaling
from benchmarks.common import THREADS, environment, measure, use_threads

HERE = Path(__file__).resolve().parent
MODULES = (
    "eq", "compressor", "reverb", "console", "song", "ballistics", "convolution", "accuracy",
    "scaling", "neighbours", "mixing_time",
)  # fmt: skip


def main() -> None:
    """Measure what was asked for, then write the report on all that there is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate")
    parts = f"some of {', '.join(MODULES)}; none only writes the report again"
    parser.add_argument("--quick", action="store_true", help="small signals, few rounds")
    parser.add_argument("--only", nargs="*", default=MODULES, metavar="PART", help=parts)
    parser.add_argument("--output", type=Path, help="folder to write into")
    options = parser.parse_args()
    if unknown := set(options.only) - set(MODULES):
        parser.error(f"--only: expected {parts}, got {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")  # of the peers
    usual = HERE.parent / "build" / "benchmarks" if options.quick else HERE
    folder = options.output or usual
    (folder / "results").mkdir(parents=True, exist_ok=True)
    use_threads(THREADS)
    where = environment()
    for name in options.only:
        print(f"{name} ...", flush=True)
        record = {"environment": where, "quick": options.quick}
        if name == "scaling":
            record["series"] = scaling.measure_all(options.quick)
        elif name == "neighbours":
            record["neighbours"] = neighbours.measure_all(options.quick)
        elif name == "mixing_time":
            record["commands"] = list(mixing_time.measure_all(options.quick))
        else:
            works = importlib.import_module(f"benchmarks.{name}").works(options.quick)
            record["works"] = [measure(name, work, options.quick) for work in works]
        path = folder / "results" / f"{name}.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    records = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name in MODULES
        if (path := folder / "results" / f"{name}.json").exists()
    }
    plots.draw(records, folder / "results")
    (folder / "RESULTS.md").write_text(report.render(records), encoding="utf-8")
    print(f"wrote {folder / 'RESULTS.md'}")


if __name__ == "__main__":
    main()
