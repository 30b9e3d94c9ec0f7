"""Pictures of the gallery beside those of `dasp.pictures`: decay, spectrogram, stereo, a search."""

import torch
from torch import Tensor

from dasp.pictures.figure import BLUE, GREY, ORANGE, frequency_axis, in_short, new_figure, tidy
from dasp.units import power_to_db

PITCHES_HZ = (100, 1000, 10_000)


def draw_decay(response: Tensor, sample_rate: int):
    """What is left of the energy of a response `(channels, time)` after each moment, in dB."""
    left = response.square().sum(0).flip(-1).cumsum(-1).flip(-1)
    time_s = torch.arange(len(left)) / sample_rate
    figure = new_figure(7.0, 3.0)
    axes = figure.add_subplot()
    axes.plot(time_s[::64], power_to_db(left / left[0])[::64], color=BLUE, linewidth=2)
    axes.set_ylim(-70, 3)
    axes.axhline(-60, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xlim(0, time_s[-1])
    axes.set_xlabel("time after an impulse (s)")
    axes.set_ylabel("energy left (dB)")
    tidy(axes, "decay")
    return figure


def draw_spectrograms(sounds: dict[str, Tensor], sample_rate: int):
    """The spectrum of sounds `(channels, time)` along time, one under the other."""
    figure = new_figure(7.0, 2.4 * len(sounds))
    panels = figure.subplots(len(sounds), 1, sharex=True, squeeze=False)[:, 0]
    size = 2048
    for axes, (name, x) in zip(panels, sounds.items(), strict=True):
        spectrum = torch.stft(
            x.mean(0), size, size // 4, window=torch.hann_window(size), return_complex=True
        )
        level_db = power_to_db(spectrum.abs().square())
        times = torch.arange(spectrum.shape[-1]) * (size / 4 / sample_rate)
        freqs = torch.arange(1, spectrum.shape[0]) * (sample_rate / size)
        top = level_db.max().item()
        axes.pcolormesh(
            times, freqs, level_db[1:], vmin=top - 70, vmax=top, cmap="magma", rasterized=True
        )
        axes.set_yscale("log")
        axes.set_ylim(60, 16_000)
        axes.set_yticks(PITCHES_HZ, [in_short(f) for f in PITCHES_HZ])
        axes.set_yticks([], minor=True)
        axes.set_ylabel("frequency (Hz)")
        tidy(axes, name)
        axes.grid(False)
    panels[-1].set_xlabel("time (s)")
    return figure


def draw_stereo(sounds: dict[str, Tensor]):
    """The left channel of sounds over the right, turned so that mono stands upright."""
    figure = new_figure(3.5 * len(sounds), 3.6)
    panels = figure.subplots(1, len(sounds), squeeze=False)[0]
    end = max(x.abs().amax().item() for x in sounds.values()) * 2**0.5
    for axes, (name, x) in zip(panels, sounds.items(), strict=True):
        left, right = x.expand(2, -1)[:, ::7]
        axes.scatter((right - left) / 2**0.5, (left + right) / 2**0.5, s=1.5, color=BLUE, alpha=0.3)
        axes.set_xlim(-end, end)
        axes.set_ylim(-end, end)
        axes.set_aspect("equal")
        axes.set_xlabel("left ... side ... right")
        axes.set_ylabel("mid")
        tidy(axes, name)
    return figure


def draw_search(name: str, course: Tensor, hidden: Tensor, is_log: bool):
    """The values of a knob `(steps,)` or `(steps, bands)` along a search, and the hidden ones."""
    figure = new_figure(7.0, 2.8)
    axes = figure.add_subplot()
    bands = course.reshape(len(course), -1)
    for wanted in hidden.flatten():
        axes.axhline(wanted.item(), color=ORANGE, linewidth=1.6, linestyle=(0, (4, 3)))
    axes.plot(bands, color=BLUE, linewidth=1.8)
    if is_log:
        axes.set_yscale("log")
    axes.set_xlim(0, len(bands) - 1)
    axes.set_xlabel("step")
    axes.set_ylabel(name)
    tidy(axes)
    return figure


def draw_harmonics(before: Tensor, behind: Tensor, sample_rate: int):
    """The spectra of a tone before and behind a processor, `(1, time)` each."""
    figure = new_figure(7.0, 3.0)
    axes = figure.add_subplot()
    for label, x, colour in (("before", before, GREY), ("behind", behind, BLUE)):
        spectrum = torch.fft.rfft(x[0] * torch.hann_window(x.shape[-1])).abs() / x.shape[-1] * 4
        freqs = torch.arange(len(spectrum)) * (sample_rate / x.shape[-1])
        axes.plot(freqs, power_to_db(spectrum.square()), color=colour, linewidth=1.4, label=label)
    frequency_axis(axes)
    axes.set_ylim(-100, 6)
    axes.set_ylabel("level (dB)")
    axes.legend(frameon=False, fontsize=9)
    tidy(axes, "a tone of 500 Hz")
    return figure
