// The filters and the level of a feedback delay network; see dasp.functional.feedback_delay_network.
// LENGTHS are those of the LINES.

#include "lines.h"
#include "sections.h"

#define GONE_DB -400.0
#define BUTTERWORTH_Q 0.7071067811865476

INLINE double at_least(double a, double low) { return a < low ? low : a; }
template <int K> INLINE Dual<K> at_least(const Dual<K> &a, double low) {
    return a.value < low ? 0.0 * a + low : a;
}

template <class N>
INLINE void absorption_of(int length, N low, N mid, N high, N low_hz, N high_hz, double rate, N *sos) {
    const N sixty_db = 0.0 * low + length * (-60 / rate), q = 0.0 * low + BUTTERWORTH_Q;
    const N mid_db = at_least(sixty_db / mid, GONE_DB);
    section_of(LOW_SHELF, low_hz, at_least(sixty_db / low, GONE_DB) - mid_db, q, rate, sos);
    section_of(HIGH_SHELF, high_hz, at_least(sixty_db / high, GONE_DB) - mid_db, q, rate, sos + 6);
    const N gain = exponential(0.11512925464970229 * mid_db);
    for (int i = 0; i < 3; i++) sos[i] = gain * sos[i];
}

KERNEL absorption(const double *low, const double *mid, const double *high, const double *low_hz,
                  const double *high_hz, double *sos, int rows, double rate) {
    EACH(item, (wide)rows * LINES) {
        const wide row = item / LINES;
        absorption_of(length_of(item % LINES), low[row], mid[row], high[row], low_hz[row], high_hz[row],
                      rate, sos + item * 12);
    }
}

// The share of each line in the five gradients of a row, `(rows, LINES, 5)`.
KERNEL absorption_back(const double *grad, const double *low, const double *mid, const double *high,
                       const double *low_hz, const double *high_hz, double *sums, int rows,
                       double rate) {
    EACH(item, (wide)rows * LINES) {
        const wide row = item / LINES;
        const double values[5] = {low[row], mid[row], high[row], low_hz[row], high_hz[row]};
        Dual<5> of[5], sos[12];
        for (int i = 0; i < 5; i++) {
            of[i].value = values[i];
            for (int k = 0; k < 5; k++) of[i].slope[k] = i == k;
        }
        absorption_of(length_of(item % LINES), of[0], of[1], of[2], of[3], of[4], rate, sos);
        for (int k = 0; k < 5; k++) {
            double sum = 0;
            for (int i = 0; i < 12; i++) sum += grad[item * 12 + i] * sos[i].slope[k];
            sums[item * 5 + k] = sum;
        }
    }
}

// `seconds` are those of a mean passage for which 60 dB are 6 ln 10.
KERNEL level(const real *rt60, real *y, int rows, double seconds) {
    EACH(row, rows) y[row] = sqrt(LINES * -expm1(-seconds / rt60[row]));
}

KERNEL level_back(const real *grad, const real *rt60, real *d_rt60, int rows, double seconds) {
    EACH(row, rows) {
        const double left = exp(-seconds / rt60[row]), lost = -expm1(-seconds / rt60[row]);
        const double slope = -LINES * left * seconds / ((double)rt60[row] * rt60[row]);
        d_rt60[row] = grad[row] * slope / (2 * sqrt(LINES * lost));
    }
}
