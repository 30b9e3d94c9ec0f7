"""A recursive filter approximated by sampling its frequency response."""

import torch
from torch import Tensor

from dasp._checks import check_signal
from dasp.signal.biquad import frequency_response
from dasp.signal.fft import irfft, rfft
from dasp.signal.fftconv import fast_fft_length


def sosfilt_frequency_sampled(x: Tensor, sos: Tensor) -> Tensor:
    """Filter `x` through second-order sections by multiplication of spectra, approximately.

    The spectrum of `x`, on a grid of N >= 2 time points, is multiplied by the response of the
    cascade there. Sampling the response folds the endless impulse response h in time: what should
    come after N samples sounds from the start, also before the first input. The error is at most
    max|x| sum |h[n]| over n > N - time. It vanishes for a filter that dies away within the
    signal, and grows with the radius of the poles: expect it with a high-pass of a few hertz or a
    narrow peak on a short signal. `sosfilt` is exact; many libraries filter as this function
    does, which serves comparison.

    Args:
        x: Signal `(..., time)`.
        sos: Sections `(..., sections, 6)` in SciPy's order.

    Returns:
        The output, of the shape of `x`.

    Raises:
        ValueError: If `x` is not floating point, or `sos` is complex.

    >>> from dasp.signal.biquad import design_low_pass
    >>> from dasp.signal.iir import sosfilt
    >>> x, sos = torch.randn(1, 4000), design_low_pass(1000.0, 48_000)
    >>> torch.allclose(sosfilt_frequency_sampled(x, sos), sosfilt(x, sos)[0], atol=1e-4)
    True
    """
    check_signal("x", x)
    time = x.shape[-1]
    dtype = torch.promote_types(x.dtype, torch.float32)
    size = fast_fft_length(2 * max(time, 1))
    # On a scale where the sample rate is `size`, the bins are the whole numbers.
    response = frequency_response(sos, torch.arange(size // 2 + 1, device=x.device), size)
    spectrum = rfft(x.to(dtype), size)
    return irfft(spectrum * response.to(spectrum.dtype), size)[..., :time].to(x.dtype)
