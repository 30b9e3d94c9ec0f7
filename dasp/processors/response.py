"""What a linear processor does to each frequency, measured by an impulse in float64."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range, checked_sample_rate
from dasp.functional._processor import Processor
from dasp.signal._shapes import broadcast_shapes

RING_S, LONGEST_S = 4.0, 64.0
"""How long a response is heard at first, and at most."""

SILENT = 1e-24
"""The energy in the second half of a response, over that in all of it, under which it has ended."""

ALIKE = 1e-6
"""How far two responses may be from each other, over the largest sample, and be the same."""

LATER_S = (0.0613, 0.0831)
"""How much later the same noise comes, to see whether a response moves: no period divides both."""

_BLOCK = 1024


def frequency_response(
    processor: Processor,
    sample_rate: float,
    freqs_hz: Tensor | Sequence[float] | int,
    /,
    *,
    channels: int = 1,
    **settings: Any,
) -> Tensor:
    """Measure the frequency response of a linear processor.

    The response is the spectrum of what follows an impulse on all channels alike, which is heard
    until it has ended. Differentiable in the settings.

    Args:
        processor: The processor, or a chain.
        sample_rate: In Hz.
        freqs_hz: Frequencies in Hz, 0 or more, `(frequencies,)`; or how many, 2 or more, in equal
            steps from 0 to half the sample rate.
        channels: Channels of the impulse, 1 or more.
        **settings: Values by keyword; those that are left out have their declared defaults.

    Returns:
        Complex gains `(*batch, channels, frequencies)` in complex128. A processor that makes stereo
        of mono has two channels; one whose settings are tensors has their batch.

    Raises:
        ValueError: If the processor is not linear at its settings, its response moves over time,
            does not end within 64 s, or an argument is outside its range.

    >>> from dasp.processors.catalogue import LOW_PASS
    >>> response = frequency_response(LOW_PASS, 44_100, [0.0, 1000.0], freq_hz=1000.0)
    >>> [round(gain, 3) for gain in response.abs()[0].tolist()]
    [1.0, 0.707]
    """
    rate = checked_sample_rate(sample_rate)
    check_range("channels", channels, low=1)
    omega = 2 * torch.pi * _frequencies(freqs_hz, rate) / rate
    if not is_linear(processor, rate, channels=channels, **settings):
        raise ValueError(f"{processor.name}: is not linear at these settings, no response is its")
    if moves(processor, rate, channels=channels, **settings):
        raise ValueError(f"{processor.name}: its response moves over time, no single one is its")
    seconds = _ringing_s(processor, rate, channels, settings)
    return _spectrum(
        impulse_response(processor, rate, seconds, channels=channels, **settings), omega
    )


def impulse_response(
    processor: Processor,
    sample_rate: float,
    seconds: float,
    /,
    *,
    channels: int = 1,
    at_s: float = 0.0,
    **settings: Any,
) -> Tensor:
    """Measure what follows an impulse on all channels alike.

    Args:
        processor: The processor, or a chain.
        sample_rate: In Hz.
        seconds: Length of the response, above 0.
        channels: Channels of the impulse, 1 or more.
        at_s: Seconds of silence before the impulse, 0 or more.
        **settings: Values by keyword; those that are left out have their declared defaults.

    Returns:
        The response from the impulse on, `(*batch, channels, time)` in float64.

    Raises:
        ValueError: If an argument is outside its range.

    >>> from dasp.processors.catalogue import DELAY
    >>> impulse_response(DELAY, 1000, 0.004, time_ms=2.0, feedback=0.0, mix=1.0)
    tensor([[0., 0., 1., 0.]], dtype=torch.float64)
    """
    rate = checked_sample_rate(sample_rate)
    check_range("seconds", seconds, above=0.0)
    check_range("channels", channels, low=1)
    check_range("at_s", at_s, low=0.0)
    start = round(at_s * rate)
    shape = (*_batch(processor, settings), channels, start + max(1, round(seconds * rate)))
    x = torch.zeros(shape, dtype=torch.float64)
    x[..., start] = 1
    return processor(x, rate, **settings)[..., start:]


def is_linear(
    processor: Processor, sample_rate: float, /, *, channels: int = 2, **settings: Any
) -> bool:
    """Tell whether a processor is linear at its settings.

    Args:
        processor: The processor, or a chain.
        sample_rate: In Hz.
        channels: Channels of the noise that is heard, 1 or more.
        **settings: Values by keyword; those that are left out have their declared defaults.

    Returns:
        True if soft, normal and far too loud noise come out alike.

    Raises:
        ValueError: If an argument is outside its range.

    >>> from dasp.processors.catalogue import COMPRESSOR, GAIN
    >>> is_linear(GAIN, 8000), is_linear(COMPRESSOR, 8000)
    (True, False)
    """
    rate = checked_sample_rate(sample_rate)
    check_range("channels", channels, low=1)
    noise = _noise(processor, rate, channels, settings)
    with torch.no_grad():
        soft, normal, loud = (
            processor(gain * noise, rate, **settings) / gain for gain in (1e-4, 1e-2, 10.0)
        )
    return _alike(soft, normal) and _alike(loud, normal)


def moves(
    processor: Processor, sample_rate: float, /, *, channels: int = 1, **settings: Any
) -> bool:
    """Tell whether the response of a linear processor moves over time, as that of a chorus does.

    Args:
        processor: The processor, or a chain.
        sample_rate: In Hz.
        channels: Channels of the noise that is heard, 1 or more.
        **settings: Values by keyword; those that are left out have their declared defaults.

    Returns:
        True if the same noise comes out differently when it comes later.

    >>> from dasp.processors.catalogue import CHORUS, DELAY
    >>> moves(CHORUS, 8000), moves(DELAY, 8000)
    (True, False)
    """
    rate = checked_sample_rate(sample_rate)
    noise = _noise(processor, rate, channels, settings)
    starts = [round(later_s * rate) for later_s in LATER_S]
    with torch.no_grad():
        at_once = processor(noise, rate, **settings)
        later = [
            processor(nnf.pad(noise, (start, 0)), rate, **settings)[..., start:] for start in starts
        ]
    return not all(_alike(y, at_once) for y in later)


def _alike(x: Tensor, y: Tensor) -> bool:
    return bool((x - y).abs().amax() <= ALIKE * y.abs().amax())


def _noise(processor: Processor, rate: float, channels: int, settings: dict) -> Tensor:
    shape = (*_batch(processor, settings), channels, round(rate / 4))
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _ringing_s(processor: Processor, rate: float, channels: int, settings: dict) -> float:
    """Seconds within which a response ends."""
    seconds = RING_S
    while seconds <= LONGEST_S:
        with torch.no_grad():
            response = impulse_response(processor, rate, seconds, channels=channels, **settings)
        energy = response.square()
        if energy[..., energy.shape[-1] // 2 :].sum() <= SILENT * energy.sum():
            return seconds
        seconds *= 2
    raise ValueError(f"{processor.name}: rings for longer than {LONGEST_S:g} s")


def _spectrum(response: Tensor, omega: Tensor) -> Tensor:
    """The spectrum at angles per sample, `(..., frequencies)`: block by block, and then of blocks.

    It is exact at any frequency, in the memory of one block.
    """
    time = response.shape[-1]
    blocks = nnf.pad(response, (0, -time % _BLOCK)).unflatten(-1, (-1, _BLOCK))
    within = torch.exp(-1j * omega * torch.arange(_BLOCK)[:, None])
    starts = torch.exp(-1j * omega * (_BLOCK * torch.arange(blocks.shape[-2]))[:, None])
    return ((blocks.to(within.dtype) @ within) * starts).sum(-2)


def _frequencies(freqs_hz: Tensor | Sequence[float] | int, rate: float) -> Tensor:
    if isinstance(freqs_hz, int):
        check_range("freqs_hz", freqs_hz, low=2)
        return torch.linspace(0, rate / 2, freqs_hz, dtype=torch.float64)
    freqs = torch.as_tensor(freqs_hz, dtype=torch.float64).cpu()
    if freqs.ndim != 1:
        raise ValueError(f"freqs_hz: expected shape (frequencies,), got {tuple(freqs.shape)}")
    check_range("freqs_hz", freqs, low=0.0)
    return freqs


def _batch(processor: Processor, settings: dict[str, Any]) -> torch.Size:
    """The batch of the settings: the shape of one parameter, without its bands."""
    shapes = []
    for param in processor.params:
        value = settings.get(param.name)
        if isinstance(value, Tensor):
            shapes.append(value.shape[:-1] if param.bands else value.shape)
    return broadcast_shapes(*shapes)
