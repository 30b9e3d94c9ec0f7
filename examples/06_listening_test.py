"""A listening test of drum mixes: six loops in seven mixes, on a page that opens in any browser.

The plan is that of M. A. Martinez Ramirez, D. Stoller and D. Moffat, "A deep learning approach to
intelligent drum mixing with the Wave-U-Net", JAES 69, 2021: all mixes of a loop on one axis, an
engineer's among them, and the overheads through a low-pass at 3.5 kHz as the worst, at -28.0 LUFS
each. Loops, kits and engineers are made up.

    python examples/06_listening_test.py OUT
    dasp listen results ANSWERS.json --key OUT/page.key.json
"""

import argparse
import tempfile
from pathlib import Path

from dasp.controllers import automatic_mix
from dasp.controllers.forest.system import forest_mix
from dasp.evaluation.baselines import anchor
from dasp.evaluation.stimuli import write_stimuli
from dasp.mixing import mix_down
from dasp.pages import build_listening_test
from dasp.songs.drum_sessions import open_session

LOOPS = 6
FIRST_SESSION = 20_000
"""From here on no system has been trained."""


def mixes_of(number: int) -> tuple[dict, int]:
    """A loop of a session of its own, in seven mixes."""
    session = open_session(FIRST_SESSION + number, None)
    recorded = session.record(number)
    song, tracks = recorded.song, recorded.tracks
    found = {
        "engineer dry": session.dry_mix,
        "engineer wet": session.mix,
        "forest dry": forest_mix(song, wet=False),
        "forest wet": forest_mix(song, wet=True),
        "rules": automatic_mix(song, system="rules"),
        "console": automatic_mix(song, system="console"),
    }
    sounds = {name: mix_down(tracks, mix) for name, mix in found.items()}
    return {**sounds, "anchor": anchor(song)}, recorded.sample_rate


def main(arguments: list[str] | None = None) -> Path:
    """Make the mixes and the page; returns the key."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="default: a new temporary one")
    parser.add_argument("--quick", action="store_true", help="one loop")
    args = parser.parse_args(arguments)
    folder = args.folder or Path(tempfile.mkdtemp())
    for number in range(1 if args.quick else LOOPS):
        mixes, rate = mixes_of(number)
        write_stimuli(folder / "stimuli", f"loop {number + 1}", mixes, rate)
    key = build_listening_test(
        folder / "stimuli",
        folder / "page",
        title="Which mix of the drums do you prefer?",
        criteria=("preference",),
    )
    print(folder / "page" / "index.html", key, sep="\n")
    return key


if __name__ == "__main__":
    main()
