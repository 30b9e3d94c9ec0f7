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
