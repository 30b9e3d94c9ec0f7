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
_SINGLE_E0, _SINGLE_E1, _SINGLE_E2, _SINGLE_E3, _SINGLE_E4, _SINGLE_E5, _SINGLE_E6 = map(
    np.float32, (_E0, _E1, _E2, _E3, _E4, _E5, _E6)
)
_SINGLE_ROUNDS_TO_INTEGER = np.float32(1.5 * 2.0**23)
_SINGLE_ONE = np.int32(0x3F800000)
_DB_PER_OCTAVE = 20 * math.log10(2)
_SINGLE_OCTAVES_PER_DB = np.float32(1 / _DB_PER_OCTAVE)
_SINGLE_DB_PER_OCTAVE = np.float32(round(2**12 * _DB_PER_OCTAVE) / 2**12)
"""So short that its product with a number of octaves is exact."""
_SINGLE_REST = np.float32(_DB_PER_OCTAVE - float(_SINGLE_DB_PER_OCTAVE))
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


@compiled(error_model="numpy", fastmath={"contract"}, kept=False)
def gain_single(db):
    """The gain of decibels in float32, 2^(n + f), within two units: from -750 to 750 dB."""
    db = np.float32(-750) if db < np.float32(-750) else db
    db = np.float32(750) if db > np.float32(750) else db
    shifted = np.float32(db * _SINGLE_OCTAVES_PER_DB + _SINGLE_ROUNDS_TO_INTEGER)
    n = shifted - _SINGLE_ROUNDS_TO_INTEGER
    f = ((db - n * _SINGLE_DB_PER_OCTAVE) - n * _SINGLE_REST) * _SINGLE_OCTAVES_PER_DB
    two_to_n = np.int32((shifted.view(np.int32) << np.int32(23)) + _SINGLE_ONE).view(np.float32)
    series = _SINGLE_E3 + f * (_SINGLE_E4 + f * (_SINGLE_E5 + f * _SINGLE_E6))
    series = _SINGLE_E1 + f * (_SINGLE_E2 + f * series)
    return two_to_n * (_SINGLE_E0 + f * series)
