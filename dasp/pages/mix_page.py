"""A mix as a page: rendered stems behind faders, pans, mutes and solos, in any browser.

At its start the page sounds as `dasp render` does. Moved faders come before what groups, buses and
the sum do, whose compressors and limiters keep the gains that they have at the start.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from dasp.analysis import measure_loudness, measure_short_term_loudness
from dasp.mixing.audible import heard_sends, is_heard
from dasp.mixing.document import to_document
from dasp.mixing.mixdown import mix_down, prepared_tracks
from dasp.mixing.routing import as_stereo, send_gain
from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.song import Song
from dasp.pages.files import copy_assets, write_data, write_sound
from dasp.pages.frozen import Node, freeze
from dasp.processors.catalogue import GAIN, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, run_strip
from dasp.units import db_to_gain, gain_to_db

ASSETS = (
    "assets/base.css",
    "assets/player.js",
    "mix/index.html",
    "mix/console.css",
    "mix/console.js",
)
POINTS = 800
"""Of the drawn waveform."""

UNHEARD_DB = -100.0
"""A difference below this, against the mix, is not sent."""


@dataclass(frozen=True)
class Hands:
    """The fader and the pan at the end of a strip.

    Args:
        strip: The stages before them.
        gain_db: All gains at the end together.
        fader: The place of the fader in the strip, or -1 where it has none.
        panner: The place of the panner, or -1.
        pan: Where it stands.
        law_db: Its law.
    """

    strip: Strip
    gain_db: float = 0.0
    fader: int = -1
    panner: int = -1
    pan: float = 0.0
    law_db: float = -3.0


def build_mix_page(
    mixes: Mapping[str, tuple[Mix, Song]],
    page: str | Path,
    *,
    title: str = "Mix",
    beside: str | Path = ".",
) -> Path:
    """Build a page that plays a mix, or several to choose from, with its faders.

    Several mixes are played at the loudness of the softest.

    Args:
        mixes: Each mix with its tracks, by the name that a listener sees; all of one rate.
        page: The new folder.
        title: Of the page.
        beside: The folder to which files are relative in a `mix.json` that is downloaded.

    Returns:
        The file to open.

    Raises:
        ValueError: If there are no mixes, their rates differ, or the page is there already.
    """
    page = Path(page)
    if page.exists():
        raise ValueError(f"{page}: exists already")
    rates = {mix.sample_rate for mix, _ in mixes.values()}
    if len(rates) != 1:
        raise ValueError(f"mixes: expected mixes of one rate, got {sorted(rates)} Hz")
    copy_assets(page, ASSETS)
    with torch.inference_mode():
        told = [_variant(page, name, *mixes[name], Path(beside)) for name in mixes]
    softest = min((one["lufs"] for one in told if one["lufs"] > -70.0), default=0.0)
    for one in told:
        one["gain"] = db_to_gain(softest - one["lufs"]) if one["lufs"] > -70.0 else 1.0
    write_data(page, "MIX", {"title": title, "sample_rate": rates.pop(), "variants": told})
    return page / "index.html"


def _variant(page: Path, name: str, mix: Mix, song: Song, beside: Path) -> dict[str, Any]:
    rate = mix.sample_rate
    heard = dict(zip((t.name for t in mix.tracks), prepared_tracks(song.tracks, mix), strict=True))
    hands = [_hands(track) for track in mix.tracks]
    sounds = [
        run_strip(heard[track.name], rate, own.strip, heard)
        for track, own in zip(mix.tracks, hands, strict=True)
    ]
    model = _Model(mix, hands, sounds, heard)
    whole = mix_down(song.tracks, mix)
    rest = whole - model.output
    channels = [
        {
            **_told(track, own),
            "sound": _sound(page, sound, rate),
            "group": track.group,
            "sends": {
                bus: send_gain(torch.tensor(db)).item() for bus, db in track.sends_db.items()
            },
        }
        for track, own, sound in zip(mix.tracks, hands, sounds, strict=True)
    ]
    sums = {
        kind: [
            {**_told(part, own), "nodes": [_sent(page, node, rate) for node in nodes]}
            for part, own, nodes in zip(parts, owns, found, strict=True)
        ]
        for kind, parts, owns, found in (
            ("groups", mix.groups, model.group_hands, model.group_nodes),
            ("buses", mix.buses, model.bus_hands, model.bus_nodes),
        )
    }
    is_off = gain_to_db(rest.abs().amax()) > UNHEARD_DB + gain_to_db(whole.abs().amax())
    return {
        "name": name,
        "lufs": measure_loudness(whole, rate).item(),
        "tracks": channels,
        **sums,
        "master": [_sent(page, node, rate) for node in model.master_nodes],
        "rest": _sound(page, rest, rate) if is_off else None,
        "wave": _wave(whole, rate),
        "document": to_document(mix, beside),
    }


class _Model:
    """What the page will compute, to know what its nodes leave out."""

    def __init__(
        self,
        mix: Mix,
        hands: Sequence[Hands],
        sounds: Sequence[Tensor],
        heard: Mapping[str, Tensor],
    ):
        rate = mix.sample_rate
        self.group_hands = [_hands(group) for group in mix.groups]
        self.bus_hands = [_hands(bus) for bus in mix.buses]
        true, modelled = ({c.name: 0.0 * as_stereo(sounds[0]) for c in (*mix.groups, *mix.buses)}
                          for _ in range(2))  # fmt: skip
        total = torch.zeros_like(as_stereo(sounds[0]))
        for track, own, sound in zip(mix.tracks, hands, sounds, strict=True):
            signal = _placed(sound, own)
            for bus in heard_sends(mix, track):
                sent = signal * _send(track.sends_db[bus])
                true[bus] = modelled[bus] = true[bus] + sent
            if is_heard(mix, track):
                if track.group:
                    true[track.group] = modelled[track.group] = true[track.group] + signal
                else:
                    total = total + signal
        exact = total
        self.group_nodes: list[list[Node]] = []
        self.bus_nodes: list[list[Node]] = []
        for parts, owns, found in (
            (mix.groups, self.group_hands, self.group_nodes),
            (mix.buses, self.bus_hands, self.bus_nodes),
        ):
            for part, own in zip(parts, owns, strict=True):
                nodes = freeze(own.strip, true[part.name], rate, heard)
                found.append(nodes)
                if not part.mute:
                    total = total + _placed(_through(nodes, modelled[part.name]), own)
                    strip = run_strip(true[part.name], rate, part.strip, heard)
                    exact = exact + as_stereo(strip)
        self.master_nodes = freeze(mix.master, exact, rate, heard)
        self.output = _through(self.master_nodes, total)


def _send(db: float) -> float:
    return send_gain(torch.as_tensor(float(db))).item()


def _through(nodes: Sequence[Node], x: Tensor) -> Tensor:
    for node in nodes:
        x = node.run(x)
    return x


def _hands(channel: Track | Channel) -> Hands:
    """The gains and the panner that end a strip, which a hand can move in the page."""
    strip, end = channel.strip, len(channel.strip)
    fader = panner = -1
    gain_db, pan, law_db = 0.0, 0.0, -3.0
    while end > 0 and _is_plain(strip[end - 1]):
        stage = strip[end - 1]
        if stage.processor is STEREO_PANNER:
            if panner >= 0:
                break
            panner = end - 1
            pan = float(stage.settings.get("pan", 0.0))
            law_db = float(stage.settings.get("law_db", -3.0))
        else:
            gain_db += float(stage.settings.get("gain_db", 0.0))
            fader = max(fader, end - 1)
        end -= 1
    return Hands(strip[:end], gain_db, fader, panner, pan, law_db)


def _is_plain(stage: Stage) -> bool:
    is_hand = stage.processor in (GAIN, STEREO_PANNER)
    return is_hand and stage.on is True and not stage.automation


def _placed(x: Tensor, own: Hands) -> Tensor:
    """The signal behind the fader and the panner."""
    if own.panner >= 0:
        x = STEREO_PANNER(x, 44_100, pan=own.pan, law_db=own.law_db)  # the same at any rate
    return as_stereo(x) * db_to_gain(own.gain_db)


def _told(channel: Track | Channel, own: Hands) -> dict[str, Any]:
    return {
        "name": channel.name,
        "gain_db": own.gain_db,
        "fader": own.fader,
        "pan": own.pan,
        "panner": own.panner,
        "law_db": own.law_db,
        "mute": channel.mute,
        "solo": channel.solo,
    }


def _sound(page: Path, x: Tensor, rate: int) -> dict[str, Any]:
    """Write a sound at full scale, and tell the factor that brings it back."""
    scale = max(x.abs().amax().item(), 1e-9)
    identity = secrets.token_hex(6)
    write_sound(page, identity, x / scale, rate)
    return {"id": identity, "scale": scale, "channels": len(x)}


def _sent(page: Path, node: Node, rate: int) -> dict[str, Any]:
    return {"kind": node.kind, **_sound(page, node.data, rate)}


def _wave(x: Tensor, rate: int) -> dict[str, Any]:
    """What is drawn of a mix: the peaks of equal parts, and the short-term loudness."""
    size = -(-x.shape[-1] // POINTS)
    parts = pad(x.abs().amax(0), (0, -x.shape[-1] % size)).unflatten(0, (-1, size))
    loudness = measure_short_term_loudness(x, rate)
    step = max(1, len(loudness) // POINTS)
    return {
        "seconds": x.shape[-1] / rate,
        "peaks": [round(peak, 4) for peak in parts.amax(-1).tolist()],
        "loudness": [round(lufs, 1) for lufs in loudness[::step].tolist()],
    }
