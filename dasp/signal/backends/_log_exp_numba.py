"""Logarithm and exponential of which a compiler takes many at once, unlike those of C.

Both are within two units in the last place of float64; for numbers that come from float32, or go
to it, what that cannot tell apart is left out.
"""

import math

import numpy as np

from dasp.signal.backends._compiled import compiled

_1, _3, _5, _7, _9, _11, _13, _15, _17, _19, _21 = (2 / k / math.log(2) for k in range(1, 22, 2))
_E0, _E1, _E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11, _E12, _E13 = (
    math.log(2) ** k / math.factorial(k) for k in range(14)
)
_HALF_ROOT_2 = 0x3FE6A09E667F3BCD
_ONE = 0x3FF0000000000000
_SINGLE_HALF_ROOT_2 = np.int32(0x3F3504F3)
_SINGLE_1, _SINGLE_3, _SINGLE_5, _SINGLE_7 = map(np.float32, (_1, _3, _5, _7))
_ROUNDS_TO_INTEGER = 1.5 * 2.0**52
"""Added to a number, it leaves no place for a fraction, and the integer in the lowest bits."""


@compiled(error_model="numpy", fastmath={"contract"}, kept=False)
def log2(x):
    """Of a positive, normal number: x = 2^e m with m around 1, and the series of artanh for m."""
    bits = np.float64(x).view(np.int64)
    e = (bits - _HALF_ROOT_2) >> 52
    m = np.int64(bits - (e << 52)).view(np.float64)
    s = (m - 1) / (m + 1)
    t = s * s
    series = _15 + t * (_17 + t * (_19 + t * _21))
    series = _1 + t * (_3 + t * (_5 + t * (_7 + t * (_9 + t * (_11 + t * (_13 + t * series))))))
    return e + s * series if x == x else np.float64(x)


@compiled(error_model="numpy", fastmath={"contract"}, kept=False)
def log2_parts(x):
    """The same in float32: e, and the logarithm of m, which a sum in float32 would round."""
    bits = np.float32(x).view(np.int32)
    e = np.int32(bits - _SINGLE_HALF_ROOT_2) >> np.int32(23)
    m = np.int32(bits - np.int32(e << np.int32(23))).view(np.float32)
    s = (m - np.float32(1)) / (m + np.float32(1))
    t = s * s
    series = _SINGLE_1 + t * (_SINGLE_3 + t * (_SINGLE_5 + t * _SINGLE_7))
    return np.float32(e), s * series if x == x else np.float32(x)


@compiled(error_model="numpy", fastmath={"contract"}, kept=False)
def exp2(x, to_single=False):
    """2^x = 2^n 2^f with f at most 1/2, and the series of exp for f."""
    x = -1022.0 if x < -1022.0 else np.float64(x)
    x = 1023.0 if x > 1023.0 else x
    shifted = np.float64(x + _ROUNDS_TO_INTEGER)
    f = x - (shifted - _ROUNDS_TO_INTEGER)
    two_to_n = np.int64((shifted.view(np.int64) << 52) + _ONE).view(np.float64)
    series = _E7
    if not to_single:
        series += f * (_E8 + f * (_E9 + f * (_E10 + f * (_E11 + f * (_E12 + f * _E13)))))
    series = _E2 + f * (_E3 + f * (_E4 + f * (_E5 + f * (_E6 + f * series))))
    return two_to_n * (_E0 + f * (_E1 + f * series))
