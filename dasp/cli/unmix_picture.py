"""The picture of `dasp unmix`: the mix, its reconstruction, and what is left."""

from pathlib import Path

from dasp.cli.picture import BLUE, GREY, ORANGE, new_figure, tidy


def save_picture(path: Path, mix, output, sample_rate: int) -> None:
    """Spectra by third octaves, and levels over time, of mix, reconstruction and rest."""
    import torch

    figure = new_figure(9, 6.5)
    spectra, levels = figure.subplots(2, 1)
    rows = (("mix", mix, GREY), ("reconstruction", output, BLUE), ("rest", mix - output, ORANGE))
    for name, signal, colour in rows:
        freq_hz, level_db = _third_octaves(signal, sample_rate)
        spectra.semilogx(freq_hz, level_db, color=colour, label=name)
        block = max(1, round(0.05 * sample_rate))
        power = signal.square().mean(0).unfold(-1, block, block).mean(-1)
        time_s = torch.arange(len(power)) * (block / sample_rate)
        levels.plot(time_s, 10 * torch.log10(power.clamp(min=1e-12)), color=colour)
    spectra.set(xlabel="frequency in Hz", ylabel="level in dB")
    levels.set(xlabel="time in s", ylabel="level in dB", ylim=(-90, None))
    spectra.legend(frameon=False)
    for axes in (spectra, levels):
        tidy(axes)
    figure.savefig(path)


def _third_octaves(signal, sample_rate: int):
    import torch

    power = torch.fft.rfft(signal).abs().square().mean(0) / signal.shape[-1] ** 2
    freq_hz = torch.linspace(0, sample_rate / 2, len(power))
    centres = 31.25 * 2 ** (torch.arange(0, 28) / 3)
    centres = centres[centres < 0.45 * sample_rate]
    edges = [torch.searchsorted(freq_hz, centres * 2 ** (side / 6)) for side in (-1, 1)]
    sums = [power[a:b].sum() for a, b in zip(*edges, strict=True)]
    return centres, 10 * torch.log10(torch.stack(sums).clamp(min=1e-14))
