"""The desk: from tracks to the settings of a mix, and from settings to sound.

`dasp.mix` and `dasp.render`, which `dasp mix` and `dasp render` of the command line call as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from dasp._checks import check_range
from dasp.controllers.systems import automatic_mix, wanted_lufs
from dasp.controllers.table import CONVERTERS, DEFAULT, NETWORKS
from dasp.controllers.variants import LEANINGS, Variant
from dasp.controllers.variants import variants as leaning_variants
from dasp.mixing.document import load_mix
from dasp.mixing.mixdown import Stem, mix_down, mix_stems
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.mixing.wishes import Wishes, with_roles
from dasp.preparation import Prepared, prepare_song
from dasp.songs.multitrack import Multitrack
from dasp.songs.opening import Source, open_song
from dasp.songs.session import find_session, read_session


def mix(
    source: Source,
    sample_rate: int | None = None,
    *,
    system: str = DEFAULT,
    start: Mix | None = None,
    prepare: bool = True,
    target_lufs: float | None = None,
    amount: float = 1.0,
    weights: str | Path | None = None,
    wishes: Wishes = Wishes(),  # noqa: B008
    references: Sequence[Tensor] = (),
) -> Mix:
    """Find the settings of a song's mix by an automatic mixer.

    Args:
        source: The song: its folder, audio `(channels, time)` of each track by name, a `Song`, a
            `Multitrack`, or an earlier `Mix`, whose files are read.
        sample_rate: A whole number of Hz. Tensors by name need it; a folder is read at it, and at
            the highest rate of its files without it.
        system: What finds the settings, one of `dasp.controllers.SYSTEMS`, or with references of
            `dasp.controllers.BY_REFERENCE`.
        start: A mix of these tracks. What is locked in it stays as it is, and so do files, roles,
            groups, buses and sends; where `source` is a `Mix`, that one.
        prepare: Whether the tracks are put right first, as `dasp.prepare` does it; those of a
            `start` are taken as that has them.
        target_lufs: Integrated loudness of the mix in LUFS, from -70 to 0; -18 if none is given.
            A limiter, or the range of the gain, can stand against it.
        amount: How far to go from the plain sum, 0, to the mix, 1.
        weights: File of a trained system, in the place of the one in the package.
        wishes: What a person asks: roles, priorities, places, reverb, a genre. They win over those
            in a `session.toml` beside the files of the song, and both over what any system finds.
        references: Finished mixes of any music that the mix is to sound like, `(channels, time)`
            each at the rate of the song.

    Returns:
        The mix. `dasp.render` makes its sound, and `dasp.save_mix` writes it.

    Raises:
        ValueError: If there are no tracks, they are not those of `start`, or an argument is unknown
            or outside its range, or there is no track of a wish.

    >>> import torch
    >>> tracks = {"kick": 0.1 * torch.randn(1, 8000), "vocal": 0.1 * torch.randn(1, 8000)}
    >>> found = mix(tracks, 8000, system="equal-loudness")
    >>> [track.role for track in found.tracks], [stage.processor.name for stage in found.master]
    (['kick', 'vocal'], ['gain', 'limiter'])
    """
    if system in (*NETWORKS, *CONVERTERS):
        raise ValueError(
            f"system: {system!r} makes audio and no settings; "
            f"dasp.controllers.systems.audio_of(song, {system!r}) returns its sound"
        )
    song = open_song(source, sample_rate)
    if start is None:
        start = source if isinstance(source, Mix) else song.plain_mix()
        if prepare and not isinstance(source, Mix):
            start = prepared_song(song, start, wishes).mix
    return automatic_mix(
        song_of(start, song),
        start,
        system=system,
        target_lufs=target_lufs,
        weights=None if weights is None else Path(weights),
        amount=amount,
        wishes=all_wishes(song, start, wishes),
        references=references,
    )


def variants(
    source: Source,
    sample_rate: int | None = None,
    *,
    count: int = 3,
    target_lufs: float | None = None,
    wishes: Wishes = Wishes(),  # noqa: B008
    **how: Any,
) -> list[Variant]:
    """Find several mixes of a song to choose from, as far apart as can be heard.

    The first is what `mix` finds; the others lean from it, to the voice, wide, punchy or soft.

    Args:
        source: The song, as `mix` takes it.
        sample_rate: As `mix` takes it.
        count: How many, 2 to 5.
        target_lufs: Integrated loudness of each in LUFS, as `mix` takes it.
        wishes: What a person asks, as `mix` takes it.
        **how: Other arguments of `mix`.

    Returns:
        The variants, each with its name, its mix, and how far it is from the nearest of the others
        in steps that a listener just hears; fewer than `count` where no other is a step away.

    Raises:
        ValueError: As `mix` does, or `count` is out of range.

    >>> import torch
    >>> draw = torch.Generator().manual_seed(0)
    >>> pads = {name: 0.1 * torch.randn(2, 44_100, generator=draw) for name in ("pad", "keys")}
    >>> [variant.name for variant in variants(pads, 44_100, system="equal-loudness")][:2]
    ['as found', 'wide']
    """
    check_range("count", count, low=2, high=1 + len(LEANINGS))
    song = open_song(source, sample_rate)
    if isinstance(source, Mix):
        how.setdefault("start", source)
    found = mix(song, target_lufs=target_lufs, wishes=wishes, **how)
    lufs = wanted_lufs(target_lufs, all_wishes(song, found, wishes))
    return leaning_variants(found, song_of(found, song).tracks, lufs, count)


def all_wishes(song: Multitrack, start: Mix, wishes: Wishes = Wishes()) -> Wishes:  # noqa: B008
    """Add what the session file of a song asks to what is asked else.

    Of an earlier mix that has buses the sends are kept, in which "less" and "more" of the file have
    been heeded already.

    Args:
        song: The song, beside whose files the session file may stand.
        start: The mix to start from, which names the tracks.
        wishes: The wishes that win over those of the file.

    Returns:
        The wishes, by the names of tracks.

    Raises:
        ValueError: If there is no track of a wish, or the file is none.

    >>> import torch
    >>> song = open_song({"BD": torch.zeros(1, 4), "SD": torch.zeros(1, 4)}, 44_100)
    >>> all_wishes(song, song.plain_mix(), Wishes(priority={"drums": "high"})).priority
    {'BD': 'high', 'SD': 'high'}
    """
    path = find_session(song.files)
    if path is None:
        return wishes.of(with_roles(start, wishes.role))
    session = read_session(path)
    if start.buses:
        reverb = {name: wish for name, wish in session.reverb.items() if wish == "none"}
        session = replace(session, reverb=reverb)
    try:
        start = with_roles(start, session.role)
        session = session.of(with_roles(start, wishes.role))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return wishes.of(with_roles(start, wishes.role)).over(session)


def prepare(
    source: Source,
    sample_rate: int | None = None,
    *,
    wishes: Wishes = Wishes(),  # noqa: B008
) -> Prepared:
    """Find what is wrong with the tracks of a song, and put right what is beyond doubt.

    Args:
        source: The song, as `dasp.mix` takes it.
        sample_rate: A whole number of Hz. Tensors by name need it.
        wishes: What a person asks. A track of which a person tells the role, here or in a
            `session.toml`, is no click track, no bounce, and no take that is not meant.

    Returns:
        A mix that does nothing but put the tracks right, and what was found. `dasp.mix` mixes it
        as its `start`; `dasp.preparation.undo` takes something back.

    Raises:
        ValueError: If there are no tracks, or there is no track of a wish.

    >>> import torch
    >>> voice = 0.1 * torch.sin(0.3 * torch.arange(16_000))[None]
    >>> [str(found) for found in prepare({"voice": voice, "bass": 0 * voice}, 8000).findings]
    ['bass: silent: its peak is -160 dBFS; muted']
    """
    song = open_song(source, sample_rate)
    start = source if isinstance(source, Mix) else song.plain_mix()
    return prepared_song(song, start, wishes)


def prepared_song(
    song: Multitrack,
    start: Mix,
    wishes: Wishes = Wishes(),  # noqa: B008
    *,
    part: bool = False,
) -> Prepared:
    """Put the tracks of a song right that is open already.

    Args:
        song: The song.
        start: A mix of its tracks.
        wishes: What a person asks, beside what the session file of the song says.
        part: Whether this is a part of a song, in which a track may be silent for once.

    Returns:
        The mix with its tracks put right and the roles that are told, and what was found.

    Raises:
        ValueError: If there is no track of a wish, or the session file is none.

    >>> import torch
    >>> song = open_song({"BD": torch.zeros(1, 4), "SD": torch.ones(1, 4)}, 44_100)
    >>> [track.mute for track in prepared_song(song, song.plain_mix()).mix.tracks]
    [True, False]
    """
    told = all_wishes(song, start, wishes).role
    start = with_roles(start, told)
    roles = tuple(track.role for track in start.tracks)
    heard = replace(song_of(start, song), roles=roles)
    return prepare_song(heard, start, part=part, parts_by_word=told)


def render(mix: Mix | str | Path, source: Source | None = None) -> Tensor:
    """Mix tracks with the settings of a mix.

    The same settings and tracks give the same samples. Differentiable in the tracks, and in
    settings that are tensors.

    Args:
        mix: The mix, or the file of its document.
        source: The song, as `dasp.mix` takes it, at the rate of the mix; its tracks are found by
            name. Without it the files that the mix names are read.

    Returns:
        Audio `(2, time)` at the rate of the mix.

    Raises:
        ValueError: If the tracks are not those of the mix, the rates differ, a file is missing, or
            a setting has no meaning.

    >>> import torch
    >>> tracks = {"kick": torch.ones(1, 4), "vocal": torch.ones(2, 4)}
    >>> render(Song.of(["kick", "vocal"], list(tracks.values()), 44_100).plain_mix(), tracks)
    tensor([[2., 2., 2., 2.],
            [2., 2., 2., 2.]])
    """
    mix, song = _opened(mix, source)
    return mix_down(song.tracks, mix)


def render_stems(mix: Mix | str | Path, source: Source | None = None) -> list[Stem]:
    """Process every track, group and bus of a mix through its strip.

    The stems with `to_master` (tracks without a group, groups and buses) add up to what the master
    strip of the mix hears.

    Args:
        mix: The mix, or the file of its document.
        source: The song, as `render` takes it.

    Returns:
        Kind, name and audio `(2, time)` of each track, group and bus, in their order.

    Raises:
        ValueError: If the tracks are not those of the mix, the rates differ, a file is missing, or
            a setting has no meaning.

    >>> import torch
    >>> tracks = {"kick": torch.ones(1, 4), "vocal": torch.ones(2, 4)}
    >>> plain = Song.of(["kick", "vocal"], list(tracks.values()), 44_100).plain_mix()
    >>> [(stem.kind, stem.name) for stem in render_stems(plain, tracks)]
    [('track', 'kick'), ('track', 'vocal')]
    """
    mix, song = _opened(mix, source)
    return mix_stems(song.tracks, mix)


def song_of(mix: Mix, song: Multitrack) -> Song:
    """Put the tracks of a song in the order of a mix, by name.

    Args:
        mix: The mix.
        song: Its tracks, in any order.

    Returns:
        The tracks in the order of the mix.

    Raises:
        ValueError: If the tracks are not those of the mix, or the rates differ.

    >>> import torch
    >>> song = open_song({"kick": torch.zeros(1, 4), "vocal": torch.zeros(1, 4)}, 44_100)
    >>> song_of(song.song.only([1, 0]).plain_mix(), song).names
    ('vocal', 'kick')
    """
    if song.sample_rate != mix.sample_rate:
        raise ValueError(
            f"sample_rate: the mix has {mix.sample_rate} Hz, and the song {song.sample_rate} Hz"
        )
    names = tuple(track.name for track in mix.tracks)
    if names == song.names:
        return song.song
    if sorted(names) != sorted(song.names) or len(set(names)) < len(names):
        raise ValueError(
            f"source: expected the tracks of the mix, {', '.join(names)}; got "
            f"{', '.join(song.names)}"
        )
    return song.song.only([song.names.index(name) for name in names])


def _opened(mix: Mix | str | Path, source: Source | None) -> tuple[Mix, Song]:
    if not isinstance(mix, Mix):
        mix = load_mix(mix, with_files=source is None)
    rate = mix.sample_rate if isinstance(source, Mapping | str | Path) else None
    return mix, song_of(mix, open_song(mix if source is None else source, rate))
