"""The options of `dasp mix` by which a person steers a mix, and what came of them."""

import argparse

from dasp.mixing.genres import GENRES
from dasp.mixing.roles import role_and_word
from dasp.mixing.settings import Mix
from dasp.mixing.wishes import PRIORITY_DB, SEEN_FROM, WETNESS, Wishes
from dasp.songs.folders import SESSION
from dasp.songs.multitrack import Multitrack
from dasp.songs.session import find_session, read_session

BY_TRACK = ("role", "priority", "pan", "reverb")


def add_wish_options(parser: argparse.ArgumentParser) -> None:
    """Declare `--role`, `--priority`, `--pan`, `--reverb`, `--genre`, `--kit` and `--no-groups`."""
    group = parser.add_argument_group(
        "wishes",
        "They win over what any system finds. TRACK is the name of a track, a role or a group "
        "(drums, voices, ...), and each option may come several times. "
        f"A {SESSION} beside the stems may hold them too; an option wins over it.",
    )
    for name, values, what in (
        ("role", "ROLE", "what a track plays, where its name does not tell"),
        ("priority", "|".join(PRIORITY_DB), "3 dB up or down beside the balance that is found"),
        ("pan", "left|centre|right|-1..1", "where a track stands"),
        ("reverb", "|".join(WETNESS), "less or more than is found, or none"),
    ):
        group.add_argument(
            f"--{name}", action="append", default=[], type=_of_track,
            metavar=f"TRACK={values}", help=what,
        )  # fmt: skip
    group.add_argument(
        "--genre", choices=GENRES, default="", metavar="NAME",
        help=f"a taste in balance, brightness, reverb and loudness: {', '.join(GENRES)}",
    )  # fmt: skip
    group.add_argument("--kit", choices=SEEN_FROM, default="", help="from where a drum kit is seen")
    group.add_argument(
        "--no-groups", action="store_true", help="make no groups of drums, voices, ..."
    )


def wishes_of(args: argparse.Namespace) -> Wishes:
    """The wishes that the options say; what is none is wrong usage."""
    try:
        return Wishes(
            **{name: dict(getattr(args, name)) for name in BY_TRACK},
            genre=args.genre,
            kit=args.kit,
            groups=False if args.no_groups else None,
        )
    except ValueError as error:
        args.usage_error(f"--{error}")
        raise


def options_in(wishes: Wishes) -> list[str]:
    """The options that say something, but for roles, which any system heeds."""
    told = [f"--{name}" for name in (*BY_TRACK[1:], "genre", "kit") if getattr(wishes, name)]
    return told + (["--no-groups"] if wishes.groups is False else [])


def why_roles(song: Multitrack, start: Mix | None, wishes: Wishes, mix: Mix) -> dict[str, str]:
    """Tell of every track what its role is known by.

    Args:
        song: The tracks, with their files.
        start: The earlier mix, or None.
        wishes: The wishes of the options.
        mix: The mix, with its roles.

    Returns:
        A few words by the name of the track.
    """
    path = find_session(song.files)
    in_file = read_session(path).of(mix).role if path else {}
    by_flag = wishes.of(mix).role
    told = {}
    for track in mix.tracks:
        word = role_and_word(track.name)[1]
        if track.name in by_flag:
            told[track.name] = "--role"
        elif track.name in in_file:
            told[track.name] = SESSION
        elif start is not None:
            told[track.name] = "the earlier mix"
        else:
            told[track.name] = f'"{word}" in its name' if word else "no word of its name"
    return told


def _of_track(text: str) -> tuple[str, str]:
    track, equals, value = text.rpartition("=")
    if not equals or not track.strip():
        raise argparse.ArgumentTypeError(f"expected TRACK=..., got {text!r}")
    return track.strip(), value.strip()
