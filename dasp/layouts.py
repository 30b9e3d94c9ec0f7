"""What each channel of a file or a tensor is meant for: where its loudspeaker stands.

A layout is the names of its speakers in the order of the channels. Inside of `dasp` this is the
order of `SPEAKERS`, that of WAV and FLAC; files of other kinds have orders of their own.

Source: WAVEFORMATEXTENSIBLE, Microsoft, whose masks have a bit for each speaker.
"""

from collections.abc import Sequence

from dasp._suggestion import did_you_mean

SPEAKERS = (
    "FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR",
    "TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR",
)  # fmt: skip
"""Front, back, side and top; left, right and centre; the channel of low effects."""

UNKNOWN = "?"
"""The name of a channel whose place is not told."""

Layout = tuple[str, ...]

LAYOUTS: dict[str, Layout] = {
    "mono": ("FC",),
    "stereo": ("FL", "FR"),
    "2.1": ("FL", "FR", "LFE"),
    "3.0": ("FL", "FR", "FC"),
    "3.1": ("FL", "FR", "FC", "LFE"),
    "quad": ("FL", "FR", "BL", "BR"),
    "quad(side)": ("FL", "FR", "SL", "SR"),
    "4.0": ("FL", "FR", "FC", "BC"),
    "4.1": ("FL", "FR", "FC", "LFE", "BC"),
    "5.0": ("FL", "FR", "FC", "BL", "BR"),
    "5.0(side)": ("FL", "FR", "FC", "SL", "SR"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
    "5.1(side)": ("FL", "FR", "FC", "LFE", "SL", "SR"),
    "6.0": ("FL", "FR", "FC", "BC", "SL", "SR"),
    "6.1": ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    "7.0": ("FL", "FR", "FC", "BL", "BR", "SL", "SR"),
    "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
"""Layouts that have a name."""

USUAL = {len(LAYOUTS[name]): LAYOUTS[name] for name in
         ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")}  # fmt: skip
"""What so many channels are, where nothing tells."""

_ALSO = {
    "L": "FL", "R": "FR", "C": "FC", "M": "FC", "LS": "SL", "RS": "SR", "LB": "BL", "RB": "BR",
    "LRS": "BL", "RRS": "BR", "LC": "FLC", "RC": "FRC", "CS": "BC", "S": "BC",
}  # fmt: skip


def as_layout(layout: str | Sequence[str]) -> Layout:
    """A layout by its name, such as "5.1", or by those of its speakers, "L R C LFE Ls Rs".

    >>> as_layout("2.1"), as_layout("L R Ls Rs")
    (('FL', 'FR', 'LFE'), ('FL', 'FR', 'SL', 'SR'))
    """
    if isinstance(layout, str) and layout.lower() in LAYOUTS:
        return LAYOUTS[layout.lower()]
    if isinstance(layout, str) and " " not in layout and layout.upper() not in (*SPEAKERS, *_ALSO):
        known = ", ".join(LAYOUTS)
        raise ValueError(
            f"layout: expected one of {known}, or names of speakers, got {layout!r}"
            f"{did_you_mean(layout, LAYOUTS)}"
        )
    names = layout.split() if isinstance(layout, str) else layout
    found = []
    for name in names:
        speaker = _ALSO.get(name.upper(), name.upper())
        if speaker not in SPEAKERS and speaker != UNKNOWN:
            raise ValueError(f"layout: {name!r} is no speaker ({', '.join(SPEAKERS)})")
        if speaker in found and speaker != UNKNOWN:
            raise ValueError(f"layout: {name!r} is there twice")
        found.append(speaker)
    return tuple(found)


def layout_name(layout: Layout) -> str:
    """The name of a layout, or those of its speakers."""
    return next((name for name, known in LAYOUTS.items() if known == layout), " ".join(layout))


def mask_of(layout: Layout) -> int:
    """The bits of the speakers."""
    return sum(1 << SPEAKERS.index(name) for name in layout if name != UNKNOWN)


def of_mask(mask: int, channels: int) -> Layout | None:
    """The speakers of a mask for so many channels; None where it names none."""
    named = [name for bit, name in enumerate(SPEAKERS) if mask >> bit & 1][:channels]
    if not named:
        return None
    return (*named, *[UNKNOWN] * (channels - len(named)))


def in_order(layout: Layout) -> list[int]:
    """Which channels of a file come first to last in the order of `SPEAKERS`.

    >>> in_order(("FL", "FC", "FR", "BL", "BR", "LFE"))
    [0, 2, 1, 5, 3, 4]
    """
    places = {name: place for place, name in enumerate((*SPEAKERS, UNKNOWN))}
    return sorted(range(len(layout)), key=lambda channel: places[layout[channel]])
