"""Does music move from one style to another when the way between the two is cut into steps?

    python -m benchmarks.style_interpolation [--pairs 10] [--steps 10] [--only match]

The mix of a made piece that no training has heard, its effects normalised, gets the styles of two
recordings of another piece under two drawn settings, and all between: by the converter, whose
numbers for a style are interpolated, and by `dasp match`, whose settings are. An audio
feature (`docs/losses.md`) is monotone if no step leads back; one that the two ends have alike, to
what can just be told apart, is left out.
"""

import argparse
import difflib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.style import between, convert, hear_style
from dasp.estimation import match
from dasp.losses.features import feature
from dasp.mixing.plain import plain_settings
from dasp.processors.chain import parts_of
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, run_strip
from dasp.songs.seeds import generator_for
from dasp.songs.synthetic import synthetic_song
from dasp.training.effect_examples import WARM_UP_S, draw_piece, under_a_setting
from dasp.units import gain_to_db

FIRST_SEED = 2_000_000

JUST_TOLD = {
    "rms": 0.5, "crest_factor": 1.0, "stereo_width": 0.02, "stereo_imbalance": 0.02,
    "bark_spectrum": 0.1,
}  # fmt: skip
"""In dB, but of width and imbalance; of the Bark spectrum nepers."""

Way = Callable[[float], Tensor]


def recordings(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A mix without effects, and another piece under two settings, `(2, time)` each."""
    draw = generator_for(seed, "interpolation")
    own, other = (
        draw_piece(synthetic_song(2 * seed + i, seconds=5.0, sample_rate=RATE), draw)
        for i in range(2)
    )
    one, two = (under_a_setting(other[None], draw)[0, 0] for _ in range(2))
    return own.sum(0)[..., round(WARM_UP_S * RATE) :], one, two


def by_style(x: Tensor, one: Tensor, two: Tensor) -> Way:
    """Interpolate the styles that are heard of the references."""
    styles = [hear_style([reference], RATE) for reference in (one, two)]
    return lambda amount: convert(x, RATE, between(*styles, amount))


def by_settings(x: Tensor, one: Tensor, two: Tensor) -> Way:
    """Interpolate the settings that bring the mix to the references."""
    strips = [parts_of(match(x, RATE, reference).chain)[1] for reference in (one, two)]
    aligned = list(zip(*with_the_same_stages(*strips), strict=True))
    return lambda amount: run_strip(x, RATE, tuple(_mean(*both, amount) for both in aligned))


def with_the_same_stages(one: Strip, two: Strip) -> tuple[list[Stage], list[Stage]]:
    """Two strips, each with the stages that only the other has, at rest."""
    names = [[stage.processor.name for stage in strip] for strip in (one, two)]
    first: list[Stage] = []
    second: list[Stage] = []
    for _, a, b, c, d in difflib.SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        if names[0][a:b] == names[1][c:d]:
            first += one[a:b]
            second += two[c:d]
        else:
            first += [*one[a:b], *map(_at_rest, two[c:d])]
            second += [*map(_at_rest, one[a:b]), *two[c:d]]
    return first, second


def _at_rest(stage: Stage) -> Stage:
    return stage._replace(settings={**stage.settings, **plain_settings(stage.processor)})


def _mean(one: Stage, two: Stage, amount: float) -> Stage:
    """A stage between two, whose controls are interpolated."""
    processor = one.processor
    full = [{**processor.defaults(), **stage.settings} for stage in (one, two)]
    names = [param.name for param in processor.params]
    controls = [
        processor.to_controls({name: torch.as_tensor(own[name]) for name in names}) for own in full
    ]
    mean = processor.to_physical(torch.lerp(*controls, amount))
    return one._replace(settings={**full[0], **{k: v.tolist() for k, v in mean.items()}})


def monotone(steps: Sequence[Tensor]) -> dict[str, bool]:
    """Of each audio feature that differs between the ends, whether no step leads back.

    Of a feature of several numbers the way is that along the line between its ends.
    """
    found = {}
    for name, least in JUST_TOLD.items():
        values = torch.stack([feature(name, y, RATE) for y in steps]).double()
        if name == "rms":
            values = gain_to_db(values)
        whole = values[-1] - values[0]
        if whole.square().mean().sqrt() >= least:
            way = (values - values[0]) @ whole / whole.square().sum()
            found[name] = bool((way.diff() > -1e-3).all())
    return found


ROADS: dict[str, Callable[[Tensor, Tensor, Tensor], Way]] = {
    "converter": by_style,
    "match": by_settings,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=ROADS, default=tuple(ROADS))
    options = parser.parse_args()
    amounts = torch.linspace(0, 1, options.steps + 1).tolist()
    found: dict[str, list[dict[str, bool]]] = {name: [] for name in options.only}
    for seed in tqdm(range(FIRST_SEED, FIRST_SEED + options.pairs), leave=False, disable=None):
        heard = recordings(seed)
        for name in found:
            way = ROADS[name](*heard)
            with torch.no_grad():
                found[name].append(monotone([way(amount) for amount in amounts]))
    for name, rows in found.items():
        print(f"{name}: {sum(all(row.values()) for row in rows)} of {len(rows)} in all features")
        for kind in JUST_TOLD:
            own = [row[kind] for row in rows if kind in row]
            print(f"    {kind}: {sum(own)} of {len(own)} that differ")


if __name__ == "__main__":
    main()
