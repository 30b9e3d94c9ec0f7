"""A mix as a picture: a strip for each track, the stereo field, the loudness over time."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dasp.analysis import measure_loudness, measure_momentary_loudness, measure_true_peak
from dasp.file_names import in_a_text
from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.summary import pan_text, switches
from dasp.pictures.figure import BLUE, GREY, INK, LIGHT, ORANGE, new_figure, tidy
from dasp.processors.stage import Stage, find_stage, setting
from dasp.processors.strip import run_strip
from dasp.units import gain_to_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOWEST_DB, HIGHEST_DB = -24.0, 24.0
"""The travel of a fader; gains beyond it stand at its end."""

SENDS, COMPRESSOR, EQ, PAN = 32.0, 44.0, 57.0, 72.0
"""The middles of the rows over the faders, on the scale of these."""

EQ_RANGE_DB, EQ_HEIGHT = 12.0, 14.0
FILTERS = ("high_pass", "low_pass", "parametric_eq", "graphic_eq", "graphic_eq_31", "fir")

MOST_SENDS = 3


def draw_console(mix: Mix, audio: Tensor | None = None) -> "Figure":
    """Draw the settings of a mix as the strips of a console, and what its audio measures.

    Args:
        mix: The mix.
        audio: Its sound `(2, time)`, as `mix_down` returns it; without it the strips alone.

    Returns:
        A figure: above, a strip for each track, group, bus and the master; below, with `audio`, the
        stereo field and the momentary loudness over time.

    Raises:
        ValueError: If matplotlib is not installed.

    >>> figure = draw_console(Mix(44_100, (Track("kick"), Track("voice"))))
    >>> [text.get_text() for text in figure.axes[0].texts if text.get_weight() == "bold"]
    ['kick', 'voice', 'master']
    """
    strips = len(mix.tracks) + len(mix.groups) + len(mix.buses) + 1
    width = max(8.0, 1.05 * strips + 1.2)
    if audio is None:
        figure = new_figure(width, 6.2)
        draw_strips(figure.subplots(), mix)
        return figure
    figure = new_figure(width, 8.6)
    places = figure.add_gridspec(2, 1, height_ratios=(2.6, 1))
    draw_strips(figure.add_subfigure(places[0]).subplots(), mix)
    field, meter = figure.add_subfigure(places[1]).subplots(1, 2, width_ratios=(1, 4))
    with torch.inference_mode():
        _draw_stereo_field(field, audio)
        _draw_loudness(meter, mix, audio)
    return figure


def draw_strips(axes: "Axes", mix: Mix) -> None:
    """A strip for each track, group and bus, and the master's."""
    strips: list[Track | Channel] = [*mix.tracks, *mix.groups, *mix.buses]
    members = Counter(track.group for track in mix.tracks)
    kinds = [""] * len(mix.tracks)
    kinds += [f"group of {members[group.name]}" for group in mix.groups]
    kinds += ["bus"] * len(mix.buses)
    for x, (channel, kind) in enumerate(zip(strips, kinds, strict=True)):
        _draw_strip(axes, x, channel, mix.sample_rate, kind)
    master = Channel("master", mix.master)
    axes.axvspan(len(strips) - 0.5, len(strips) + 0.5, color="#f3f4f6", zorder=0)
    _draw_strip(axes, len(strips), master, mix.sample_rate)
    axes.set_xlim(-0.9, len(strips) + 0.6)
    axes.set_ylim(LOWEST_DB - 18, PAN + 10)
    axes.set_axis_off()
    for level in range(int(LOWEST_DB), int(HIGHEST_DB) + 1, 12):
        _label(axes, level, f"{level:+d}" if level else "0")
    rows = {
        "pan": PAN, f"EQ (±{EQ_RANGE_DB:.0f} dB)": EQ, "dynamics": COMPRESSOR + 2,
        "sends (dB)": SENDS + 3, "gain (dB)": LOWEST_DB - 5,
    }  # fmt: skip
    for name, y in rows.items():
        _label(axes, y, name)


def _draw_strip(
    axes: "Axes", x: int, channel: Track | Channel, sample_rate: int, kind: str = ""
) -> None:
    strip = [stage for stage in channel.strip if stage.on]
    track = channel if isinstance(channel, Track) else None
    if channel.mute:
        axes.axvspan(x - 0.46, x + 0.46, color=LIGHT, alpha=0.6, zorder=0)
    if track or find_stage(strip, "stereo_panner"):
        _draw_pan(axes, x, setting(strip, "pan", 0.0))
    _draw_eq(axes, x, strip, sample_rate)
    for line, text in enumerate(_dynamics(strip)):
        _write(axes, x, COMPRESSOR + 2 - 3.5 * line, text, size=7)
    if track:
        _draw_sends(axes, x, track)
    gain = find_stage(strip, "gain")
    gain_db = setting([gain], "gain_db", 0.0) if gain else 0.0
    _draw_fader(axes, x, gain_db, BLUE if track else ORANGE)
    if gain and gain.automation:
        moves = gain.automation.get("gain_db", [gain_db])
        axes.plot([x + 0.28] * 2, _within([min(moves), max(moves)]), color=ORANGE, linewidth=1.5)
    _write(axes, x, LOWEST_DB - 10, channel.name, weight="bold", color=INK)
    goes_to = f"to {track.group}" if track and track.group else ""
    kept = [stage.processor.name for stage in strip if stage.locked]
    locked = "locked" if track and track.locked else f"{kept[0]} locked" if kept else ""
    told = (kind, *switches(channel), goes_to, locked)
    _write(axes, x, LOWEST_DB - 14.5, ", ".join(filter(None, told)), size=7)


def _draw_pan(axes: "Axes", x: int, pan: float) -> None:
    axes.plot([x - 0.32, x + 0.32], [PAN] * 2, color=LIGHT, linewidth=4)
    axes.plot([x, x], [PAN - 1.5, PAN + 1.5], color=GREY, linewidth=0.8)
    axes.plot(x + 0.32 * pan, PAN, "o", color=ORANGE, markersize=7)
    _write(axes, x, PAN + 5, pan_text(pan))


def _draw_eq(axes: "Axes", x: int, strip: Sequence[Stage], sample_rate: int) -> None:
    """The response of all filters of a strip, from 20 Hz to 20 kHz."""
    filters = [stage for stage in strip if stage.processor.name in FILTERS and not stage.automation]
    axes.plot([x - 0.4, x + 0.4], [EQ] * 2, color=LIGHT, linewidth=0.8)
    if not filters:
        return
    place, level_db = response(filters, sample_rate)
    level_db = level_db.clamp(-EQ_RANGE_DB, EQ_RANGE_DB)
    y = EQ + level_db * (EQ_HEIGHT / 2 / EQ_RANGE_DB)
    axes.plot(x - 0.4 + 0.8 * place, y, color=BLUE, linewidth=1.2)
    axes.fill_between(x - 0.4 + 0.8 * place, y, EQ, color=BLUE, alpha=0.15, linewidth=0)


def response(filters: Sequence[Stage], sample_rate: int) -> tuple[Tensor, Tensor]:
    """Places from 0 (20 Hz) to 1 (20 kHz) in equal steps of pitch, and the level there in dB."""
    impulse = torch.zeros(1, 2**14)
    impulse[:, 0] = 1
    bins = torch.fft.rfft(run_strip(impulse, sample_rate, filters)).abs().mean(-2)
    place = torch.linspace(0, 1, 80)
    freq_hz = 20 * 1000**place
    nearest = (freq_hz / sample_rate * impulse.shape[-1]).round().long()
    audible = nearest < len(bins)
    return place[audible], gain_to_db(bins[nearest[audible]])


def _dynamics(strip: Sequence[Stage]) -> list[str]:
    """What compressors and limiters are set to, in two short lines."""
    lines = []
    compressor, limiter = find_stage(strip, "compressor"), find_stage(strip, "limiter")
    if compressor:
        settings = {**compressor.processor.defaults(), **compressor.settings}
        key = f" by {compressor.sidechain}" if compressor.sidechain else ""
        lines.append(f"{settings['ratio']:.2g}:1 at {settings['threshold_db']:.0f}{key}")
    if limiter:
        lines.append(f"limit {limiter.settings.get('ceiling_db', -1.0):.3g}")
    return lines


def _draw_sends(axes: "Axes", x: int, track: Track) -> None:
    sends = list(track.sends_db.items())
    for line, (bus, send_db) in enumerate(sends[:MOST_SENDS]):
        text = f"{bus} {send_db:+.0f}" if line < MOST_SENDS - 1 or len(sends) <= MOST_SENDS else "…"
        _write(axes, x, SENDS + 3 - 3.2 * line, text, size=7)


def _within(levels: Sequence[float]) -> list[float]:
    return [min(max(level, LOWEST_DB), HIGHEST_DB) for level in levels]


def _draw_fader(axes: "Axes", x: int, gain_db: float, colour: str) -> None:
    axes.plot([x, x], [LOWEST_DB, HIGHEST_DB], color=LIGHT, linewidth=4, solid_capstyle="round")
    axes.plot([x - 0.16, x + 0.16], [0, 0], color=GREY, linewidth=0.8)
    (place,) = _within([gain_db])
    axes.plot(
        [x - 0.22, x + 0.22], [place, place], color=colour, linewidth=7, solid_capstyle="butt"
    )
    _write(axes, x, LOWEST_DB - 5, f"{gain_db:+.1f}")


def _label(axes: "Axes", y: float, text: str) -> None:
    axes.text(-0.62, y, text, ha="right", va="center", fontsize=8, color=GREY)


def _write(
    axes: "Axes", x: float, y: float, text: str, *, weight="normal", color=GREY, size=8
) -> None:
    text = in_a_text(text)
    axes.text(x, y, text, ha="center", va="center", fontsize=size, fontweight=weight, color=color)


def _draw_stereo_field(axes: "Axes", audio: Tensor) -> None:
    """Samples as a vectorscope has them: mono upwards, the two sides along the diagonals."""
    left, right = audio[:, :: max(1, audio.shape[-1] // 6000)].cpu()
    most = max(audio.abs().max().item(), 1e-6)
    axes.plot(
        (right - left) / most, (left + right) / most, ".", color=BLUE, alpha=0.15, markersize=2
    )
    for side, name in ((-1, "L"), (1, "R")):
        axes.plot([0, 1.4 * side], [0, 1.4], color=LIGHT, linewidth=0.8, zorder=0)
        axes.text(1.5 * side, 1.5, name, ha="center", va="center", fontsize=8, color=GREY)
    axes.set_xlim(-1.7, 1.7)
    axes.set_ylim(-2, 2)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title("stereo field", loc="left", fontsize=11, fontweight="bold", color=INK)


def _draw_loudness(axes: "Axes", mix: Mix, audio: Tensor) -> None:
    momentary = measure_momentary_loudness(audio, mix.sample_rate)
    integrated = measure_loudness(audio, mix.sample_rate).item()
    true_peak = measure_true_peak(audio, mix.sample_rate).max().item()
    time_s = [0.4 + 0.1 * i for i in range(len(momentary))]
    bottom = integrated - 24
    axes.fill_between(
        time_s, momentary.clamp(min=bottom), bottom, color=BLUE, alpha=0.25, linewidth=0
    )
    axes.plot(time_s, momentary.clamp(min=bottom), color=BLUE, linewidth=1.2)
    axes.axhline(integrated, color=ORANGE, linewidth=1.2)
    axes.set_xlim(time_s[0], max(time_s[-1], 0.5))
    axes.set_ylim(bottom, integrated + 9)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("momentary (LUFS)")
    tidy(axes, f"loudness: integrated {integrated:.1f} LUFS, true peak {true_peak:.1f} dBTP")
