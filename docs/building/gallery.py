"""The gallery: a page for every processor of the catalogue, with its sound, pictures and a search.

The code of a page is what made it: it runs here, and an error in it ends the build. What was made
is kept in `docs/gallery` until something of the library or of this folder changes.
"""

import hashlib
import inspect
import os
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import dasp
from dasp.pictures import draw_chain, draw_gain_reduction
from dasp.processors import CATALOGUE, Option, Param, Processor
from dasp.processors.gain_reduction import GAIN_REDUCTION
from dasp.processors.response import impulse_response, is_linear
from dasp.signal import use_kernels
from dasp.songs.synthetic import synthesise_song
from docs.building import docstrings, pictures
from docs.building.examples import ENERGY_COME, HIDDEN, Example, example
from docs.building.facts import SAMPLE_RATE, supports

FOLDER = Path(__file__).parents[1] / "gallery"
SOUNDS_FOLDER = FOLDER / "static" / "sounds"
MADE = FOLDER / ".made"
"""Holds what the folder was made of."""

RATE = 44_100
SECONDS = 5.0
NEAR = 0.02
"""How far a search may end from the hidden setting, of the range."""

FAMILIES = {
    "Level and stereo": ("gain", "stereo_panner", "stereo_widener", "mid_side", "stereo_bus"),
    "Equalisers": ("parametric_eq", "graphic_eq", "graphic_eq_31", "low_pass", "high_pass", "fir"),
    "Dynamics": ("compressor", "expander", "noise_gate", "limiter", "multiband_compressor",
                 "de_esser"),
    "Distortion": ("distortion",),
    "Delay and modulation": ("time_shift", "delay", "chorus", "flanger", "phaser", "tremolo"),
    "Reverb": ("noise_shaped_reverb", "feedback_delay_network", "plate_reverb",
               "convolution_reverb"),
}  # fmt: skip


def make_sounds() -> dict[str, Tensor]:
    """The dry sounds, all from one made song."""
    song = synthesise_song(5, seconds=SECONDS, sample_rate=RATE)
    drums = song["kick"] + song["snare"] + song["hihat"]
    tracks = [drums, song["bass"], song["guitar"], song["vocal"]]
    drums, bass, guitar, vocal = (0.25 * x / x.abs().max() for x in tracks)
    keys, pad = (0.25 * song[name] / song[name].abs().max() for name in ("keys", "pad"))
    sounds = {"drums": drums, "bass": bass, "guitar": guitar, "vocal": vocal}
    return sounds | {"keys": keys, "pad": pad, "band": drums + bass + guitar + vocal}


def make_gallery() -> None:
    """Write all pages, sounds and pictures, unless they are there."""
    made_of = _made_of()
    if MADE.is_file() and MADE.read_text(encoding="utf-8") == made_of:
        return
    MADE.unlink(missing_ok=True)
    SOUNDS_FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.*"):
        old.unlink()
    with use_kernels("numba"), _within(SOUNDS_FOLDER):
        for name, x in make_sounds().items():
            _save(name, x)
        _make_a_mix()
        for processor in CATALOGUE.values():
            torch.manual_seed(0)
            page = make_page(processor)
            (FOLDER / f"{processor.name}.md").write_text(page, encoding="utf-8")
    (FOLDER / "index.md").write_text(_index(), encoding="utf-8")
    MADE.write_text(made_of, encoding="utf-8")


def make_page(processor: Processor) -> str:
    """The page of a processor, with its sound and pictures beside it."""
    shown = example(processor)
    sound = _sound_code(processor, shown)
    names: dict[str, Any] = {}
    exec(sound, names)
    drawn = list(_draw(processor, shown, names))
    search = _search_code(processor, shown)
    torch.manual_seed(0)
    exec(search, names)
    found = _draw_search(processor, shown, names)
    return f"""# {processor.name}

{docstrings.prose(processor.function)}

```{{before-after}} {_dry(processor, shown)} {processor.name}
```

{shown.hear}

```python
{sound.strip()}
```

{_pictures(processor, drawn)}

## A setting, found by its gradient

`{_knob(processor, shown).name}` is hidden in the sound that it made. The search hears that sound,
and follows the gradient of the distance to it.

```python
{search.strip()}
```

{found}

![The course of the search]({processor.name}-search.png)

## Parameters

{_parameters(processor)}

## What it supports

{_supports(processor, shown, names)}

Reference: {{py:func}}`dasp.functional.{processor.name}`.
"""


# The code of a page


def _call(processor: Processor, shown: Example, settings: Mapping[str, Any]) -> str:
    given = [f"{key}={_written(value)}" for key, value in settings.items()]
    given += [f"{key}={key}" for key in shown.inputs]
    return f"{processor.name.upper()}(x, rate, {', '.join(given)})"


def _written(value: Any) -> str:
    if isinstance(value, list) and len(value) > 10:  # runs of the same number
        runs: list[tuple[float, int]] = []
        for number in value:
            same = bool(runs) and runs[-1][0] == number
            runs[-1:] = [(number, runs[-1][1] + 1)] if same else [*runs[-1:], (number, 1)]
        return "[" + ", ".join(f"*[{number}] * {count}" for number, count in runs) + "]"
    return repr(value)


def _folded(start: str, call: str) -> str:
    """A call on one line, or with its arguments on lines of their own."""
    if len(start + call) <= 72:
        return start + call
    head, rest = call.split("(x, rate, ", 1)
    lines = textwrap.fill(rest[:-1], 72, initial_indent="    ", subsequent_indent="    ")
    return f"{start}{head}(\n    x, rate,\n{lines},\n)"


def _sound_code(processor: Processor, shown: Example) -> str:
    lines = ["import torch", ""] if shown.inputs or _takes_tracks(processor) else []
    lines += [
        "from dasp import load_audio, save_audio",
        f"from dasp.processors.catalogue import {processor.name.upper()}",
        "",
    ]
    if _takes_tracks(processor):
        lines += [
            'files = [load_audio(f"{name}.flac") for name in ("drums", "bass", "guitar", "vocal")]',
            "x, rate = torch.stack([track for track, _ in files]), files[0][1]",
        ]
        shown_settings = {
            key: f"torch.tensor({value})" if isinstance(value, list) else repr(value)
            for key, value in shown.settings.items()
        }
        call = f"{processor.name.upper()}(x, rate, "
        call += ", ".join(f"{key}={value}" for key, value in shown_settings.items()) + ")"
    else:
        lines.append(f'x, rate = load_audio("{shown.sound}.flac")')
        call = _call(processor, shown, shown.settings)
    lines += [f"{key} = {code}" for key, code in shown.inputs.items()]
    lines += [
        _folded("y = ", call),
        f'save_audio("{processor.name}.flac", y, rate, subtype="PCM_16", overwrite=True)',
    ]
    return "\n".join(lines) + "\n"


def _search_code(processor: Processor, shown: Example) -> str:
    knob = _knob(processor, shown)
    others = shown.settings if shown.searched is None else shown.searched
    others = {key: value for key, value in others.items() if key != knob.name}
    name = processor.name.upper()
    hidden = f"[{HIDDEN}] * {knob.bands}" if knob.bands else f"{HIDDEN}"
    imports = ["import torch", ""]
    imports += (
        ["from torch.nn.functional import avg_pool1d", ""] if "come(" in shown.distance else []
    )
    imports += ["from dasp.losses import multi_resolution_stft"] if "stft" in shown.distance else []
    lines = [*imports, f"from dasp.processors.catalogue import {name}", ""]
    lines += [*ENERGY_COME.splitlines(), ""] if "come(" in shown.distance else []
    start = f"torch.full(({knob.bands},), {shown.start})" if knob.bands else f"{shown.start}"
    start = start if knob.bands else f"torch.tensor({start})"
    sound_of = _call(processor, shown, {knob.name: 0, **others}).replace(
        f"{knob.name}=0", f"{knob.name}=knob.to_physical(control)"
    )
    return "\n".join(
        [
            *lines,
            "x = x[..., :rate // 2]",
            f'knob = next(param for param in {name}.params if param.name == "{knob.name}")',
            "",
            "def sound(control):",
            _indented(_folded("return ", sound_of)),
            "",
            f"wanted = sound(torch.tensor({hidden})).detach()",
            f"u = torch.logit({start}).requires_grad_()",
            "optimiser = torch.optim.Adam([u], lr=0.3, betas=(0.8, 0.99))",
            "schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 80)",
            "course = []",
            "for step in range(80):",
            "    course.append(knob.to_physical(u.detach().sigmoid()))",
            f"    loss = {shown.distance.format('sound(u.sigmoid())', 'wanted')}",
            "    optimiser.zero_grad()",
            "    loss.backward()",
            "    optimiser.step()",
            "    schedule.step()",
            "",
        ]
    )


def _indented(code: str) -> str:
    return "\n".join("    " + line for line in code.splitlines())


def _knob(processor: Processor, shown: Example) -> Param:
    first = next(param for param in processor.params if param.differentiable)
    return next((param for param in processor.params if param.name == shown.knob), first)


def _takes_tracks(processor: Processor) -> bool:
    return "tracks, channels" in docstrings.arguments(processor.function)["x"]


def _remembers(processor: Processor) -> bool:
    return "memory" in inspect.signature(processor.function).parameters


def _dry(processor: Processor, shown: Example) -> str:
    return "band" if _takes_tracks(processor) else shown.sound


# Pictures


def _draw(processor: Processor, shown: Example, names: Mapping[str, Any]) -> Iterator[str]:
    """Draw what fits, and give the words of each picture."""
    x, y, rate = names["x"], names["y"], names["rate"]
    settings = {**shown.settings, **{key: names[key] for key in shown.inputs}}

    def saved(figure, kind: str, words: str) -> str:
        figure.savefig(FOLDER / f"{processor.name}-{kind}.png", dpi=110)
        return f"![{words}]({processor.name}-{kind}.png)"

    stereo = max(x.shape[-2], y.shape[-2])
    if _takes_tracks(processor):
        before = {"the plain sum": dasp.load_audio("band.flac")[0]}
        yield saved(pictures.draw_stereo({**before, "behind": y}), "stereo", "Left over right")
        return
    linear = is_linear(processor, rate, channels=stereo, **settings)
    if linear and not _remembers(processor):
        sounds = {"dry": x, "processed": y}
        yield saved(pictures.draw_stereo(sounds), "stereo", "Left over right, before and behind")
    else:
        words = "Frequency response" if linear else "Level behind the processor over that before it"
        yield saved(draw_chain(processor, rate, **settings), "chain", words)
    if processor.name in GAIN_REDUCTION:
        figure = draw_gain_reduction(processor, x, rate, **settings)
        yield saved(figure, "reduction", "Levels and gain reduction along the sound")
    elif not linear and processor.name not in GAIN_REDUCTION:
        tone = 0.25 * torch.sin(torch.arange(rate) * (2 * torch.pi * 500 / rate))[None]
        figure = pictures.draw_harmonics(tone, processor(tone, rate, **settings), rate)
        yield saved(figure, "tone", "The spectrum of a tone, before and behind")
    elif _remembers(processor):
        with torch.no_grad():
            response = impulse_response(processor, rate, 4.0, channels=2, **settings)
        late = response[..., rate // 20 :].square().sum() / response.square().sum()
        if late > 1e-3:
            yield saved(pictures.draw_decay(response, rate), "decay", "Decay of the energy")
        figure = pictures.draw_spectrograms({"dry": x, "processed": y}, rate)
        yield saved(figure, "spectrogram", "Spectra along the sound, before and behind")


def _pictures(processor: Processor, drawn: list[str]) -> str:
    return "\n\n".join(drawn)


def _draw_search(processor: Processor, shown: Example, names: Mapping[str, Any]) -> str:
    """Draw the course of the search, and say where it ended."""
    knob = _knob(processor, shown)
    course = torch.stack(names["course"])
    hidden = knob.to_physical(torch.full((knob.bands or 1,), HIDDEN)[: knob.bands or 1])
    hidden = hidden if knob.bands else hidden[0]
    off = (knob.to_control(course[-1]) - HIDDEN).abs().max().item()
    if not off < NEAR:
        raise ValueError(f"{processor.name}: the search of {knob.name} ends {off:.3f} off")
    figure = pictures.draw_search(_with_unit(knob), course, hidden, knob.scale == "log")
    figure.savefig(FOLDER / f"{processor.name}-search.png", dpi=110)
    bands = f" in all {knob.bands} bands" if knob.bands else ""
    return (
        f"It begins {abs(shown.start - HIDDEN):.0%} of the range away and ends within {NEAR:.0%}"
        f"{bands}; the dashed line is the hidden setting."
    )


# Tables


def _with_unit(param: Param) -> str:
    return (
        f"{param.name.removesuffix('_' + param.unit.lower())} ({param.unit})"
        if param.unit
        else (param.name)
    )


def _number(value: Any) -> str:
    if isinstance(value, tuple):
        distinct = list(dict.fromkeys(value))
        return _number(distinct[0]) if len(distinct) == 1 else ", ".join(map(_number, value))
    if isinstance(value, float):
        return f"{value:g}".replace("-", "−")
    return f"`{value!r}`" if isinstance(value, str | bool | None) else f"{value}"


def _parameters(processor: Processor) -> str:
    """Every keyword with its range, unit and default, and what it means."""
    said = docstrings.arguments(processor.function)
    rows = ["| keyword | range | default | what |", "| --- | --- | --- | --- |"]
    for item in processor.keywords:
        meaning = said.get(item.name, "").split(" [")[0].replace("|", "\\|")
        notes = [f"{item.bands} bands" if item.bands else ""] if isinstance(item, Param) else []
        if isinstance(item, Param):
            notes += ["logarithmic" if item.scale == "log" else ""]
            notes += ["" if item.differentiable else "no gradient"]
        notes = ", ".join(filter(None, notes))
        meaning += f" ({notes})" if notes else ""
        rows.append(f"| `{item.name}` | {_range(item)} | {_number(item.default)} | {meaning} |")
    for name in processor.inputs:
        rows.append(f"| `{name}` | a tensor | | {said.get(name, '').replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def _range(item: Param | Option) -> str:
    if isinstance(item, Option) and item.choices is not None:
        return ", ".join(_number(choice) for choice in item.choices)
    low, high = item.low, item.high
    if isinstance(low, tuple) and (len(set(low)) > 1 or len(set(high)) > 1):
        unit = item.unit if isinstance(item, Param) else ""
        pairs = (f"{_number(a)} to {_number(b)}" for a, b in zip(low, high, strict=True))
        return "; ".join(pairs) + f" {unit}"
    unit = item.unit if isinstance(item, Param) else ""
    return f"{_number(low)} to {_number(high)} {unit}".strip()


def _supports(processor: Processor, shown: Example, names: Mapping[str, Any]) -> str:
    inputs = {key: names[key] for key in shown.inputs}
    facts = supports(processor, names["x"][..., :2000], inputs)
    moved = ", ".join(f"`{name}`" for name in facts.automatable)
    late = f"{facts.latency} samples late" if facts.latency else "without latency"
    gpu = ", ".join(f"`{name}`" for name in facts.gpu)
    rows = {
        "automation": f"{moved}: a value for every sample" if moved else (
            "by cross-fades from one setting to the next; no parameter has a value for every sample"
        ),
        "[block by block](../streaming.md)": (
            f"the samples of the whole, {late} at the defaults and {SAMPLE_RATE / 1000:g} kHz"
            if facts.streams else "no"
        ),
        "[torch.compile, export, vmap](../transforms.md)": (
            "as every processor: one graph for any length"
        ),
        "[on a GPU](../gpu.md)": (
            f"kernels of its own: {gpu}; the rest in torch" if gpu else "in torch"
        ),
    }  # fmt: skip
    return "\n".join(["| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in rows.items())])


def _index() -> str:
    listed = [name for names in FAMILIES.values() for name in names]
    families = {
        **{title: [n for n in names if n in CATALOGUE] for title, names in FAMILIES.items()},
        "Others": [name for name in CATALOGUE if name not in listed],
    }
    sections = []
    for title, names in families.items():
        if names:
            rows = [
                f"| [{n}]({n}.md) | {docstrings.prose(CATALOGUE[n].function).splitlines()[0]} |"
                for n in names
            ]
            table = "\n".join(["| processor | what it does |", "| --- | --- |", *rows])
            tree = "\n".join(["```{toctree}", ":hidden:", "", *names, "```"])
            sections.append(f"## {title}\n\n{table}\n\n{tree}\n")
    source = inspect.getsource(make_sounds)
    return f"""# Gallery

Every processor of the catalogue: what it does, on a sound of five seconds, in pictures, and with a
setting that its gradient finds again. The code of each page made the page.

{"".join(section + chr(10) for section in sections)}
## The dry sounds

They are made, from one seed:

```python
{source.strip()}
```
"""


# Files


def _save(name: str, x: Tensor) -> None:
    dasp.save_audio(f"{name}.flac", x, RATE, subtype="PCM_16", overwrite=True)


def _make_a_mix() -> None:
    """The plain sum of a made song, and its automatic mix, at one loudness: for the first page."""
    song = synthesise_song(5, seconds=8.0, sample_rate=RATE)
    mixed = dasp.render(dasp.mix(song, RATE), song)
    plain = sum(x.expand(2, -1) for x in song.values())
    for name, x in (("first-sum", plain), ("first-mix", mixed)):
        loudness = dasp.analysis.measure_loudness(x, RATE)
        _save(name, x * 10 ** ((-20.0 - loudness) / 20))


@contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _made_of() -> str:
    """A digest of the library and of this folder."""
    digest = hashlib.sha256()
    package = Path(dasp.__file__).parent
    for path in sorted([*package.rglob("*.py"), *Path(__file__).parent.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def setup(app) -> dict:
    # Before Sphinx looks for the folder of sounds.
    app.connect("config-inited", lambda app, config: make_gallery(), priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
