"""How near a trained Wave-U-Net comes to the mix it was trained on, on grooves it has not heard.

    python -m benchmarks.wave_unet runs/wave_unet/weights.safetensors HITS --song TRACKS

`TRACKS` is a folder with the microphones of a recording of that kit, which is mixed likewise.
Beside it: mixes that cost nothing, and the best static gains and the best filters of 64 taps that
the answer itself can be brought to by least squares, groove by groove: what no mixer of levels and
pans, and none of short EQ, could do better.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor, nn

from dasp.controllers.wave_unet import in_slots, load_wave_unet, render
from dasp.estimation.least_squares import fit_filters
from dasp.evaluation.baselines import baselines
from dasp.evaluation.metrics import METRICS
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.recipes.wave_unet import UNSEEN, Example, at_rate, known_mix, mixed_grooves
from dasp.songs.kit_groove import MICROPHONES, halves, load_kit
from dasp.songs.multitrack import load_folder

SHOWN = ("sdr", "gain_invariant_sdr")


def main(argv: list[str] | None = None) -> dict[str, list[float]]:
    """Print a table of mean SDRs in dB; returns the network's own by kind of hits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("hits", help="the folder of a kit")
    parser.add_argument("--grooves", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--song", metavar="TRACKS", help="a folder of the kit's microphones")
    args = parser.parse_args(argv)
    network, architecture = load_wave_unet(args.weights)
    rate = architecture.sample_rate
    known, unseen = halves(at_rate(load_kit(args.hits), rate))
    results = {}
    for title, kit in (("hits not heard in training", unseen), ("hits of the training", known)):
        grooves = [
            Example(torch.cat(groove.tracks), groove.mix())
            for groove in mixed_grooves(kit, UNSEEN, args.grooves, args.seconds)
        ]
        results[title] = _compare(title, network, grooves, rate)
    if args.song:
        results["the song"] = _compare("the song", network, [_song(args.song, rate)], rate)
    return results


def _song(folder: str, sample_rate: int) -> Example:
    song = load_folder(folder, sample_rate)
    tracks = in_slots(song.song, tuple(MICROPHONES))
    return Example(tracks, mix_down(list(tracks[:, None]), known_mix(sample_rate)))


def _compare(
    title: str, network: nn.Module, grooves: Iterable[Example], sample_rate: int
) -> list[float]:
    rows: dict[str, list[tuple[float, ...]]] = {}
    for groove in grooves:
        for name, mix in _mixes(network, groove, sample_rate).items():
            sdrs = tuple(METRICS[m].error(mix, groove.mix, sample_rate).item() for m in SHOWN)
            rows.setdefault(name, []).append(sdrs)
    _print(title, rows)
    return [sdr for sdr, _ in rows["Wave-U-Net"]]


@torch.no_grad()
def _mixes(network: nn.Module, groove: Example, sample_rate: int) -> dict[str, Tensor]:
    """Every mix of a groove by its name."""
    apart = groove.tracks[:, None]
    free = baselines(Song.of(list(MICROPHONES), list(apart), sample_rate))
    free.pop("anchor")  # which stands for a bad mix
    return {
        "Wave-U-Net": render(network, groove.tracks),
        "best filters of 64 taps": _nearest(apart, groove.mix, taps=64),
        "best static gains": _nearest(apart, groove.mix, taps=1),
        **free,
    }


def _nearest(tracks: Tensor, mix: Tensor, *, taps: int) -> Tensor:
    return fit_filters(tracks, mix, taps=taps, lead_samples=taps // 4).images(tracks).sum(0)


def _print(title: str, rows: dict[str, list[tuple[float, ...]]]) -> None:
    print(f"\n{title}, {len(rows['Wave-U-Net'])} in all\n")
    print("| mix | SDR, dB (lowest to highest) | at its best level |\n| --- | --- | --- |")
    for name, sdrs in rows.items():
        plain, levelled = zip(*sdrs, strict=True)
        print(
            f"| {name} | {fmean(plain):.1f} ({min(plain):.1f} to {max(plain):.1f}) "
            f"| {fmean(levelled):.1f} |"
        )


if __name__ == "__main__":
    main()
