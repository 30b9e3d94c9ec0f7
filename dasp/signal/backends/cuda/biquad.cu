// Designs of second-order sections, and their state-space basis, with the gradients; the formulas are
// those of dasp.signal.biquad and of dasp.signal.iir.sections_of.

#include "sections.h"

KERNEL designed(const double *freq, const double *gain_db, const double *q, double *sos, int items,
                int kind, double rate) {
    EACH(item, items) section_of(kind, freq[item], gain_db[item], q[item], rate, sos + item * 6);
}

KERNEL designed_back(const double *grad, const double *freq, const double *gain_db, const double *q,
                     double *d_freq, double *d_gain_db, double *d_q, int items, int kind,
                     double rate) {
    EACH(item, items) {
        const Dual<3> f = {freq[item], {1, 0, 0}}, g = {gain_db[item], {0, 1, 0}}, r = {q[item], {0, 0, 1}};
        Dual<3> sos[6];
        section_of(kind, f, g, r, rate, sos);
        double sums[3] = {0, 0, 0};
        for (int i = 0; i < 6; i++)
            for (int k = 0; k < 3; k++) sums[k] += grad[item * 6 + i] * sos[i].slope[k];
        d_freq[item] = sums[0], d_gain_db[item] = sums[1], d_q[item] = sums[2];
    }
}

// The filter of a band at a crossover: above it, below it, or one that turns the phase as those do where
// the band lies further below.
#define BUTTERWORTH_Q 0.7071067811865476

template <class N> INLINE void band_at(int band, int crossover, N freq, double rate, N *sos) {
    const N zero = 0.0 * freq, q = zero + BUTTERWORTH_Q;
    const int kind = crossover < band ? HIGH_PASS : crossover == band ? LOW_PASS : ALL_PASS;
    section_of(kind, freq, zero, q, rate, sos);
    for (int i = 0; i < 6; i++) sos[6 + i] = kind == ALL_PASS ? zero + (i % 3 == 0 ? 1.0 : 0.0) : sos[i];
}

// For `(rows, crossovers)` frequencies, `(rows, crossovers + 1, crossovers, 2, 6)`.
KERNEL crossover(const real *freq, double *sos, int rows, int crossovers, double rate) {
    EACH(item, (wide)rows * (crossovers + 1) * crossovers) {
        const wide row = item / crossovers / (crossovers + 1);
        const int band = item / crossovers % (crossovers + 1), at = item % crossovers;
        band_at(band, at, (double)freq[row * crossovers + at], rate, sos + item * 12);
    }
}

KERNEL crossover_back(const real *freq, const double *grad, real *d_freq, int rows, int crossovers,
                      double rate) {
    EACH(item, (wide)rows * crossovers) {
        const wide row = item / crossovers;
        const int at = item % crossovers;
        const Dual<1> f = {(double)freq[item], {1}};
        double sum = 0;
        for (int band = 0; band <= crossovers; band++) {
            const double *of_band = grad + ((row * (crossovers + 1) + band) * crossovers + at) * 12;
            Dual<1> sos[12];
            band_at(band, at, f, rate, sos);
            for (int i = 0; i < 12; i++) sum += of_band[i] * sos[i].slope[0];
        }
        d_freq[item] = sum;
    }
}

template <class N> INLINE void basis_of(const N *sos, N *section) {
    const N b0 = sos[0] / sos[3], b1 = sos[1] / sos[3], b2 = sos[2] / sos[3];
    const N a1 = sos[4] / sos[3], a2 = sos[5] / sos[3], c = -0.5 * a1, drive = b1 - a1 * b0;
    const double side = value_of(a1) > 0 ? -1.0 : 1.0;
    const N gap = 1.0 - side * c;
    section[0] = c;
    section[1] = gap * gap - (1.0 - (2 * side) * c + a2);
    section[2] = drive;
    section[3] = b2 - a2 * b0 + c * drive;
    section[4] = b0;
}

KERNEL sections(const double *sos, double *section, int items) {
    EACH(item, items) basis_of(sos + item * 6, section + item * 5);
}

KERNEL sections_back(const double *grad, const double *sos, double *d_sos, int items) {
    EACH(item, items) {
        Dual<6> all[6], section[5];
        for (int i = 0; i < 6; i++) {
            all[i].value = sos[item * 6 + i];
            for (int k = 0; k < 6; k++) all[i].slope[k] = i == k;
        }
        basis_of(all, section);
        for (int k = 0; k < 6; k++) {
            double sum = 0;
            for (int i = 0; i < 5; i++) sum += grad[item * 5 + i] * section[i].slope[k];
            d_sos[item * 6 + k] = sum;
        }
    }
}
