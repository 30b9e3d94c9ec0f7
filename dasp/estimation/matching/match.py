"""A mix in the style of a reference: the settings of a mastering chain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import torch
from torch import Tensor

from dasp._checks import check_choice, check_range, checked_sample_rate
from dasp.estimation.adam import adam
from dasp.estimation.matching.equaliser import graphic_gains_db, likely_gains
from dasp.estimation.matching.mastering import DYNAMICS, Chain, mastering_chain
from dasp.estimation.matching.pieces import Heard, Whole, hear
from dasp.estimation.matching.style import (
    GROUPS,
    Style,
    counts,
    mean_style,
    measure_style,
    quick_lufs,
    style_distance,
    style_errors,
)
from dasp.estimation.matching.whole import LastLook, Settled, quick, trim_behind
from dasp.functional import limiter
from dasp.mixing.mixdown import run_strip
from dasp.mixing.roles import KNOWN_ROLES
from dasp.mixing.routing import as_stereo
from dasp.mixing.targets import CEILING_DB
from dasp.processors.chain import combined
from dasp.processors.stage import Stage
from dasp.units import db_to_gain

PIECES = 3
FIRST_STEPS, LAST_STEPS = 5, 16
RATE = 0.04

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Match:
    """What a match has found.

    Args:
        chain: The chain with its settings; `chain.run(x, sample_rate)` processes audio.
        before: How far the mix was from the references, group by group, in the unit of each.
        after: How far it is behind the chain.
        distance: The style distance before and after.
        styles: The styles of "mix", "reference" and "match".
        notes: What could not be matched, and why, for a person to read.

    >>> from dasp.processors.catalogue import GAIN
    >>> Match(Stage(GAIN, {"gain_db": 3.0}), {}, {}, (9.0, 1.0), {}, ()).distance
    (9.0, 1.0)
    """

    chain: Stage
    before: Mapping[str, float]
    after: Mapping[str, float]
    distance: tuple[float, float]
    styles: Mapping[str, Style]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        names = ", ".join(part.name for part in self.chain.processor.parts)
        return f"Match({names}; distance {self.distance[0]:.1f} to {self.distance[1]:.1f})"


def match(
    mix: Tensor,
    sample_rate: float,
    references: Tensor | Sequence[Tensor],
    *,
    amount: float = 1.0,
    dynamics: str = "single",
    role: str | None = None,
    weights: Mapping[str, float] | None = None,
    excerpt_s: float = 12.0,
    on_step: Progress = lambda distance: None,
) -> Match:
    """Find the settings of a mastering chain that bring a mix to the style of references.

    The chain is a graphic EQ, an expander, a compressor, a limiter for the peaks, balance and
    width, a gain, and a limiter at -1 dBTP.

    Args:
        mix: Audio `(channels, time)`, mono or stereo.
        sample_rate: Rate of all recordings in Hz, 8000 or more.
        references: One or more recordings `(channels, time)` of other music, in the wanted style;
            of several the mean is wanted.
        amount: How far to go from the mix, 0, to the style of the references, 1.
        dynamics: "single" for one compressor, "multiband" for three bands, "none" for neither.
        role: What the mix plays where it is a single stem, one of `dasp.mixing.roles.KNOWN_ROLES`.
            For a voice ("vocal", "backing vocal") what engineers do to voices is believed.
        weights: Factors on the weights of groups of the style, by name, 0 or more. With "encoder"
            the effect encoder listens as well, which doubles the time.
        excerpt_s: Seconds of a longer recording that are heard, where it is loudest, 1 or more.
        on_step: Called after each step with the smallest distance so far.

    Returns:
        The chain, and how far the mix was and is from the references.

    Raises:
        ValueError: If a recording is silent, shorter than 0.4 s, not finite or of more than two
            channels, or an argument is unknown or outside its range.

    >>> from dasp.analysis import measure_loudness
    >>> mix = 0.1 * torch.randn(2, 44_100)
    >>> found = match(mix, 44_100, 0.5 * mix, dynamics="none")
    >>> before, after = (measure_loudness(x, 44_100) for x in (mix, found.chain.run(mix, 44_100)))
    >>> -6.2 < (after - before).item() < -5.8
    True
    """
    sample_rate = checked_sample_rate(sample_rate)
    check_range("sample_rate", sample_rate, low=8000.0)
    check_range("amount", amount, low=0.0, high=1.0)
    check_range("excerpt_s", excerpt_s, low=1.0)
    check_choice("dynamics", dynamics, DYNAMICS)
    if role is not None:
        check_choice("role", role, KNOWN_ROLES)
    for name in weights or {}:
        check_choice("weights", name, GROUPS)
        check_range(f"weights[{name!r}]", (weights or {})[name], low=0.0)
    references = [references] if isinstance(references, Tensor) else list(references)
    if not references:
        raise ValueError("references: expected at least one recording, got none")
    names = (
        ["reference"]
        if len(references) == 1
        else [f"reference {i + 1}" for i in range(len(references))]
    )
    heard = partial(
        hear, sample_rate=sample_rate, seconds=excerpt_s, pieces=PIECES,
        encoder=counts("encoder", weights or {}) > 0,
    )  # fmt: skip
    own = heard(mix, name="mix")
    others = [
        heard(reference, name=name) for reference, name in zip(references, names, strict=True)
    ]
    wanted, whole = wanted_style(own, others), wanted_whole(own, others)
    believed = likely_gains(sample_rate, role)
    eq_db = graphic_gains_db(own.whole.spectrum, whole.spectrum, believed)
    begin = Settled(eq_db, trim_behind(mix, eq_db, sample_rate), torch.zeros(0))
    pieces = run_strip(own.pieces[:, : len(mix)], int(sample_rate), begin.front())
    chain = mastering_chain(pieces, sample_rate, dynamics=dynamics, role=role)
    search = _Search(chain, pieces, wanted, sample_rate, dict(weights or {}), on_step)
    look = LastLook(mix, sample_rate, chain, own.whole, whole, believed)
    found = look.settled(begin._replace(u=search.best()))
    strip = found.strip(chain, amount)
    lufs = own.whole.lufs + amount * (whole.lufs - own.whole.lufs)
    end, missed_lu = look.at_loudness(strip, lufs)
    return _told((*strip, *end), search, own, others, missed_lu)


def wanted_style(own: Heard, others: Sequence[Heard]) -> dict[str, Tensor]:
    """Find the style to reach: that of the references, and of the mix where they say nothing.

    Args:
        own: The mix.
        others: The references.

    Returns:
        The numbers of each group.
    """
    wanted = mean_style([other.style for other in others])
    stereo = [other.style for other in others if not other.mono]
    for name in ("width", "image"):
        wanted[name] = mean_style(stereo)[name] if stereo and not own.mono else own.style[name]
    if not stereo or own.mono:
        bands = wanted["bark"].shape[-1] // 2
        side = own.style["bark"][..., bands:] - own.style["bark"][..., :bands]
        wanted["bark"] = torch.cat(
            (wanted["bark"][..., :bands], wanted["bark"][..., :bands] + side), -1
        )
    return wanted


def wanted_whole(own: Heard, others: Sequence[Heard]) -> Whole:
    """Find what the whole of a recording is to measure: the mean of the references.

    Args:
        own: The mix.
        others: The references.

    Returns:
        What it is to measure.
    """
    wholes = [other.whole for other in others]
    shares = [other.whole.side_share for other in others if not other.mono]
    return Whole(
        fmean(whole.lufs for whole in wholes),
        torch.stack([whole.spectrum for whole in wholes]).mean(0),
        fmean(whole.crest_db for whole in wholes),
        fmean(shares) if shares and not own.mono else own.whole.side_share,
    )


@dataclass(frozen=True)
class _Search:
    """The search for the controls of a chain, on pieces `(pieces, channels, time)`."""

    chain: Chain
    pieces: Tensor
    wanted: Style
    sample_rate: float
    weights: Mapping[str, float]
    on_step: Progress

    def best(self) -> Tensor:
        """The controls with the least distance and price, of all starts."""
        starts = self.chain.starts
        if not self.chain.knobs.size:
            return starts[0]

        def note(least: Tensor) -> None:
            self.on_step(least.min().item())

        found = adam(self.loss, starts, steps=FIRST_STEPS, rate=RATE, on_step=note)
        with torch.no_grad():
            best = found[self.loss(found).argmin()][None]
        return adam(self.loss, best, steps=LAST_STEPS, rate=RATE, on_step=note)[0]

    def loss(self, u: Tensor) -> Tensor:
        """Distance and price of each start, `(starts,)`."""
        return self.distance(u) + self.chain.prior.price(u)

    def distance(self, u: Tensor) -> Tensor:
        """The style distance of each start, `(starts,)`."""
        style = measure_style(self.heard(u), self.sample_rate, encoder="encoder" in self.wanted)
        mean = {name: values.mean(1) for name, values in style.items()}
        return style_distance(mean, self.wanted, self.weights)

    def heard(self, u: Tensor) -> Tensor:
        """What the pieces sound like behind the chain, `(starts, pieces, 2, time)`."""
        x = self.pieces.expand(len(u), -1, -1, -1)
        settings = {
            name: value[:, None] if isinstance(value, Tensor) else value
            for name, value in self.chain.knobs.settings(u).items()
        }
        y = self.chain.processor(x, self.sample_rate, **settings)
        return self.at_level(y.expand(-1, -1, 2, -1))

    def at_level(self, y: Tensor) -> Tensor:
        """Audio at the wanted loudness, behind a limiter."""
        lufs = quick_lufs(y, self.sample_rate)
        gain_db = (self.wanted["loudness"] - lufs.mean(1, keepdim=True))[..., None, None]
        return limiter(
            y * db_to_gain(gain_db), self.sample_rate, ceiling_db=CEILING_DB, release_ms=100.0
        )


def _told(
    strip: Sequence[Stage],
    search: _Search,
    own: Heard,
    others: Sequence[Heard],
    missed_lu: float,
) -> Match:
    """What was found, and what of the references was not reached."""
    wanted, rate = search.wanted, search.sample_rate
    with torch.no_grad():
        behind = torch.stack([
            as_stereo(run_strip(piece[: search.pieces.shape[-2]], int(rate), quick(strip)))
            for piece in own.pieces
        ])  # fmt: skip
        styles = measure_style(behind, rate, encoder="encoder" in wanted)
    found = {name: values.mean(0) for name, values in styles.items()}
    before, after = style_errors(own.style, wanted), style_errors(found, wanted)
    distance = [
        style_distance(style, wanted, search.weights).item() for style in (own.style, found)
    ]
    notes = [note for heard in (own, *others) for note in heard.notes]
    notes += _not_reached(found, wanted, after, missed_lu)
    return Match(
        combined("chain", strip),
        before,
        after,
        (distance[0], distance[1]),
        {"mix": own.style, "reference": wanted, "match": found},
        tuple(notes),
    )


def _not_reached(
    found: Style, wanted: Style, after: Mapping[str, float], missed_lu: float
) -> list[str]:
    notes = []
    if abs(missed_lu) > GROUPS["loudness"].just_told:
        notes.append(
            f"loudness: {missed_lu:+.1f} LU are missing; the limiter or the range of the gain "
            "stand against them"
        )
    if after["crest"] > 2 * GROUPS["crest"].just_told:
        own, other = found["crest"].item(), wanted["crest"].item()
        notes.append(
            f"crest factor: {own:.1f} dB, and {other:.1f} of the reference; more would take "
            "immoderate settings, or peaks over the ceiling"
        )
    if after["image"] > 2 * GROUPS["image"].just_told:
        (own, _), (other, _) = (style["image"].tolist() for style in (found, wanted))
        notes.append(
            f"width: a side of {own:.0%} of the energy, and {other:.0%} of the reference; a "
            "widener makes no side where there is none"
        )
    return notes
