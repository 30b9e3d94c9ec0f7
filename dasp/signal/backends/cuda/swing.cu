// Lengths that swing around `middle`, of two halves a quarter of a period apart; see
// dasp.functional.plate_reverb.

#define QUARTER 1.5707963267948966

KERNEL swing(const real *depth, const real *rate, double *y, int rows, int time, double middle_0,
             double middle_1, double samples, double turn) {
    EACH(item, (wide)rows * 2 * time) {
        const wide row = item / time / 2, n = item % time, half = item / time % 2;
        const double angle = turn * rate[row] * n + half * QUARTER;
        y[item] = (half ? middle_1 : middle_0) + samples * depth[row] * sin(angle);
    }
}

// The share of each strip of a half in the two gradients, `(rows, 2, strips, 2)`.
KERNEL swing_back(const real *depth, const double *grad, const real *rate, double *sums, int rows,
                  int time, int strips, double samples, double turn) {
    EACH(item, (wide)rows * 2 * strips) {
        const wide row = item / strips / 2, half = item / strips % 2;
        const int first = item % strips * STRIP, last = min(first + STRIP, time);
        double by_depth = 0, by_rate = 0;
        for (int n = first; n < last; n++) {
            const double angle = turn * rate[row] * n + half * QUARTER;
            const double g = samples * grad[(row * 2 + half) * time + n];
            by_depth += g * sin(angle);
            by_rate += g * depth[row] * cos(angle) * turn * n;
        }
        sums[item * 2] = by_depth, sums[item * 2 + 1] = by_rate;
    }
}
