"""A mix as a picture: a strip for each track, and the loudness of the whole over time."""

from pathlib import Path
from typing import TYPE_CHECKING

from dasp.cli.mix import pan_text
from dasp.cli.picture import BLUE, GREY, INK, LIGHT, ORANGE, new_figure, tidy
from dasp.mixing.settings import Mix, Track, setting

if TYPE_CHECKING:
    from torch import Tensor

LOWEST_DB, HIGHEST_DB = -24.0, 24.0
"""The travel of a fader; gains beyond it stand at its end."""


def draw_console(path: Path, mix: Mix, audio: "Tensor") -> None:
    """Draw the settings of a mix, and what its audio `(2, time)` measures, into a PNG."""
    strips = len(mix.tracks) + 1
    figure = new_figure(max(7.0, 1.05 * strips + 1.2), 6.4)
    console, meter = figure.subplots(2, 1, height_ratios=(2.4, 1))
    draw_strips(console, mix)
    _draw_loudness(meter, mix, audio)
    figure.savefig(path)


def draw_strips(axes, mix: Mix) -> None:
    for x, track in enumerate(mix.tracks):
        _draw_strip(axes, x, track)
    _draw_master(axes, len(mix.tracks), mix)
    axes.set_xlim(-0.9, len(mix.tracks) + 0.6)
    axes.set_ylim(LOWEST_DB - 14, HIGHEST_DB + 26)
    axes.set_axis_off()
    for level in range(int(LOWEST_DB), int(HIGHEST_DB) + 1, 12):
        _label(axes, level, f"{level:+d}" if level else "0")
    rows = {"pan": HIGHEST_DB + 19, "high-pass": HIGHEST_DB + 10, "gain (dB)": LOWEST_DB - 5}
    for name, y in rows.items():
        _label(axes, y, name)


def _draw_strip(axes, x: int, track: Track) -> None:
    pan = setting(track.strip, "pan", 0.0)
    axes.plot([x - 0.32, x + 0.32], [HIGHEST_DB + 18] * 2, color=LIGHT, linewidth=4)
    axes.plot([x, x], [HIGHEST_DB + 16.5, HIGHEST_DB + 19.5], color=GREY, linewidth=0.8)
    axes.plot(x + 0.32 * pan, HIGHEST_DB + 18, "o", color=ORANGE, markersize=7)
    _write(axes, x, HIGHEST_DB + 22, pan_text(pan))
    high_pass_hz = setting(track.strip, "freq_hz")
    _write(axes, x, HIGHEST_DB + 10, f"{high_pass_hz:.0f} Hz" if high_pass_hz else "–")
    _draw_fader(axes, x, setting(track.strip, "gain_db", 0.0), BLUE)
    _write(axes, x, LOWEST_DB - 10, track.name, weight="bold", color=INK)


def _draw_master(axes, x: int, mix: Mix) -> None:
    axes.axvspan(x - 0.5, x + 0.5, color="#f3f4f6", zorder=0)
    by_name = {processor.name: settings for processor, settings in mix.master}
    compressor, limiter = by_name.get("compressor"), by_name.get("limiter")
    if compressor:
        _write(axes, x, HIGHEST_DB + 20, f"comp {compressor['ratio']:g}:1")
        _write(axes, x, HIGHEST_DB + 16, f"{compressor['threshold_db']:.0f} dB")
    if limiter:
        _write(axes, x, HIGHEST_DB + 10, f"limit {limiter['ceiling_db']:g} dB")
    _draw_fader(axes, x, setting(mix.master, "gain_db", 0.0), ORANGE)
    _write(axes, x, LOWEST_DB - 10, "master", weight="bold", color=INK)


def _draw_fader(axes, x: int, gain_db: float, colour: str) -> None:
    axes.plot([x, x], [LOWEST_DB, HIGHEST_DB], color=LIGHT, linewidth=4, solid_capstyle="round")
    axes.plot([x - 0.16, x + 0.16], [0, 0], color=GREY, linewidth=0.8)
    place = min(max(gain_db, LOWEST_DB), HIGHEST_DB)
    axes.plot(
        [x - 0.22, x + 0.22], [place, place], color=colour, linewidth=7, solid_capstyle="butt"
    )
    _write(axes, x, LOWEST_DB - 5, f"{gain_db:+.1f}")


def _label(axes, y: float, text: str) -> None:
    axes.text(-0.62, y, text, ha="right", va="center", fontsize=7, color=GREY)


def _write(axes, x: float, y: float, text: str, *, weight="normal", color=GREY) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=8, fontweight=weight, color=color)


def _draw_loudness(axes, mix: Mix, audio: "Tensor") -> None:
    from dasp.analysis import measure_loudness, measure_momentary_loudness, measure_true_peak

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
    axes.set_title(
        f"momentary loudness; integrated {integrated:.1f} LUFS, true peak {true_peak:.1f} dBTP",
        loc="left", fontsize=9, color=INK,
    )  # fmt: skip
    axes.set_xlim(time_s[0], max(time_s[-1], 0.5))
    axes.set_ylim(bottom, integrated + 9)
    axes.set_xlabel("time (s)", fontsize=8)
    axes.set_ylabel("LUFS", fontsize=8)
    tidy(axes)
