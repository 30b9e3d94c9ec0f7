"""The last look at a match, at the whole of the recordings.

A descent hears pieces. On the whole each of four measures has a knob from which it follows without
a descent: the spectrum has the graphic EQ, the crest factor the ceiling of the limiter for the
peaks, the share of the side the width, and the loudness the gain in front of the last limiter. They
are turned one behind the other, a few times, since each moves the others a little.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.estimation.matching.equaliser import at_one_loudness, graphic_gains_db
from dasp.estimation.matching.mastering import BELIEFS, LIMITER_STAGE, Chain
from dasp.estimation.matching.pieces import Whole, measure_whole
from dasp.estimation.matching.prior import Prior
from dasp.estimation.matching.style import GROUPS, is_heard
from dasp.mixing.in_range import in_range
from dasp.mixing.mixdown import run_strip
from dasp.processors.catalogue import GAIN, GRAPHIC_EQ_31, LIMITER
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip
from dasp.units import db_to_gain, gain_to_db

LOOKS, WAY = 6, 0.6
"""How often, and how much of the way each look goes: what one knob moves, the next has to mend."""

TURNS, OVER, NEAR_LU = 5, 1.3, 0.05
"""Corrections of the gain in front of the limiter, which takes a part of each, and when to stop."""

HEADROOM_DB = -1.0
"""Where the peaks behind the EQ are to stay: thresholds and ceilings end at 0 dB."""

LEAST_DB = 0.05
WIDTHS = torch.linspace(0.0, 2.0, 401)


class Settled(NamedTuple):
    """The settings of a match.

    Args:
        eq_db: Gains of the graphic EQ, `(31,)`.
        trim_db: Gain behind the EQ.
        u: Controls of the chain behind them, `(n,)`.
    """

    eq_db: Tensor
    trim_db: float
    u: Tensor

    def front(self, amount: float = 1.0) -> Strip:
        """EQ and trim.

        Args:
            amount: How far to go, from 0 to 1.

        Returns:
            Their stages, without what does nothing.
        """
        gains_db = [round(amount * db, 2) for db in self.eq_db.tolist()]
        trim_db = round(amount * self.trim_db, 2)
        eq = (Stage(GRAPHIC_EQ_31, {"gain_db": gains_db}),)
        trim = (Stage(GAIN, {"gain_db": trim_db}),)
        loudest_db = max(map(abs, gains_db))
        return (*(eq if loudest_db > LEAST_DB else ()), *(trim if trim_db else ()))

    def strip(self, chain: Chain, amount: float = 1.0) -> Strip:
        """All but the gain and the limiter at the end.

        Args:
            chain: The chain that the controls are of.
            amount: How far to go from what changes nothing, 0, to these settings, 1.

        Returns:
            The stages.
        """
        return (*self.front(amount), *chain.stages(torch.lerp(chain.neutral, self.u, amount)))


def trim_behind(x: Tensor, eq_db: Tensor, sample_rate: float) -> float:
    """Find the gain that keeps headroom behind a graphic EQ.

    Args:
        x: Audio `(channels, time)`.
        eq_db: Gains of the EQ.
        sample_rate: In Hz.

    Returns:
        Gain in dB, 0 or less.
    """
    y = run_strip(x.float(), int(sample_rate), Settled(eq_db, 0.0, torch.zeros(0)).front())
    peak_db = gain_to_db(y.abs().amax().clamp(min=1e-6).item())
    return min(0.0, HEADROOM_DB - peak_db)


@dataclass(frozen=True)
class LastLook:
    """What is looked at, and what is wanted.

    Args:
        mix: The mix `(channels, time)`.
        sample_rate: In Hz.
        chain: The chain behind the EQ.
        own: What the mix measures.
        wanted: What the master is to measure.
        believed: What is believed of the gains of the EQ.
    """

    mix: Tensor
    sample_rate: float
    chain: Chain
    own: Whole
    wanted: Whole
    believed: Prior

    def settled(self, found: Settled) -> Settled:
        """Turn EQ, ceiling and width so that the whole comes near to what is wanted.

        Args:
            found: Settings to begin with.

        Returns:
            Settings with other gains of the EQ, ceiling and width: the nearest of all looks.
        """
        best, least = found, math.inf
        for _ in range(LOOKS):
            strip = found.strip(self.chain)
            end, _ = self.at_loudness(strip, self.wanted.lufs)
            got = measure_whole(self.heard((*strip, *end)), self.sample_rate)
            if (distance := self._distance(got)) < least:
                best, least = found, distance
            found = self._nearer(found, got)
        return best

    def _distance(self, got: Whole) -> float:
        """How far a whole is from what is wanted, as the distance of styles is."""
        both = is_heard(got.spectrum) & is_heard(self.wanted.spectrum)
        missing = {
            "loudness": got.lufs - self.wanted.lufs,
            "spectrum": (got.spectrum - self.wanted.spectrum)[both].square().mean().sqrt().item(),
            "crest": got.crest_db - self.wanted.crest_db,
            "image": got.side_share - self.wanted.side_share,
        }
        return sum(
            GROUPS[name].weight * math.log1p((by / GROUPS[name].just_told) ** 2)
            for name, by in missing.items()
        )

    def _nearer(self, found: Settled, got: Whole) -> Settled:
        """Settings that are corrected by what is missing."""
        before_dynamics = at_one_loudness(self.own.spectrum, found.eq_db)
        own = self.own.spectrum + got.spectrum - before_dynamics
        eq_db = graphic_gains_db(own, self.wanted.spectrum, self.believed)
        settings = self.chain.knobs.settings(found.u)
        if "limiter.ceiling_db" in settings:
            ceiling_db = float(settings["limiter.ceiling_db"]) + self.wanted.crest_db - got.crest_db
            settings["limiter.ceiling_db"] = in_range(LIMITER, "ceiling_db", ceiling_db)
        if "stereo_widener.width" in settings:
            width = float(settings["stereo_widener.width"])
            settings["stereo_widener.width"] = _width(width, got.side_share, self.wanted.side_share)
        eq_db = torch.lerp(found.eq_db, eq_db, WAY)
        u = torch.lerp(found.u, self.chain.knobs.at(settings).to(found.u), WAY)
        return Settled(eq_db, trim_behind(self.mix, eq_db, self.sample_rate), u)

    def heard(self, strip: Sequence[Stage]) -> Tensor:
        """Run a strip whose last stage is the limiter, without its true peaks, which take long.

        Args:
            strip: The stages.

        Returns:
            Audio of the shape of the mix.
        """
        with torch.no_grad():
            return run_strip(self.mix.float(), int(self.sample_rate), quick(strip))

    def at_loudness(self, strip: Sequence[Stage], lufs: float) -> tuple[Strip, float]:
        """Find the gain and the limiter that bring the whole to a loudness, and what is missing.

        Args:
            strip: The stages in front of them.
            lufs: The loudness in LUFS.

        Returns:
            Both stages, and how much is missing in LU.
        """
        rate = self.sample_rate
        with torch.no_grad():
            y = run_strip(self.mix.float(), int(rate), tuple(strip))
            gain_db = in_range(GAIN, "gain_db", lufs - measure_loudness(y, rate).item())
            for _ in range(TURNS):
                limited = run_strip(y * db_to_gain(gain_db), int(rate), quick((LIMITER_STAGE,)))
                missed_lu = lufs - measure_loudness(limited, rate).item()
                if abs(missed_lu) < NEAR_LU:
                    break
                gain_db = in_range(GAIN, "gain_db", gain_db + OVER * missed_lu)
        return (Stage(GAIN, {"gain_db": round(gain_db, 2)}), LIMITER_STAGE), missed_lu


def quick(strip: Sequence[Stage]) -> Strip:
    """Let limiters keep samples alone, which takes about as much loudness in a tenth of the time.

    Args:
        strip: The stages.

    Returns:
        The stages, with no limiter of true peaks.
    """
    return tuple(
        stage._replace(settings={**stage.settings, "true_peak": False})
        if stage.processor is LIMITER
        else stage
        for stage in strip
    )


def _width(width: float, share: float, wanted: float) -> float:
    """The likeliest width, where another one has led to a share of the side.

    The powers of mid and side follow from the share, and the distance and the price from each
    width.
    """
    at_one = share / max(width, 1e-3) ** 2
    side = at_one * WIDTHS.square()
    missing = (side / (side + 1 - share) - wanted) / GROUPS["image"].just_told
    loss = GROUPS["image"].weight * torch.log1p(missing.square())
    loss += 0.5 * ((WIDTHS - 1.0) / BELIEFS["width"].spread).square()
    return WIDTHS[loss.argmin()].item()
