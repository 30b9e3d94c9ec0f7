"""Convolution with a response of any length, of a whole signal or block by block.

The output of a block needs as much of the past as the response is long. For a long block that past
is transformed along with it. For short ones, what the past alone gives the next `PARTITION`
samples is worked out ahead, once for all of them, and each block adds what came in since then,
which meets only the beginning of the response (W. G. Gardner, "Efficient convolution without
input-output delay", JAES 43(3), 1995, with one partition).
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp.functional._memory import Memory
from dasp.signal.fftconv import Response, fft_convolve, transform_response

PARTITION = 2**13
"""Samples that are worked out ahead, and blocks that are long."""


def convolved(x: Tensor, response: Tensor, memory: Memory) -> Tensor:
    """Convolve `x` `(..., time)` with `response` `(..., taps)`; what sounds after `x` is cut."""
    if memory.whole:
        return fft_convolve(x, response)
    taps, time = response.shape[-1], x.shape[-1]
    past = memory.get("past")
    if past is None:
        past = x.new_zeros(*x.shape[:-1], taps - 1)
    past = nnf.pad(past, (taps - 1 - past.shape[-1], 0))  # of another length: the newest
    signal = torch.cat((past, x), -1)
    memory.keep("past", signal[..., time:])

    ahead = memory.get("ahead")

    def transform() -> Response:
        nonlocal ahead
        ahead = None  # which is of another response
        return transform_response(response.to(torch.promote_types(x.dtype, response.dtype)), size)

    # Powers of two, so that blocks of about the same length share the transform of the response.
    size = max(PARTITION, 1 << max(0, time - 1).bit_length())
    spectrum = memory.once("spectrum", transform, response, size)
    if time >= PARTITION or taps <= PARTITION:
        return fft_convolve(signal, spectrum, start=taps - 1)
    if ahead is None or ahead.shape[-1] < time:
        ahead = fft_convolve(nnf.pad(past, (0, PARTITION)), spectrum, start=taps - 1)
    since = PARTITION - ahead.shape[-1]
    recent = signal[..., taps - 1 - since :]
    y = ahead[..., :time] + fft_convolve(recent, response[..., :PARTITION], start=since)
    memory.keep("ahead", ahead[..., time:])
    return y
