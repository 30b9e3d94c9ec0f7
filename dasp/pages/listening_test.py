"""A listening test as a folder of static files, and the key to what was heard.

The kinds of test: APE, all sounds on one axis (B. De Man and J. D. Reiss, "APE: audio perceptual
evaluation toolbox for MATLAB", AES 136, 2014); MUSHRA (ITU-R BS.1534-3), with a hidden reference
and a hidden anchor; AB, a choice of two; and ABX, whether two can be told apart.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from torch import Tensor

from dasp._checks import check_choice
from dasp.audio_io import load_audio
from dasp.evaluation.stimuli import matched_in_loudness
from dasp.file_names import as_found
from dasp.functional.eq import low_pass
from dasp.pages.files import copy_assets, write_data, write_sound
from dasp.songs.layout import subfolders
from dasp.songs.multitrack import audio_files

KINDS = ("ape", "mushra", "ab", "abx")
"""The kinds of listening tests."""
ASSETS = (
    "assets/base.css", "assets/player.js", "listening/index.html", "listening/listening.css",
    "listening/listening.js",
)  # fmt: skip

REFERENCE, ANCHOR = "reference", "anchor"
ANCHOR_HZ = 3500.0
"""The cut-off of a hidden anchor (ITU-R BS.1534-3)."""

DRY = "dry"
"""The folder in that of a song whose files are its dry stems, to be heard and not rated."""

INSTRUCTIONS = "Listen to each sound as often as you like, and answer by ear alone."
FORMAT = "dasp.listening-key.1"


@dataclass(frozen=True)
class Sounds:
    """What is heard of one song.

    Args:
        song: Its name.
        mixes: Audio `(channels, time)` by name, of one length and loudness.
        dry: The dry stems by name.
    """

    song: str
    mixes: dict[str, Tensor]
    dry: dict[str, Tensor]


def build_listening_test(
    stimuli: str | Path,
    page: str | Path,
    *,
    kind: str = "ape",
    criteria: Sequence[str] = ("preference",),
    title: str = "Listening test",
    instructions: str = INSTRUCTIONS,
    trials: int = 8,
    collected: bool = False,
) -> Path:
    """Build a listening test that opens in any browser, from a disk or a host, without a server.

    Sounds have random names in the page: what made them stands in a key beside it, and nowhere in
    it. Mixes of one song are brought to one loudness, -28 LUFS. The order of pages, and of
    the sounds of a page, is another for each participant.

    Args:
        stimuli: A folder with a folder for each song, of mixes by the names of what made them, as
            `dasp eval --stimuli` writes it; in each of these, `dry/` may have stems to be heard.
        page: The new folder.
        kind: "ape", "mushra", "ab" or "abx".
        criteria: What is asked, such as "clarity"; "abx" has no use for them.
        title: Of the page.
        instructions: What a participant reads first, a paragraph a line.
        trials: How often "abx" asks of each pair.
        collected: Whether `collect` serves the page, and takes the answers.

    Returns:
        The file of the key, `PAGE.key.json`.

    Raises:
        ValueError: If there is no such kind, there are no songs, a song has too few mixes, "mushra"
            finds no mix called "reference", or the page or the key is there already.
    """
    check_choice("kind", kind, KINDS)
    if not criteria or len(set(criteria)) < len(criteria) or not all(c.strip() for c in criteria):
        raise ValueError(f"criteria: expected different words, at least one, got {list(criteria)}")
    page = Path(page)
    key_file = page.with_name(f"{page.name}.key.json")
    for there in (page, key_file):
        if there.exists():
            raise ValueError(f"{there}: exists already")
    songs, sample_rate = _read(Path(stimuli), kind)
    names: dict[str, dict[str, str]] = {}
    pages: list[dict[str, Any]] = []
    copy_assets(page, ASSETS)

    def sound(song: str, name: str, x: Tensor) -> str:
        identity = secrets.token_hex(6)
        names[identity] = {"song": song, "name": name}
        write_sound(page, identity, x, sample_rate)
        return identity

    for song in songs:
        heard = {name: sound(song.song, name, x) for name, x in song.mixes.items()}
        dry = [
            {"id": sound(song.song, f"{DRY}/{name}", x), "label": name}
            for name, x in song.dry.items()
        ]
        shown = None
        if kind == "mushra":
            shown = sound(song.song, "shown reference", song.mixes[REFERENCE])
        for group in _groups(kind, list(heard.values()), trials):
            number = secrets.token_hex(4)
            names[number] = {"song": song.song, "name": ""}
            pages.append({"id": number, "stimuli": group, "reference": shown, "dry": dry})
    test = {
        "id": secrets.token_hex(8),
        "kind": kind,
        "title": title,
        "instructions": instructions,
        "criteria": list(criteria),
        "sample_rate": sample_rate,
        "collected": collected,
        "pages": pages,
    }
    write_data(page, "TEST", test)
    key = {"format": FORMAT, "test": test["id"], "kind": kind, "criteria": list(criteria)}
    key["names"] = names
    key_file.write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    return key_file


def _groups(kind: str, sounds: list[str], trials: int) -> list[list[str]]:
    """The sounds of each page of a song."""
    if kind in ("ape", "mushra"):
        return [sounds]
    pairs = [list(pair) for pair in combinations(sounds, 2)]
    return pairs * trials if kind == "abx" else pairs


def _read(stimuli: Path, kind: str) -> tuple[list[Sounds], int]:
    """The sounds of every song, and their rate."""
    folders = [f for f in subfolders(as_found(stimuli)) if audio_files(f)]
    if not folders:
        raise ValueError(f"{stimuli}: no songs found; expected {stimuli}/SONG/MIX.wav")
    songs, rates = [], set()
    for folder in folders:
        mixes, rate = _load(folder)
        if kind == "mushra":
            if REFERENCE not in mixes:
                raise ValueError(f"{folder}: no mix is called {REFERENCE!r}, which mushra needs")
            if ANCHOR not in mixes:
                mixes[ANCHOR] = low_pass(mixes[REFERENCE], rate, freq_hz=ANCHOR_HZ, order=8)
        if len(mixes) < 2:
            raise ValueError(f"{folder}: expected two mixes or more, got {len(mixes)}")
        matched, _ = matched_in_loudness(folder.name, mixes, rate)
        dry, dry_rate = _load(folder / DRY) if (folder / DRY).is_dir() else ({}, rate)
        rates |= {rate, dry_rate}
        songs.append(Sounds(folder.name, matched, dry))
    if len(rates) > 1:
        raise ValueError(f"{stimuli}: expected sounds of one rate, got {sorted(rates)} Hz")
    return songs, rates.pop()


def _load(folder: Path) -> tuple[dict[str, Tensor], int]:
    sounds, rates = {}, set()
    for file in audio_files(folder):
        audio, rate = load_audio(file)[:2]
        sounds[file.stem] = audio
        rates.add(int(rate))
    if len(rates) != 1:
        raise ValueError(f"{folder}: expected audio files of one rate, got {sorted(rates)} Hz")
    return sounds, rates.pop()
