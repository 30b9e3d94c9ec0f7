"""How near a trained Wave-U-Net comes to the mixes of drum kits that it has not heard.

    python -m benchmarks.wave_unet dasp/weights/wave_unet.safetensors

mixes made kits in made rooms and, with the recordings of `docs/recordings.md`, a real kit by hits
that no recipe learns from and a drummer's recording with the mixes of its human engineer. Beside
the network: faders at 0 dB with the pans that it began with, mixes that cost nothing, and the best
static gains and the best filters of 64 taps that the answer itself can be brought to by least
squares, which no mixer of levels and pans, and none of short EQ, could do better. SDRs are at the
best level of the whole.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from benchmarks.recordings import FOLDER, have_recordings
from dasp.audio_io import load_audio
from dasp.controllers.kit_slots import fill_slots
from dasp.controllers.wave_unet import load_wave_unet, prepared, wave_unet_mix
from dasp.estimation.least_squares import fit_filters
from dasp.evaluation.baselines import baselines
from dasp.evaluation.metrics import METRICS
from dasp.mixing.song import Song
from dasp.recipes.wave_unet import UNSEEN, panned_gains
from dasp.songs.kit_groove import Kit, halves, load_kit
from dasp.songs.kit_recordings import kit_recording
from dasp.songs.multitrack import Multitrack, Recording, load_folder

KIT, DRUMMER = "drumbank_gogodze_7mic", "drums_enst066"
NETWORK = "Wave-U-Net"


def main(argv: list[str] | None = None) -> dict[tuple[str, str], list[float]]:
    """Print a table of mean SDRs in dB for each kind of kit; returns the network's own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--recordings", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument(
        "--taste", type=float, default=0.5, help="of the wet mixes of made engineers"
    )
    parser.add_argument("--only", choices=("made", "hits", "drummer"), help="one kind of kit")
    args = parser.parse_args(argv)
    _, architecture = load_wave_unet(args.weights)
    found = {}
    for title, songs in _kinds(args.recordings, args.seconds, args.taste, args.only).items():
        for mix in architecture.mixes:
            rows: dict[str, list[float]] = {}
            for song in songs:
                for name, sdr in _sdrs(song, mix, args.weights, architecture.slots).items():
                    rows.setdefault(name, []).append(sdr)
            _print(f"{title}, {mix}", rows)
            found[title, mix] = rows[NETWORK]
    return found


def _kinds(
    count: int, seconds: float, taste: float, only: str | None
) -> dict[str, Iterable[Multitrack]]:
    kinds: dict[str, Iterable[Multitrack]] = {}
    if only in (None, "made"):
        kinds["made kits"] = _recorded(count, seconds, taste, None)
    if only == "made" or not have_recordings("made kits alone"):
        return kinds
    if only in (None, "hits"):
        kinds["a real kit by hits"] = _recorded(
            count, seconds, taste, halves(load_kit(FOLDER / KIT))[1]
        )
    if only in (None, "drummer"):
        kinds["a drummer"] = [drummer()]
    return kinds


def _recorded(count: int, seconds: float, taste: float, kit: Kit | None) -> list[Multitrack]:
    return [
        kit_recording(UNSEEN + seed, kit, seconds=seconds, taste=taste) for seed in range(count)
    ]


def drummer() -> Multitrack:
    """Seven microphones of a kit, with the dry and the wet mix of its engineer."""
    folder = FOLDER / DRUMMER
    song = load_folder(folder / "tracks")
    mixes = tuple(
        Recording(name, "drums", load_audio(folder / f"human_{name}_mix.flac")[0])
        for name in ("dry", "wet")
    )
    return Multitrack(DRUMMER, song.sample_rate, song.recordings, mixes)


@torch.no_grad()
def _sdrs(song: Multitrack, mix: str, weights: Path, slots: tuple[str, ...]) -> dict[str, float]:
    """The SDR of every mix of a song by its name."""
    answer = song.mix(mix).double()
    apart = torch.stack([track.mean(0, keepdim=True) for track in song.tracks])
    as_named = fill_slots(song.song, slots).audio
    free = baselines(Song.of(list(song.names), list(apart), song.sample_rate))
    mixes = {
        NETWORK: wave_unet_mix(song.song, weights, mix=mix),
        "faders at 0 dB, panned": panned_gains(slots) @ prepared(as_named, slots, song.sample_rate),
        "the same, sides as named": panned_gains(slots) @ as_named,
        "best filters of 64 taps": _nearest(apart, answer, taps=64),
        "best static gains": _nearest(apart, answer, taps=1),
        **free,
    }
    measure = METRICS["gain_invariant_sdr"].error
    return {
        name: measure(audio.double(), answer, song.sample_rate).item()
        for name, audio in mixes.items()
    }


def _nearest(tracks: Tensor, mix: Tensor, *, taps: int) -> Tensor:
    return fit_filters(tracks, mix, taps=taps, lead_samples=taps // 4).images(tracks).sum(0)


def _print(title: str, rows: dict[str, list[float]]) -> None:
    print(f"\n{title}: {len(rows[NETWORK])}\n")
    print("| mix | SDR, dB (lowest to highest) |\n| --- | --- |")
    for name, sdrs in rows.items():
        print(f"| {name} | {fmean(sdrs):.1f} ({min(sdrs):.1f} to {max(sdrs):.1f}) |", flush=True)


if __name__ == "__main__":
    main()
