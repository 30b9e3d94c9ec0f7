"""Unmix of real mixes: `python -m benchmarks.unmix_real`. The table of docs/unmix.md.

The drums of an engineer's dry and wet mixes, those of a kit whose mix follows a formula, and a song
with its human master, through `dasp unmix` itself. Reads the recordings beside the project.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.recordings import FOLDER, recordings
from dasp.analysis import measure_crest_factor, measure_loudness, measure_octave_spectrum
from dasp.audio_io import load_audio
from dasp.cli.main import main as dasp
from dasp.estimation.unmixing.unmix import DEFAULT_STAGES, unmix
from dasp.losses import negative_si_sdr
from dasp.mixing.document import load_mix
from dasp.mixing.mixdown import mix_down
from dasp.signal.resample import resample
from dasp.songs.multitrack import load_folder

ENST, GOGODZE = FOLDER / "drums_enst066", FOLDER / "drums_gogodze_a"
CAESIUM = FOLDER / "song_caesium_a"
MP3_LEAD = 1105
"""Samples that the codec puts in front."""

MIXES = (
    ("drums, dry", ENST, "human_dry_mix.flac", ("gain",), 0),
    ("drums, dry", ENST, "human_dry_mix.flac", DEFAULT_STAGES, 0),
    ("drums, dry", ENST, "human_dry_mix.flac", ("gain",), 256),
    ("drums, wet", ENST, "human_wet_mix.flac", ("gain",), 0),
    ("drums, wet", ENST, "human_wet_mix.flac", DEFAULT_STAGES, 0),
    ("drums, wet", ENST, "human_wet_mix.flac", (*DEFAULT_STAGES, "room"), 0),
    ("drums, wet", ENST, "human_wet_mix.flac", ("gain",), 1024),
    ("kit with a formula", GOGODZE, "sfz_default_mix.flac", ("gain", "high_pass"), 0),
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="mixes whose name contains this")
    only = parser.parse_args().only
    recordings()
    torch.set_num_threads(1)
    print("| mix | stages | gain-invariant SDR (dB) | time (s) | processor time (s) |")
    print("| --- | --- | --- | --- | --- |")
    for name, folder, mix_file, stages, taps in MIXES:
        if only not in name:
            continue
        song = load_folder(folder / "tracks")
        mix, rate = load_audio(folder / mix_file)
        begun, processor_s = time.perf_counter(), time.process_time()
        found = unmix(song, mix, rate, stages=stages, filter_taps=taps)
        seconds = time.perf_counter() - begun
        processor_s = time.process_time() - processor_s
        what = f"filters of {taps} taps" if taps else ", ".join(stages)
        sdr_db = _sdr_db(mix_down(song.tracks, found.mix), mix)
        print(f"| {name} | {what} | {sdr_db:.1f} | {seconds:.0f} | {processor_s:.0f} |", flush=True)
    for kind in ("dry", "wet"):
        if only in f"drums, {kind}":
            mix, _ = load_audio(ENST / f"human_{kind}_mix.flac")
            mp3, _ = load_audio(ENST / "published_automix_mp3" / f"waveunet_{kind}.mp3")
            sdr_db = _sdr_db(mp3[:, MP3_LEAD:][:, : mix.shape[-1]], mix)
            print(f"| drums, {kind} | published Wave-U-Net | {sdr_db:.1f} | | |", flush=True)
    if only in "song, master":
        print_master()


def print_master() -> None:
    """How far from a human master the sum of the stems is, and what `dasp unmix` makes of it."""
    song = load_folder(CAESIUM / "stems")
    target, rate = load_audio(CAESIUM / "human_master_24k_x0.5.flac")
    target = resample(target, rate, song.sample_rate)
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "mix.json"
        arguments = ["unmix", CAESIUM / "stems", CAESIUM / "human_master_24k_x0.5.flac"]
        arguments += ["-o", document, "--stages", "gain,master", "--excerpt", "4"]
        dasp([str(argument) for argument in arguments])
        output = mix_down(song.tracks, load_mix(document))
    print("\n| difference from the master | loudness (LU) | crest (dB) | octaves, 31 Hz on (dB) |")
    print("| --- | --- | --- | --- |")
    for name, audio in (("sum of the stems", sum(song.tracks)), ("unmix", output)):
        time_ = min(audio.shape[-1], target.shape[-1])
        loudness, crest, octaves = (
            measure(audio[:, :time_], song.sample_rate)
            - measure(target[:, :time_], song.sample_rate)
            for measure in (measure_loudness, measure_crest_factor, measure_octave_spectrum)
        )
        bands = " ".join(f"{v:.1f}" for v in octaves.mean(0))
        print(f"| {name} | {loudness:.2f} | {crest.abs().max():.2f} | {bands} |")


def _sdr_db(output: torch.Tensor, mix: torch.Tensor) -> float:
    time_ = min(output.shape[-1], mix.shape[-1])
    return -negative_si_sdr(output[:, :time_].double(), mix[:, :time_].double()).item()


if __name__ == "__main__":
    main()
