"""Windowed-sinc resampling between any two rates, of a whole signal or of one in blocks.

The signal is rebuilt by a low-pass whose impulse response is a sinc under a Kaiser window, and
read at the new instants. The taps that an output needs depend only on where it falls between
input samples, which repeats after `up` outputs and `down` inputs where up / down is the reduced
ratio of the rates. So a block of outputs is one window of inputs times one matrix, and the
matrices of a period are kept for the next call.

Where a period is too long for that, the signal is brought to two to four times the lower rate by
a simple ratio with the same low-pass. No frequency of it then reaches half of Nyquist, and
a filter of a dozen taps, read from a table between two of its rows, is enough for any instant.

Sources: J. O. Smith and P. Gossett, "A flexible sampling-rate conversion method", 1984; for the
window and its length J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window
function", 1974.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_choice, check_range, check_signal, is_plain
from dasp.signal._operator import opaque


class Quality(NamedTuple):
    """Design goals of a low-pass, by Kaiser's formulae.

    Args:
        pass_band: Share of the lower Nyquist frequency that passes unchanged.
        rejection_db: Attenuation in the stop band, in dB.
        stop_band: Start of the stop band, relative to the lower Nyquist frequency.
    """

    pass_band: float
    """The share of the lower Nyquist frequency that passes unchanged."""

    rejection_db: float
    """How far down the filter is from its stop band on."""

    stop_band: float = 1.0
    """Where that begins, in lower Nyquist frequencies."""

    @property
    def cutoff(self) -> float:
        """The middle between the ends of the pass band and the stop band."""
        return (self.pass_band + self.stop_band) / 2

    @property
    def beta(self) -> float:
        """The shape parameter of the Kaiser window."""
        return 0.1102 * (self.rejection_db - 8.7)

    @property
    def half_width(self) -> float:
        """Half of the length of the filter, in samples of the lower rate."""
        transition = self.stop_band - self.pass_band
        return (self.rejection_db - 7.95) / (2 * 2.285 * math.pi * transition)

    def between(self) -> "Quality":
        """Relax the goals for a signal that ends at half of its Nyquist frequency.

        Returns:
            The same rejection, with a pass band up to 0.5 and a stop band from 1.5.
        """
        return self._replace(pass_band=0.5, stop_band=1.5)


QUALITIES = {
    "standard": Quality(0.9, 105.0),
    "high": Quality(0.95, 126.0),
    "best": Quality(0.97, 172.0),
}
"""Flat within 0.001 dB to 0.9, 0.95 and 0.97 of the lower Nyquist frequency, and at least 100,
120 and 165 dB down from there on: 135, 329 and 762 taps in samples of the lower rate.
Those above the standard are reckoned in float64; a float32 result is rounded at about -145 dB."""

HALF_WIDTH = QUALITIES["standard"].half_width
REACH = math.ceil(HALF_WIDTH)
"""Samples of the lower rate that an output of standard quality hears on either side."""

BLOCK = 128
"""Outputs of one matrix, at most. Wider ones hold more zeros, narrower ones copy more inputs."""

LARGEST_MATRIX = 2**21
"""Numbers; a filter that reaches far is worth fewer outputs to a matrix."""

LONGEST_PERIOD = 2**18
"""Taps of a period. With more, they are interpolated."""

AT_ONCE = 2**16
"""Outputs that are interpolated at once: their taps stay small."""

KEPT = 16
"""Designs that are remembered."""


def resample(x: Tensor, from_rate: float, to_rate: float, *, quality: str = "standard") -> Tensor:
    """Resample `x` to another rate, without delay.

    Zeros are taken to stand before and after the signal. Differentiable; the filter of a pair of
    rates is kept for the next call.

    Args:
        x: Signal `(..., time)`.
        from_rate: Rate of `x`, any positive number.
        to_rate: The new rate. The ratio of the two is taken for the nearest fraction with a
            denominator up to 100,000. `resample(x, 1, 4)` oversamples four times, and
            `resample(x, 4, 1)` comes back.
        quality: Pass band, as a share of the lower Nyquist frequency, and rejection of images and
            aliases. "standard": within 0.001 dB up to 0.9, and 100 dB down. "high": up to 0.95, and
            120 dB down, at 2.4 times the work. "best": up to 0.97, and 165 dB down, at 5.6 times.
            The last two compute in float64; a float32 result is rounded at about -145 dB.

    Returns:
        The signal `(..., ceil(time * to_rate / from_rate))`; sample 0 stays where it is. The same
        rate returns `x` itself.

    Raises:
        ValueError: If a rate is not positive, the ratio is under 1e-5, or the quality unknown.

    >>> resample(torch.zeros(2, 44_100), 44_100, 48_000).shape
    torch.Size([2, 48000])
    """
    check_signal("x", x)
    filter_ = _Filter.between(from_rate, to_rate, quality)
    if filter_.up == filter_.down or x.shape[-1] == 0:
        return x
    return _resampled(x, filter_.up, filter_.down, quality)


@opaque(
    "(Tensor x, int up, int down, str quality) -> Tensor",
    lambda x, up, down, _: x.new_empty(*x.shape[:-1], _ceil_div(x.shape[-1] * up, down)),
)
def _resampled(x: Tensor, up: int, down: int, quality: str) -> Tensor:
    time = _ceil_div(x.shape[-1] * up, down)
    return _Filter(up, down, QUALITIES[quality]).read(x, 0, 0, time)


def resample_part(
    read: Callable[[int, int], Tensor],
    from_rate: float,
    to_rate: float,
    start: int,
    stop: int,
    *,
    quality: str = "standard",
) -> Tensor:
    """Resample a part of a signal, and read no more input than that part needs.

    Args:
        read: `read(first, last)` returns these samples of the signal, `(..., time)`, or as many of
            them as there are; `first` is 0 or more.
        from_rate: Rate of the signal, any positive number.
        to_rate: Rate of the result, as for `resample`.
        start: First sample of the result, 0 or more.
        stop: The sample of the result before which it ends.
        quality: As for `resample`.

    Returns:
        Samples `start` to `stop` of the resampled signal.

    Raises:
        ValueError: If a rate is not positive, the ratio is under 1e-5, or the quality unknown.

    >>> x = torch.randn(1, 1000)
    >>> part = resample_part(lambda a, b: x[:, a:b], 44_100, 48_000, 500, 600)
    >>> torch.allclose(part, resample(x, 44_100, 48_000)[:, 500:600], atol=1e-6)
    True
    """
    filter_ = _Filter.between(from_rate, to_rate, quality)
    first, last = filter_.heard(start, stop)
    x = read(first, last)
    return x if filter_.up == filter_.down else filter_.read(x, first, start, stop)


def resample_blocks(
    blocks: Iterable[Tensor], from_rate: float, to_rate: float, *, quality: str = "standard"
) -> Iterator[Tensor]:
    """Resample a signal that comes in blocks.

    Each output sample comes with the block that holds the last input that it depends on, at most
    `REACH` samples of the lower rate later for the standard quality; the rest comes after the
    end. All results together are those of the whole signal.

    Args:
        blocks: Blocks `(..., time)` of any lengths.
        from_rate: Rate of the signal, any positive number.
        to_rate: Rate of the result, as for `resample`.
        quality: As for `resample`.

    Yields:
        Blocks `(..., time)` of the resampled signal.

    Raises:
        ValueError: If a rate is not positive, the ratio is under 1e-5, or the quality unknown.

    >>> x = torch.randn(1, 1000)
    >>> y = torch.cat(list(resample_blocks(x.split(300, -1), 44_100, 48_000)), -1)
    >>> torch.allclose(y, resample(x, 44_100, 48_000), atol=1e-5)
    True
    """
    filter_ = _Filter.between(from_rate, to_rate, quality)
    up, down = filter_.up, filter_.down
    if up == down:
        yield from blocks
        return
    signal, first, given = None, 0, 0  # the first input that is left, and outputs that were given
    for block in blocks:
        signal = block if signal is None else torch.cat((signal, block), -1)
        known = first + signal.shape[-1] - filter_.reach  # inputs around which all is there
        done = max(given, _ceil_div(known * up, down))
        if done > given:
            yield filter_.read(signal, first, given, done)
        given = done
        left = max(first, min(filter_.heard(given, given + 1)[0], first + signal.shape[-1]))
        signal, first = signal[..., left - first :], left
    if signal is not None:
        end = _ceil_div((first + signal.shape[-1]) * up, down)
        yield filter_.read(signal, first, given, end)


class _Filter(NamedTuple):
    """The way from one rate to another: `up` outputs for `down` inputs."""

    up: int
    down: int
    quality: Quality

    @classmethod
    def between(cls, from_rate: float, to_rate: float, quality: str) -> "_Filter":
        check_range("from_rate", from_rate, above=0.0, below=math.inf)
        check_range("to_rate", to_rate, above=0.0, below=math.inf)
        check_choice("quality", quality, QUALITIES)
        ratio = Fraction(to_rate / from_rate).limit_denominator(100_000)
        if ratio == 0:
            raise ValueError(
                f"to_rate: expected at least 1e-5 of from_rate, {from_rate}, got {to_rate}"
            )
        return cls(ratio.numerator, ratio.denominator, QUALITIES[quality])

    @property
    def nyquist(self) -> float:
        """The lower Nyquist frequency, where that of the input is 1."""
        return min(1.0, self.up / self.down)

    def grid(self, up: int, down: int) -> "Grid":
        """The low-pass, read `up` times for `down` inputs."""
        return Grid(up, down, self.quality, self.nyquist)

    @property
    def sharp_reach(self) -> int:
        """Number of inputs on either side that the low-pass covers."""
        return self.grid(1, 1).reach

    @property
    def is_periodic(self) -> bool:
        """Whether the taps of all outputs of a period are few enough to be kept."""
        return self.up * (2 * self.sharp_reach + 1) <= LONGEST_PERIOD

    @property
    def between_rates(self) -> tuple[int, int]:
        """The simple ratio to a rate of two to four times the lower one."""
        return (2, 1) if self.up * 2 >= self.down else (1, self.down // (2 * self.up))

    @property
    def short_half(self) -> int:
        """Half of the taps of the interpolator, which closes from 0.5 to 1.5 Nyquist."""
        return math.ceil(self.quality.between().half_width)

    @property
    def reach(self) -> int:
        """Number of inputs on either side that an output depends on."""
        if self.is_periodic:
            return self.sharp_reach
        up, down = self.between_rates
        return self.sharp_reach + _ceil_div(self.short_half * down, up) + 1

    def heard(self, start: int, stop: int) -> tuple[int, int]:
        """The range of inputs that a range of outputs depends on."""
        if self.up == self.down:
            return start, stop
        first = start * self.down // self.up - self.reach
        return max(0, first), max(0, (stop - 1) * self.down // self.up + self.reach + 1)

    def read(self, x: Tensor, first: int, start: int, stop: int) -> Tensor:
        """Outputs `start` to `stop`, of which `x` has the inputs from `first` on."""
        check_signal("x", x)
        # Sums of float32 leave -117 dB of rounding.
        least = torch.float32 if self.quality.rejection_db < 110 else torch.float64
        signal = x.to(torch.promote_types(x.dtype, least))
        if self.is_periodic:
            y = read_periodic(signal, first, start, stop, self.grid(self.up, self.down))
        else:
            y = self._interpolated(signal, first, start, stop)
        return y.to(x.dtype)

    def _interpolated(self, x: Tensor, first: int, start: int, stop: int) -> Tensor:
        up, down = self.between_rates
        # Output m is at sample m step / size of the rate between.
        step, size, half = self.down * up, self.up * down, self.short_half
        begin = start * step // size - half + 1
        end = (stop - 1) * step // size + half + 1
        fine = read_periodic(x, first, begin, end, self.grid(up, down))
        table = _short_table(self.quality, x)
        parts = []
        for m in range(start, stop, AT_ONCE):
            place = torch.arange(m, min(stop, m + AT_ONCE), device=x.device) * step
            whole = torch.div(place, size, rounding_mode="floor")
            row = (place - whole * size).double() * ((table.shape[-1] - 1) / size)
            above = row.long().clamp(max=table.shape[-1] - 2)
            share, oldest = (row - above).to(table.dtype), whole - half + 1 - begin
            y = fine.new_zeros(len(place))
            for k in range(2 * half):
                tap = torch.lerp(table[k].take(above), table[k].take(above + 1), share)
                y = torch.addcmul(y, tap, fine.index_select(-1, oldest + k))
            parts.append(y)
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]


class Grid(NamedTuple):
    """The instants m * down / up + offset of a signal, and the low-pass that is read there.

    Args:
        up: Number of instants in a period.
        down: Number of input samples in a period.
        quality: Design goals of the low-pass.
        nyquist: Nyquist frequency of the low-pass, relative to that of the input.
        offset: The first instant, in input samples.
    """

    up: int
    down: int
    quality: Quality
    nyquist: float = 1.0
    offset: float = 0.0

    @property
    def reach(self) -> int:
        """Number of inputs on either side that an output depends on."""
        return math.ceil(self.quality.half_width / self.nyquist)


class _Matrix(NamedTuple):
    """Outputs `start` to `stop` of a period are the inputs from `first` on, times `taps`."""

    start: int
    stop: int
    first: int
    taps: Tensor


def read_periodic(x: Tensor, first: int, start: int, stop: int, grid: Grid) -> Tensor:
    """Compute the low-passed signal at the instants of a periodic grid.

    Args:
        x: Inputs `(..., time)` from sample `first` on.
        first: The sample of the signal at which `x` begins.
        start: First instant of the grid.
        stop: The instant before which the result ends.
        grid: The rates, the quality and the offset of the instants.

    Returns:
        The signal at the instants, `(..., stop - start)`.
    """
    matrices = _kept(("periodic", grid, x.dtype, x.device), lambda: _design(grid, x))
    outputs = matrices[-1].stop
    inputs = outputs * grid.down // grid.up
    parts: list[Tensor] = []
    while start < stop or not parts:
        period, offset = divmod(start, outputs)
        # A part of a period, or whole periods of which the last runs over.
        whole = offset == 0 or len(matrices) == 1
        end = stop if whole else min(stop, (period + 1) * outputs)
        periods = max(1, _ceil_div(end, outputs) - period)
        used = matrices
        if periods == 1:
            used = [m for m in matrices if m.start < end - period * outputs and m.stop > offset]
            used = used or matrices[:1]
        earliest = period * inputs + used[0].first
        latest = (period + periods - 1) * inputs + used[-1].first + len(used[-1].taps)
        signal = nnf.pad(x, (first - earliest, latest - first - x.shape[-1]))
        blocks = [
            signal[..., m.first - used[0].first :].unfold(-1, len(m.taps), inputs)[..., :periods, :]
            @ m.taps
            for m in used
        ]
        before = period * outputs + used[0].start
        y = torch.cat(blocks, -1).flatten(-2)
        parts.append(y[..., start - before : end - before])
        start = end
    return torch.cat(parts, -1) if len(parts) > 1 else parts[0]


def _design(grid: Grid, x: Tensor) -> list[_Matrix]:
    """The matrices of a period, or of more if it is short, in the type and on the device of `x`."""
    up, down, reach = grid.up, grid.down, grid.reach
    block = BLOCK
    while block > 8 and block * (block * down // up + 2 * reach) > LARGEST_MATRIX:
        block //= 2
    while block > 32 and block * down > 4 * reach * up:  # of a short filter
        block //= 2
    outputs = up * max(1, block // up)
    size = _ceil_div(outputs, _ceil_div(outputs, block))
    matrices = []
    for start in range(0, outputs, size):
        stop = min(start + size, outputs)
        # From `reach` inputs before the first instant to `reach` after the last.
        first = start * down // up - reach
        last = (stop - 1) * down // up + reach + math.ceil(grid.offset)
        instant = torch.arange(start, stop, dtype=torch.float64, device=x.device) * down / up
        sample = torch.arange(first, last + 1, dtype=torch.float64, device=x.device)
        distance = instant + grid.offset - sample[:, None]
        taps = _windowed_sinc(distance, grid.quality, grid.nyquist)
        matrices.append(_Matrix(start, stop, first, taps.to(x.dtype)))
    return matrices


def _short_table(quality: Quality, x: Tensor) -> Tensor:
    """Taps of the interpolator `(taps, places)` for places that divide a sample evenly.

    Between two of them a straight line is off by 1/8 of the second derivative, pi^2 / 3, over the
    square of their number, which is brought 10 dB below the stop band.
    """
    short = quality.between()
    half = math.ceil(short.half_width)
    places = math.ceil(math.sqrt(math.pi**2 / 24 * 10 ** ((quality.rejection_db + 10) / 20)))

    def make() -> list[Tensor]:
        place = torch.linspace(0, 1, places + 1, dtype=torch.float64, device=x.device)
        tap = torch.arange(1 - half, half + 1, dtype=torch.float64, device=x.device)
        distance = place - tap[:, None]
        return [_windowed_sinc(distance, short, 1.0).to(x.dtype)]

    return _kept(("table", quality, x.dtype, x.device), make)[0]


def _windowed_sinc(t: Tensor, quality: Quality, nyquist: float) -> Tensor:
    """Impulse response `t` samples from its centre, where their Nyquist frequency is 1."""
    cutoff = nyquist * quality.cutoff
    u = (t * nyquist / quality.half_width).clamp(-1, 1)
    window = torch.special.i0(quality.beta * torch.sqrt(1 - u * u)) * (u.abs() < 1)
    return cutoff * torch.sinc(cutoff * t) * window / torch.special.i0(t.new_tensor(quality.beta))


_designs: dict[tuple, list] = {}


def _kept(key: tuple, make: Callable[[], list]) -> list:
    """Return `make()`, or the value of an earlier call with the same key.

    A value that a compiler or a transform follows is not kept: it is no tensor of numbers.
    """
    if torch.compiler.is_compiling():
        return make()
    design = _designs.get(key)
    if design is None:
        with torch.inference_mode(False), torch.no_grad():
            design = make()
        if is_plain(design[0][-1]):
            while len(_designs) >= KEPT:
                _designs.pop(next(iter(_designs)), None)  # the oldest
            _designs[key] = design
    return design


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
