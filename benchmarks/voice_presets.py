"""What engineers do to voices, as a Gaussian: `python -m benchmarks.voice_presets`.

Reads the presets of DiffVox (455 vocal chains that were fitted to recordings, docs/recordings.md)
and writes `dasp/estimation/matching/voices.json`: mean and covariance of what their equalisers do
in third-octaves, and the ratios and times of their compressors. The first numbers of a preset are
what its chain had before these functions (C.-Y. Yu et al., "DiffVox: a differentiable model for
capturing and analysing vocal effects distributions", DAFx 2025):

| place | what | to physical units |
| --- | --- | --- |
| 0, 3 | gain of two peaks | in dB |
| 1, 2, 4, 5 | their frequencies and Qs | along a sigmoid between two ends |
| 6 to 9 | gain and frequency of low and high shelf, Q 0.707 | the same |
| 10 to 13 | frequency and Q of low-pass and high-pass | the same |
| 18, 19 | attack and release | the share of a step in a sample is a sigmoid |
| 21 | ratio | along a sigmoid between 1 and 20 |
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.recordings import recordings
from dasp.analysis.spectral import octave_centres_hz
from dasp.signal.biquad import (
    design_high_pass,
    design_high_shelf,
    design_low_pass,
    design_low_shelf,
    design_peak,
    frequency_response,
)
from dasp.units import gain_to_db

HOME = Path(__file__).resolve().parents[1] / "dasp" / "estimation" / "matching" / "voices.json"
RATE = 44_100
MOST_DB = 12.0
"""The range of the sliders of a graphic EQ; a high-pass takes more where a voice has nothing."""

SHAPE_HZ = (200.0, 5000.0)
"""Between these the mean gain of a preset is left out: it is a matter of level."""


def main() -> None:
    """Read the presets, and write the table."""
    folder = recordings() / "diffvox_presets"
    raw = np.concatenate(
        [np.load(folder / f"{s}/raw_params.npy") for s in ("internal", "medleydb")]
    )
    presets = torch.from_numpy(raw).double()
    gains_db = responses_db(presets)
    away = gains_db - gains_db.mean(0)
    table = {
        "source": "C.-Y. Yu et al., DiffVox, DAFx 2025: presets of github.com/SonyResearch/diffvox",
        "licence": (folder / "LICENSE").read_text(encoding="utf-8"),
        "presets": len(presets),
        "gain_db": rounded(gains_db.mean(0)),
        "covariance": [rounded(row[: i + 1]) for i, row in enumerate(away.mT.cov())],
        **{
            name: {"mean": rounded(values.mean().exp()), "spread": rounded(values.std().exp())}
            for name, values in dynamics(presets).items()
        },
    }
    HOME.write_text(json.dumps(table, indent=None) + "\n", encoding="utf-8")
    print(f"{HOME}: {HOME.stat().st_size} bytes, of {len(presets)} presets")


def responses_db(presets: Tensor) -> Tensor:
    """What the equalisers do at the centres of third-octaves, `(presets, 31)`."""
    p = presets.unbind(-1)
    q = torch.full_like(p[0], 0.707)
    sections = (
        design_peak(_between(p[1], 33, 5400), RATE, gain_db=p[0], q=_between(p[2], 0.2, 20)),
        design_peak(_between(p[4], 200, 17_500), RATE, gain_db=p[3], q=_between(p[5], 0.2, 20)),
        design_low_shelf(_between(p[7], 30, 200), RATE, gain_db=p[6], q=q),
        design_high_shelf(_between(p[9], 750, 8300), RATE, gain_db=p[8], q=q),
        design_low_pass(_between(p[10], 200, 18_000), RATE, q=_between(p[11], 0.5, 10)),
        design_high_pass(_between(p[12], 16, 5300), RATE, q=_between(p[13], 0.5, 10)),
    )
    sos = torch.cat([section.reshape(len(presets), 1, 6) for section in sections], -2)
    centres = octave_centres_hz(3)
    gains_db = gain_to_db(frequency_response(sos, centres, RATE).abs())
    shape = (centres > SHAPE_HZ[0]) & (centres < SHAPE_HZ[1])
    gains_db = gains_db - gains_db[:, shape].mean(-1, keepdim=True)
    return gains_db.clamp(-MOST_DB, MOST_DB)


def dynamics(presets: Tensor) -> dict[str, Tensor]:
    """Logarithms of ratio, attack and release of the compressors, `(presets,)` each."""
    attack, release = (-1000 / (RATE * torch.log1p(-presets[:, i].sigmoid())) for i in (18, 19))
    return {
        "ratio": _between(presets[:, 21], 1, 20).log(),
        "attack_ms": attack.log(),
        "release_ms": release.log(),
    }


def rounded(values: Tensor) -> list[float] | float:
    """Numbers with two digits behind the point."""
    return np.round(values.numpy(), 2).tolist()


def _between(raw: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * raw.sigmoid()


if __name__ == "__main__":
    main()
