"""Do finished stems teach how to mix dry ones? `python -m benchmarks.fxnorm NAME=WEIGHTS ...`.

Networks of `dasp train fxnorm`, each under a name of one's own, mix what none was trained on:

- `made`: made songs as dry tracks, against their engineer's mix,
- `released`: the stems of released songs that no network here has learnt from, below 11 kHz since
  some recordings end there, against the artist's mix,
- `008`: four dry stems of a song, against its human mix, where the recordings beside the project
  are; there also stand the five published systems, two networks of the paper by two losses and two
  sets of songs.

Both of the last need recordings beside the project, and are left out without them. Beside them are
the rules, the trained console, the default, and the sum of the tracks at one loudness. The default
was fitted to released songs, and does not mix them here. A network without a name is the package's.
Errors are taken at one loudness. Prints a table for each.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.mixing_systems import (
    COLUMNS,
    DATA,
    FIRST_SEED,
    Piece,
    dry_song,
    known_mix,
    markdown,
    mean_cell,
)
from benchmarks.recordings import have_recordings
from dasp.audio_io import load_audio
from dasp.controllers.fxnorm.system import WEIGHTS, fxnorm_mix, heard_stems, load_fxnorm
from dasp.controllers.rules.equal_loudness import equal_loudness
from dasp.controllers.systems import automatic_mix
from dasp.controllers.table import DEFAULT
from dasp.evaluation.metrics import measure_errors
from dasp.mixing.mixdown import mix_down
from dasp.mixing.routing import as_stereo
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.songs.multitrack import load_folder
from dasp.songs.synthetic import SyntheticSongs

LOW_RATE = 22_050
"""At which released songs are compared, in Hz."""

MEASURED = ("spectrum", "side_share", "audio_features")

Mixer = Callable[[Song], Tensor]


def main() -> None:
    """Mix, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fxnorm")
    parser.add_argument("networks", nargs="*", metavar="NAME=WEIGHTS")
    parser.add_argument("--songs", type=int, default=16, help="made ones")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of those who mix")
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks = dict(one.partition("=")[::2] for one in options.networks)
    known = mixers(networks)
    known = {name: known[name] for name in options.only or known}
    with torch.inference_mode():
        songs = SyntheticSongs(options.songs, FIRST_SEED, options.seconds, mixed=True)
        made = (known_mix("made", song) for song in songs)
        print_table("made", [row for piece in tqdm(made) for row in rows(piece, known)])
        if have_recordings("made songs alone"):
            fair = {name: mixer for name, mixer in known.items() if name != DEFAULT}
            unheard = unheard_songs(Path(path) for path in networks.values() or [WEIGHTS])
            found = [row for piece in tqdm(unheard) for row in rows(piece, fair, LOW_RATE)]
            print_table(f"released, {len(unheard)} songs", found)
            piece = dry_song(DATA / "song_fxnorm_008")
            print_table("008", [*published(piece), *rows(piece, known)])


def mixers(networks: dict[str, str]) -> dict[str, Mixer]:
    """Everybody who mixes, by name."""

    def by_system(name: str, song: Song) -> Tensor:
        return mix_down(song.tracks, automatic_mix(song, system=name))

    return {
        "equal loudness": lambda song: mix_down(song.tracks, equal_loudness(song)),
        "sum of the normalised stems": normalised_sum,
        **{name: partial(by_system, name) for name in ("rules", "console", "auto")},
        **{name: partial(fxnorm_mix, weights=Path(path)) for name, path in networks.items()},
        **({} if networks else {"fxnorm": fxnorm_mix}),
    }


def normalised_sum(song: Song) -> Tensor:
    """What a network hears, added up."""
    return heard_stems(song).reshape(4, 2, -1).sum(0)


def unheard_songs(networks: Iterable[Path]) -> list[Piece]:
    """The released songs that no network has learnt from, at the levels that the artist left."""
    songs = [replace(load_folder(f / "stems"), name=f.name) for f in sorted(DATA.glob("song_*/"))
             if (f / "stems").is_dir()]  # fmt: skip
    for path in networks:
        left_out = load_fxnorm(path)[1]["unseen"]
        songs = [song for song in songs if song.name in left_out or not left_out]
    return [
        Piece("released", song, torch.stack([as_stereo(x) for x in song.tracks]).sum(0), None)
        for song in songs
    ]


def rows(
    piece: Piece, known: dict[str, Mixer], rate: int | None = None
) -> Iterator[tuple[str, dict[str, float]]]:
    """The errors of everybody for a piece."""
    for name, mixer in known.items():
        yield name, errors(mixer(piece.song.song), piece, rate)


def published(piece: Piece) -> Iterator[tuple[str, dict[str, float]]]:
    """The errors of the published mixes of song 008."""
    for file in sorted((DATA / "song_fxnorm_008" / "systems").glob("*.mp3")):
        yield f"published: {file.stem}", errors(load_audio(file)[0], piece)


def errors(mix: Tensor, piece: Piece, rate: int | None = None) -> dict[str, float]:
    """How far a mix is from the engineer's, at one loudness, and at a rate if one is given."""
    time = min(mix.shape[-1], piece.reference.shape[-1])
    own = piece.song.sample_rate
    heard, wanted = (
        resample(x[:, :time].float(), own, rate or own) for x in (mix, piece.reference)
    )
    return measure_errors(heard, wanted, rate or own, names=MEASURED)


def print_table(title: str, found: Sequence[tuple[str, dict[str, float]]]) -> None:
    """Means and their intervals of 95 %."""
    lines = [[title, *(COLUMNS[key] for key in MEASURED)], ["---"] * (1 + len(MEASURED))]
    for system in dict.fromkeys(name for name, _ in found):
        own = [row for name, row in found if name == system]
        lines.append([system, *(mean_cell([row[key] for row in own]) for key in MEASURED)])
    print(markdown(lines), end="\n\n")


if __name__ == "__main__":
    main()
