"""ENST-Drums: three drummers, each on a kit of his own, with seven or eight microphones.

`root/drummer_1/audio/kick/066_phrase_…_sticks.wav`: a folder a microphone, and the same name in
each. O. Gillet and G. Richard, "ENST-Drums: an extensive audio-visual database for drum signals
processing", ISMIR 2006.
"""

from pathlib import Path
from typing import Any

from dasp.songs.layout import find_parts, some
from dasp.songs.multitrack import Multitrack, Recording, audio_files

MICROPHONES = {
    "hi-hat": "hihat",
    "kick": "kick",
    "overhead_L": "overhead",
    "overhead_R": "overhead",
    "snare": "snare",
    "tom_1": "tom",
    "tom_2": "tom",
    "tom_3": "tom",
}
"""The folders of microphones, in the order of the slots of the mix networks, and their roles."""

MIXES = {"dry": "dry_mix", "wet": "wet_mix"}
TYPES = ("hits", "phrase", "solo", "minus-one")


def load_enst_drums(root: str | Path, *, sample_rate: int = 44_100) -> list[Multitrack]:
    """List the recordings of ENST-Drums, with the mixes "dry" and "wet" where they exist.

    `details` tells the drummer, the number, and the type of playing: one of `TYPES`, or what else
    the name says. The music that the drummer played to is no track: its file is
    `details["accompaniment"]`. Copies of the mixes whose names end in `_norm` are left out.

    Args:
        root: The folder with `drummer_1` to `drummer_3`.
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The recordings; no kit has all toms.
    """
    drummers = find_parts(root, [f"drummer_{n}" for n in (1, 2, 3)], "ENST-Drums")
    songs = [
        _song(drummer / "audio", name, sample_rate)
        for drummer in drummers
        for name in sorted(
            {
                file.name
                for microphone in MICROPHONES
                if (drummer / "audio" / microphone).is_dir()
                for file in audio_files(drummer / "audio" / microphone)
                if not file.stem.endswith("_norm")
            }
        )
    ]
    return some(songs, root, "drummer_1/audio/kick/NAME.wav")


def _song(audio: Path, name: str, sample_rate: int) -> Multitrack:
    tracks = tuple(
        Recording(microphone, role, audio / microphone / name)
        for microphone, role in MICROPHONES.items()
        if (audio / microphone / name).is_file()
    )
    mixes = tuple(
        Recording(mix, "drums", audio / folder / name)
        for mix, folder in MIXES.items()
        if (audio / folder / name).is_file()
    )
    number, _, rest = Path(name).stem.partition("_")
    known = next((kind for kind in TYPES if kind in rest.lower()), rest.partition("_")[0])
    drummer = audio.parent.name
    details: dict[str, Any] = {"drummer": drummer, "number": number, "type": known}
    if (audio / "accompaniment" / name).is_file():
        details["accompaniment"] = audio / "accompaniment" / name
    return Multitrack(f"{drummer}/{Path(name).stem}", sample_rate, tracks, mixes, details=details)
