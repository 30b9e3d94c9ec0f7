"""Listening-ready folders: the mixes of a song, all equally loud, for people to compare.

`FOLDER/SONG/NAME.wav`, and `stimuli.json` with what was done to each. Mixes are matched in
loudness because the louder of two sounds better. Order and names are left to the listening
software, which randomises and hides them.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.audio_io import save_audio
from dasp.units import db_to_gain

STIMULUS_LUFS = -28.0
"""Low enough that mixes of any crest factor keep below full scale."""


def write_stimuli(
    folder: str | Path,
    song: str,
    mixes: Mapping[str, Tensor],
    sample_rate: int,
    *,
    lufs: float = STIMULUS_LUFS,
    overwrite: bool = False,
) -> dict[str, dict[str, float]]:
    """Write the mixes of one song for a listening test, at one loudness.

    Args:
        folder: Where the folder of the song is made.
        song: Name of the song, and of its folder.
        mixes: Audio `(channels, time)` of each mix by name, of one length.
        sample_rate: A whole number of Hz.
        lufs: Integrated loudness of all mixes in LUFS.
        overwrite: Whether existing files may be replaced.

    Returns:
        Gain in dB, loudness in LUFS and true peak in dBTP of each mix, as in `stimuli.json`.

    Raises:
        ValueError: If a mix is silent or of another length, or its true peak would be over full
            scale.
    """
    matched, facts = matched_in_loudness(song, mixes, sample_rate, lufs=lufs)
    place = Path(folder) / song
    place.mkdir(parents=True, exist_ok=True)
    for name, x in matched.items():
        save_audio(place / f"{name}.wav", x, sample_rate, overwrite=overwrite)
    (place / "stimuli.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def matched_in_loudness(
    song: str, mixes: Mapping[str, Tensor], sample_rate: int, *, lufs: float = STIMULUS_LUFS
) -> tuple[dict[str, Tensor], dict[str, dict[str, float]]]:
    """Bring the mixes of one song to one loudness.

    Args:
        song: Its name, for messages.
        mixes: Audio `(channels, time)` of each mix by name, of one length.
        sample_rate: In Hz.
        lufs: Integrated loudness of all mixes in LUFS.

    Returns:
        The mixes, and of each its gain in dB, loudness in LUFS and true peak in dBTP.

    Raises:
        ValueError: If a mix is silent or of another length, or its true peak would be over full
            scale.
    """
    lengths = {x.shape[-1] for x in mixes.values()}
    if len(lengths) != 1:
        raise ValueError(f"{song}: expected mixes of one length, got {sorted(lengths)} samples")
    matched, facts = {}, {}
    for name, x in mixes.items():
        gain_db = lufs - measure_loudness(x, sample_rate).item()
        if gain_db > 60:
            raise ValueError(f"{song}: {name} is silent")
        matched[name] = x * db_to_gain(gain_db)
        true_peak = measure_true_peak(matched[name], sample_rate).max().item()
        if true_peak > 0:
            raise ValueError(
                f"{song}: {name} at {lufs} LUFS has a true peak of {true_peak:.1f} dBTP, over "
                "full scale; choose a lower loudness for all"
            )
        facts[name] = {
            "gain_db": round(gain_db, 3),
            "loudness_lufs": round(measure_loudness(matched[name], sample_rate).item(), 3),
            "true_peak_dbtp": round(true_peak, 3),
        }
    return matched, facts
