"""Which road to a gradient mixes best by reward? `python -m benchmarks.deep_mixing`.

DeepMixing's policy is trained several times from other seeds, on made songs, by REINFORCE, through
its draws, and at the mean of its draws; as the report has it, with a softmax alone; and with one
set of weights for all slots. Each is judged on made songs that no training has heard: by its reward
without what changes cost, and by the error of the tracks' levels. Beside them stand mixers that
learn nothing, and gradient descent on the gains of each song, which knows the true mix.

A picture shows how each learns, and a table what it comes to.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.mixing_systems import FIRST_SEED
from dasp.controllers.deep_mixing.hearing import cepstra, powers_of_mix
from dasp.controllers.deep_mixing.policy import Policy, Size
from dasp.controllers.deep_mixing.system import load_trained
from dasp.recipes.deep_mixing import Config, Example, build, made_songs, measured, policy_gains
from dasp.training import train

VARIANTS = {
    "reparameterised": {"estimator": "reparameterised"},
    "REINFORCE": {"estimator": "reinforce"},
    "at the mean": {"estimator": "mean"},
    "softmax alone, REINFORCE": {
        "estimator": "reinforce",
        "size": Size(learnt_concentration=False),
    },
    "softmax alone, reparameterised": {
        "estimator": "reparameterised",
        "size": Size(learnt_concentration=False),
    },
    "shared weights, reparameterised": {
        "estimator": "reparameterised",
        "size": Size(shared=True),
    },
}
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 8: 2.36, 10: 2.26}
"""Student's t of a two-sided interval of 95 %, by the number of runs."""

VALIDATE_EVERY = 10
"""Steps between two points of a curve."""

DESCENT_STEPS, DESCENT_RATE = 300, 0.05


def trained(config: Config, folder: Path) -> tuple[Policy, list[tuple[int, float]]]:
    """A policy, and its reward on the recipe's unseen songs at each validation."""
    torch.manual_seed(config.training.seed)
    task = build(config)
    train(task, config.training, folder)
    events = map(json.loads, (folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
    curve = [(e["step"], -e["validation_loss"]) for e in events if "validation_loss" in e]
    return load_trained(folder / "weights.safetensors"), curve


def descended(song: Example) -> Tensor:
    """Gains of each chunk of a song by gradient descent on its own reward."""
    logits = torch.zeros(len(song.target), len(song.slots), requires_grad=True)
    optimiser = torch.optim.Adam([logits], DESCENT_RATE)
    count = song.present.sum()

    def gains() -> Tensor:
        return logits.masked_fill(~song.present, -torch.inf).softmax(-1) * count

    for _ in range(DESCENT_STEPS):
        optimiser.zero_grad()
        error = (cepstra(powers_of_mix(song.shared, gains())) - song.target).square().sum(-1)
        torch.exp(-error).mean().neg().backward()
        optimiser.step()
    return gains().detach()


def without_learning() -> dict[str, Callable[[Example], Tensor]]:
    """Mixers that nothing was learnt for."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    untrained = Policy().eval().requires_grad_(False)

    def as_recorded(song: Example) -> Tensor:
        """The recordings are at 0 LUFS here; a level between -30 and -8 dB is what they had."""
        db = -30 + 22 * torch.rand(len(song.slots), generator=generator)
        gains = 10 ** (db / 20) * song.present
        return (gains / gains.sum() * song.present.sum()).expand(len(song.target), -1)

    def at_random(song: Example) -> Tensor:
        drawn = -torch.rand(len(song.target), len(song.slots), generator=generator).log()
        drawn = drawn * song.present
        return drawn / drawn.sum(-1, keepdim=True) * song.present.sum()

    return {
        "equal loudness": lambda song: song.present * torch.ones(len(song.target), 1),
        "equal gains, levels as recorded": as_recorded,
        "untrained policy": lambda song: policy_gains(untrained, song),
        "drawn evenly at each chunk": at_random,
        "gradient descent on each song, which knows the true mix": descended,
    }


def interval(values: list[float]) -> str:
    """A mean with its interval of 95 %."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    half = T_95[len(values)] * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.3f} ± {half:.3f}"


def draw_curves(curves: dict[str, list[list[tuple[int, float]]]], path: Path) -> None:
    """What is missing of the reward at each validation: mean over the runs and its interval."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, runs in curves.items():
        steps = [step for step, _ in runs[0]]
        values = torch.tensor([[1 - reward for _, reward in run] for run in runs])
        middle = values.mean(0)
        (line,) = axes.plot(steps, middle, label=name)
        if len(runs) > 1:
            half = T_95[len(runs)] * values.std(0) / len(runs) ** 0.5
            axes.fill_between(
                steps, middle - half, middle + half, alpha=0.2, color=line.get_color()
            )
    axes.set_xlabel("step")
    axes.set_yscale("log")
    axes.set_ylabel("1 - reward, on unseen songs")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def compare(options: argparse.Namespace, cache: str) -> None:
    """Train, measure and print."""
    common = Config(cache=cache, aim=options.aim)
    training = replace(common.training, steps=options.steps, validate_every=VALIDATE_EVERY)
    common = replace(common, training=training)
    judged = made_songs(range(FIRST_SEED, FIRST_SEED + options.songs), common)
    rows: dict[str, list[dict[str, float]]] = {}
    curves: dict[str, list[list[tuple[int, float]]]] = {}
    for name in tqdm(options.only, leave=False, disable=None):
        for seed in range(options.runs):
            training = replace(common.training, seed=seed)
            config = replace(common, training=training, **VARIANTS[name])
            with TemporaryDirectory() as folder:
                policy, curve = trained(config, Path(folder))
            curves.setdefault(name, []).append(curve)
            found = measured(lambda song, own=policy: policy_gains(own, song), judged)
            rows.setdefault(name, []).append(found)
    for name, mixer in without_learning().items():
        rows[name] = [measured(mixer, judged)]
    print("| gains | reward | error of levels, LU |\n| --- | --- | --- |")
    for name, runs in rows.items():
        cells = [interval([run[key] for run in runs]) for key in ("reward", "level")]
        print(f"| {name} | {' | '.join(cells)} |")
    if options.picture:
        draw_curves(curves, options.picture)
    if options.output:
        record = {"rows": rows, "curves": curves}
        options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deep_mixing")
    parser.add_argument("--runs", type=int, default=5, choices=sorted(T_95))
    parser.add_argument("--steps", type=int, default=Config().training.steps)
    parser.add_argument("--songs", type=int, default=32, help="unseen ones")
    parser.add_argument("--aim", choices=("levels", "mix"), default="levels")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--cache", default="", help="a folder that keeps what is heard of songs")
    parser.add_argument("--picture", type=Path, help="how each learns")
    parser.add_argument("--output", type=Path, help="numbers as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        compare(options, options.cache or folder)


if __name__ == "__main__":
    main()
