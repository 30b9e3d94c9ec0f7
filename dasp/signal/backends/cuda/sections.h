// Second-order sections by their formulas, those of dasp.signal.biquad. `N` is a number, or one with
// slopes.

#include "dual.h"

enum { LOW_SHELF, HIGH_SHELF, PEAK, LOW_PASS, HIGH_PASS, BAND_PASS, NOTCH, ALL_PASS };

template <class N> INLINE void section_of(int kind, N freq, N gain_db, N q, double rate, N *sos) {
    const N w0 = (6.283185307179586 / rate) * freq, alpha = 0.5 * sine(w0) / q;
    N cos = cosine(w0), *b = sos, *a = sos + 3;
    if (kind <= HIGH_SHELF) {
        const double sign = kind == LOW_SHELF ? 1.0 : -1.0;
        const N half = exponential(0.028782313662425572 * gain_db), amplitude = half * half;
        const N slope = 2.0 * half * alpha, up = amplitude + 1.0, down = amplitude - 1.0;
        cos = sign * cos;
        b[0] = amplitude * (up - down * cos + slope);
        b[1] = (2 * sign) * amplitude * (down - up * cos);
        b[2] = amplitude * (up - down * cos - slope);
        a[0] = up + down * cos + slope;
        a[1] = (-2 * sign) * (down + up * cos);
        a[2] = up + down * cos - slope;
    } else if (kind == PEAK) {
        const N amplitude = exponential(0.05756462732485115 * gain_db);
        b[0] = 1.0 * (alpha * amplitude) + 1.0;
        b[2] = 1.0 - alpha * amplitude;
        a[0] = alpha / amplitude + 1.0;
        a[2] = 1.0 - alpha / amplitude;
        b[1] = a[1] = -2.0 * cos;
    } else {
        a[0] = alpha + 1.0, a[1] = -2.0 * cos, a[2] = 1.0 - alpha;
        if (kind == LOW_PASS) b[1] = 1.0 - cos, b[0] = b[2] = 0.5 * b[1];
        if (kind == HIGH_PASS) b[1] = -1.0 - cos, b[0] = b[2] = -0.5 * b[1];
        if (kind == BAND_PASS) b[0] = alpha, b[1] = 0.0 * alpha, b[2] = -1.0 * alpha;
        if (kind == NOTCH) b[0] = b[2] = 0.0 * alpha + 1.0, b[1] = a[1];
        if (kind == ALL_PASS) b[0] = a[2], b[1] = a[1], b[2] = a[0];
    }
    const N scale = a[0];
    for (int i = 0; i < 6; i++) sos[i] = sos[i] / scale;
}
