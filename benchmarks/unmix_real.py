"""Unmix of real mixes: `python -m benchmarks.unmix_real`. The table of docs/unmix.md.

The drums of an engineer's dry and wet mixes, and of a kit whose mix follows a formula. Reads the
recordings beside the project.
"""

import time
from pathlib import Path

import torch

from dasp.audio_io import load_audio
from dasp.data.multitrack import load_folder
from dasp.losses import negative_si_sdr
from dasp.mixing.mixdown import mix_down
from dasp.mixing.unmix import unmix

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ENST, GOGODZE = DATA / "drums_enst066", DATA / "drums_gogodze_a"
STRIPS = ("gain", "delay", "high_pass", "eq")
MIXES = (
    ("drums, dry", ENST, "human_dry_mix.flac", ("gain",), 0),
    ("drums, dry", ENST, "human_dry_mix.flac", STRIPS, 0),
    ("drums, dry", ENST, "human_dry_mix.flac", ("gain",), 256),
    ("drums, wet", ENST, "human_wet_mix.flac", ("gain",), 0),
    ("drums, wet", ENST, "human_wet_mix.flac", STRIPS, 0),
    ("drums, wet", ENST, "human_wet_mix.flac", (*STRIPS, "room"), 0),
    ("drums, wet", ENST, "human_wet_mix.flac", ("gain",), 1024),
    ("kit with a formula", GOGODZE, "sfz_default_mix.flac", ("gain", "high_pass"), 0),
)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| mix | stages | gain-invariant SDR (dB) | time (s) |\n| --- | --- | --- | --- |")
    for name, folder, mix_file, stages, taps in MIXES:
        song = load_folder(folder / "tracks")
        mix, rate = load_audio(folder / mix_file)
        begun = time.perf_counter()
        found = unmix(song.tracks, mix, rate, names=song.names, stages=stages, filter_taps=taps)
        seconds = time.perf_counter() - begun
        sdr_db = -negative_si_sdr(mix_down(song.tracks, found.mix).double(), mix.double()).item()
        what = f"filters of {taps} taps" if taps else ", ".join(stages)
        print(f"| {name} | {what} | {sdr_db:.1f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
