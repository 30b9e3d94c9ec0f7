"""Give one recording the long-term spectrum of another, with a parametric EQ of six bands.

Mean error of the octaves of two pairs of made tracks, at equal loudness:

    a guitar like keys     12.4 dB before, 2.3 dB after
    a voice like a bass     8.6 dB before, 0.0 dB after

`python examples/02_match_eq.py voice.wav like.wav` takes two recordings of one's own.
"""

import sys

import torch
from torch import Tensor

from dasp.analysis import measure_octave_spectrum
from dasp.audio_io import load_audio
from dasp.processors import CATALOGUE, chain
from dasp.signal.resample import resample
from dasp.songs.synthetic import synthesise_song

RATE, STEPS = 44_100, 150
STRIP = chain(CATALOGUE["gain"], CATALOGUE["parametric_eq"])


def recordings(files: list[str]) -> list[tuple[Tensor, Tensor]]:
    """Pairs of what is to sound like what, three seconds of mono each."""
    if files:
        heard = [load_audio(file) for file in files]
        found = [tuple(resample(x, rate, RATE) for x, rate in heard)]
    else:
        song = synthesise_song(0, seconds=4.0, sample_rate=RATE)
        found = [(song["guitar"], song["keys"]), (song["vocal"], song["bass"])]
    return [tuple(x.mean(0, keepdim=True)[:, : 3 * RATE] for x in pair) for pair in found]


def match(x: Tensor, reference: Tensor, steps: int) -> tuple[float, float]:
    """Mean error of the octaves in dB before, at equal loudness, and after."""
    wanted = measure_octave_spectrum(reference, RATE)
    # What is 50 dB below the loudest octave, in either recording, is noise that no EQ should raise.
    own = measure_octave_spectrum(x, RATE)
    heard = (wanted > wanted.max() - 50) & (own > own.max() - 50)

    def error(y: Tensor) -> Tensor:
        return (measure_octave_spectrum(y, RATE) - wanted)[heard]

    level_db = -error(x).mean()
    before = (error(x) + level_db).abs().mean()
    settings = {**STRIP.defaults(), "gain.gain_db": level_db.item()}
    u = torch.logit(STRIP.to_controls(settings), eps=0.02).requires_grad_()
    optimiser = torch.optim.Adam([u], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        y = STRIP(x, RATE, **STRIP.to_physical(u.sigmoid()))
        optimiser.zero_grad()
        error(y).abs().mean().backward()
        optimiser.step()
        schedule.step()
    found = STRIP.to_physical(u.detach().sigmoid())
    after = error(STRIP(x, RATE, **found)).abs().mean()
    for what in ("gain_db", "freq_hz"):
        print("peaks", what, found[f"parametric_eq.peak_{what}"].round().tolist())
    return before.item(), after.item()


def main(arguments: list[str] | None = None) -> list[tuple[float, float]]:
    arguments = sys.argv[1:] if arguments is None else arguments
    quick, files = "--quick" in arguments, [file for file in arguments if file != "--quick"]
    if len(files) not in (0, 2):
        raise SystemExit("expected two recordings, or none")
    errors = []
    for x, reference in recordings(files)[-1:] if quick else recordings(files):
        errors.append(match(x, reference, 40 if quick else STEPS))
        print("mean error of the octaves: {:.1f} dB before, {:.1f} dB after".format(*errors[-1]))
    return errors


if __name__ == "__main__":
    main()
