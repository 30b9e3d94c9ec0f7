// Envelopes of noise that decays by 60 dB in `rt60` samples, with an energy of gain^2; see
// dasp.functional.noise_shaped_reverb.

#include "dual.h"

#define SIXTY_DB 6.907755278982137

INLINE double root(double a) { return sqrt(a); }
template <int K> INLINE Dual<K> root(const Dual<K> &a) {
    return made(sqrt(a.value), a, 0.5 / sqrt(a.value));
}
// 1 - e^-a, also where a is small.
INLINE double covered(double a) { return -expm1(-a); }
template <int K> INLINE Dual<K> covered(const Dual<K> &a) {
    return made(-expm1(-a.value), a, exp(-a.value));
}

template <class N> INLINE N envelope_at(double n, N gain, N rt60) {
    const N one = 0.0 * rt60 + 1.0, rate = SIXTY_DB * (one / rt60);
    return gain * root(covered(2.0 * rate)) * exponential((-n) * rate);
}

KERNEL envelope(const real *gain, const real *rt60, real *y, int rows, int taps) {
    EACH(item, (wide)rows * taps) {
        const wide row = item / taps;
        y[item] = envelope_at((double)(item % taps), (double)gain[row], (double)rt60[row]);
    }
}

// The share of each strip of a row in the two gradients, `(rows, strips, 2)`.
KERNEL envelope_back(const real *grad, const real *gain, const real *rt60, double *sums, int rows,
                     int taps, int strips) {
    EACH(item, (wide)rows * strips) {
        const wide row = item / strips;
        const int first = item % strips * STRIP, last = min(first + STRIP, taps);
        const Dual<2> g = {gain[row], {1, 0}}, r = {rt60[row], {0, 1}};
        double by_gain = 0, by_rt60 = 0;
        for (int n = first; n < last; n++) {
            const Dual<2> y = envelope_at((double)n, g, r);
            by_gain += grad[row * taps + n] * y.slope[0];
            by_rt60 += grad[row * taps + n] * y.slope[1];
        }
        sums[item * 2] = by_gain, sums[item * 2 + 1] = by_rt60;
    }
}
