"""Effects as people write them on a line or in a table: `compressor:threshold_db=-18dB,ratio=4:1`.

Numbers may have the units of `dasp._quantity`. Of a parameter of several bands `1k/2k/4k/8k` is
every band, `peak_freq_hz[2]=1k` the second, and `peak_gain_db[all]=-3` the same for all.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dasp._quantity import parse_quantity, unit_of
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.processors.node import from_json
from dasp.processors.stage import Stage

_WORDS = {"true": True, "false": False, "none": None}
_BAND = re.compile(r"(.+)\[(.*)\]")
_ASSIGNMENT = re.compile(r"""([^,=]*=\s*(?:"(?:[^"]|"")*"|'(?:[^']|'')*')\s*|[^,]*)(?:,|$)""")
"""Up to the next comma outside of quotes, which stand around a whole value."""

Pairs = Iterable[tuple[str, str]]


def parse_effect(text: str) -> Stage:
    """Read a stage from a text `name:key=value,key=value`.

    Args:
        text: The effect. The name of a file with a comma, or with spaces at an end, stands in
            quotes of either kind, in which a quote of that kind is written twice:
            `impulse_response="a, b.wav"`.

    Returns:
        The processor with the settings that the text gives, in physical units.

    Raises:
        ValueError: If the processor or a setting is unknown, or a value is out of its range.

    >>> stage = parse_effect("compressor:threshold_db=-18dB,attack_ms=0.01s")
    >>> stage.processor.name, stage.settings
    ('compressor', {'threshold_db': -18, 'attack_ms': 10.0})
    """
    name, _, rest = text.partition(":")
    name = name.strip()
    pairs: list[tuple[str, str]] = []
    for assignment in filter(None, (match[1] for match in _ASSIGNMENT.finditer(rest))):
        key, equals, value = assignment.partition("=")
        if not equals:
            hint = "; a value with a comma stands in quotes" if pairs else ""
            raise ValueError(f"{text!r}: expected key=value, got {assignment!r}{hint}")
        pairs.append((key.strip(), _unquoted(value.strip())))
    processor = from_json({"processor": name}, name).processor
    try:
        settings = parse_settings(processor, pairs)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return from_json({"processor": name, "settings": settings}, name)


def parse_settings(
    processor: Processor, pairs: Pairs, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read settings from pairs of a name and a text.

    Args:
        processor: The processor that the settings are of.
        pairs: Names, `key` or `key[band]`, and texts. An unknown name keeps its text.
        before: Values by keyword at which the bands stand that no pair names; None is the defaults.

    Returns:
        Values by keyword, in physical units.

    Raises:
        ValueError: If a text is no number of the unit, a name is there twice, or one number is
            given for several bands.

    >>> from dasp.processors.catalogue import COMPRESSOR
    >>> parse_settings(COMPRESSOR, [("attack_ms", "0.01s")])
    {'attack_ms': 10.0}
    """
    before = processor.defaults() | dict(before or {})
    items: tuple[Param | Option, ...] = (*processor.params, *processor.options)
    declared = {item.name: item for item in items}
    settings: dict[str, Any] = {}
    seen = set()
    for written, text in pairs:
        if written in seen:
            raise ValueError(f"{written}: is there twice")
        seen.add(written)
        match = _BAND.fullmatch(written)
        key, band = match.groups() if match else (written, "")
        item = declared.get(key)
        if band:
            numbers = settings.get(key, before.get(key))
            settings[key] = _with_band(processor, item, key, band, numbers, text)
        elif isinstance(item, Param):
            settings[key] = _parse_param(item, text)
        elif isinstance(item, Option):
            settings[key] = _parse_option(item, text)
        else:
            settings[key] = text
    return settings


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]:
        return value[1:-1].replace(2 * value[0], value[0])
    return value


def _parse_param(param: Param, text: str) -> Any:
    numbers = [_parse_number(param.name, part) for part in text.split("/")]
    if param.bands is None:
        if len(numbers) > 1:
            raise ValueError(f"{param.name}: expected one number, got {text!r}")
        return numbers[0]
    if len(numbers) == 1:
        ours = "/".join([text] * param.bands) if param.bands < 5 else f"{text}/{text}/…"
        raise ValueError(
            f"{param.name}: which of its {param.bands} bands is to be {text}? {param.name}[2]="
            f"{text} sets the second, {param.name}[all]={text} all of them, {param.name}={ours} "
            f"each of them"
        )
    if len(numbers) != param.bands:
        raise ValueError(
            f"{param.name}: expected {param.bands} bands, got {len(numbers)}; {param.name}[2]=… "
            f"sets one"
        )
    return numbers


def _with_band(
    processor: Processor, item: Any, key: str, band: str, numbers: Any, text: str
) -> list[float]:
    """The numbers of all bands, of which one, or all, are new."""
    if item is None:
        processor.check_settings({key: text})
    if not isinstance(item, Param) or item.bands is None:
        raise ValueError(f"{key}[{band}]: {key} has no bands")
    new = _parse_number(f"{key}[{band}]", text)
    if band == "all":
        return [new] * item.bands
    if not band.isdecimal() or not 1 <= int(band) <= item.bands:
        raise ValueError(f"{key}[{band}]: expected a band from 1 to {item.bands}, or all")
    numbers = list(numbers) if isinstance(numbers, list | tuple) else [numbers] * item.bands
    numbers[int(band) - 1] = new
    return numbers


def _parse_option(option: Option, text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if option.choices is not None and not any(type(c) in (int, float) for c in option.choices):
        return text
    return _parse_number(option.name, text)


def _parse_number(name: str, text: str) -> float:
    try:
        return parse_quantity(text, unit_of(name.partition("[")[0]))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
