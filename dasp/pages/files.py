"""The files of a page: its own, copied, and sounds as scripts.

A page that is opened from a disk may not fetch a file, and may load a script: a sound is a script
that hands its FLAC to the player, as base64.
"""

import base64
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dasp.audio_io import save_audio

FOLDER = Path(__file__).parent


def copy_assets(page: Path, assets: Iterable[str]) -> None:
    """Copy files of the package into a page.

    Args:
        page: The folder of the page; made where it is not there.
        assets: The files, by their places in `dasp/pages`.
    """
    page.mkdir(parents=True, exist_ok=True)
    for asset in assets:
        shutil.copyfile(FOLDER / asset, page / Path(asset).name)


def write_data(page: Path, name: str, value: Any) -> None:
    """Write a value as a script that declares it.

    Args:
        page: The folder of the page.
        name: The name of the constant; the file is this name in lower case.
        value: What JSON can hold.
    """
    text = f"const {name} = {json.dumps(value, indent=1, ensure_ascii=True)};\n"
    (page / f"{name.lower()}.js").write_text(text, encoding="utf-8")


def write_sound(page: Path, identity: str, x: Tensor, sample_rate: int) -> None:
    """Write a sound as a script of a page: FLAC of 24 bits, without tags.

    Args:
        page: The folder of the page.
        identity: By which the page asks for it: letters and digits.
        x: Audio `(channels, time)` in [-1, 1].
        sample_rate: In Hz.
    """
    folder = page / "sounds"
    folder.mkdir(parents=True, exist_ok=True)
    flac = folder / f"{identity}.flac"
    try:
        save_audio(flac, x.to(torch.float32), sample_rate, subtype="PCM_24", overwrite=True)
        content = base64.b64encode(flac.read_bytes()).decode("ascii")
    finally:
        flac.unlink(missing_ok=True)
    script = f'SOUND("{identity}", "{content}");\n'
    (folder / f"{identity}.js").write_text(script, encoding="ascii")
