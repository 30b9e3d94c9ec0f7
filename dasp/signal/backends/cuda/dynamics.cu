// Steps of dynamics processors; see dasp.signal.backends.dynamics_cuda. A row of `values` has COLUMNS of
// the fields of dasp.signal.backends.dynamics_values, which are where their names say.
// `floor`, `db_per_octave` and `sign` are those of the level. What depends on a sample alone is one
// thread a sample, or, where it adds to the gradients of a row, a thread for STRIP samples. What
// waits for the sample before it is a thread a row.

#include "level.h"

struct Curve {
    double threshold, slope, range, sign, half, width;

    METHOD Curve(const double *p, double sign)
        : threshold(p[THRESHOLD_DB]), slope(p[SLOPE]), range(p[RANGE_DB]), sign(sign), half(p[KNEE_DB] / 2),
          width(max(p[KNEE_DB], 1e-6)) {}

    // How far a level is over the threshold, behind the knee; `share` is the slope there.
    METHOD double over(double level, double &share) const {
        const double over = sign * (level - threshold), into = over < -half ? 0.0 : over + half;
        share = over >= half ? 1.0 : into / width;
        return over >= half ? over : into * share / 2;
    }
};

KERNEL target(const real *key, const double *values, real *target_db, int rows, int channels,
              int time, double floor, double db_per_octave, double sign) {
    EACH(item, (wide)rows * time) {
        const wide row = item / time;
        const Curve curve(values + row * COLUMNS, sign);
        const real *at = key + row * channels * time + item % time;
        double share;
        const double level = level_of(loudest_of(at, channels, time), floor, db_per_octave);
        const double wanted = curve.slope * curve.over(level, share);
        target_db[item] = wanted > curve.range ? curve.range : wanted;
    }
}

KERNEL follow(const real *x, const double *values, real *y, int rows, int time) {
    EACH(row, rows) {
        const double *p = values + row * COLUMNS;
        const double attack = p[ATTACK], release = p[RELEASE];
        double last = p[START];
        for (int n = 0; n < time; n++) {
            const double now = x[row * time + n];
            const double rise = attack * last + (1 - attack) * now;
            const double fall = release * last + (1 - release) * now;
            last = now > last ? rise : fall;
            y[row * time + n] = last;
        }
    }
}

// From the gradient of y to that of x; adds those of attack, release and start to the sums of a row.
KERNEL follow_back(const real *grad, const double *values, const real *y, const real *x, real *dx,
                   double *sums, int rows, int time) {
    EACH(row, rows) {
        const double *p = values + row * COLUMNS;
        const double attack = p[ATTACK], release = p[RELEASE];
        double later = 0, d_attack = 0, d_release = 0;
        for (int n = time - 1; n >= 0; n--) {
            const wide at = row * time + n;
            const double drop = (n ? (double)y[at - 1] : p[START]) - x[at];
            const bool rises = drop < 0;
            const double pole = rises ? attack : release, adjoint = grad[at] + later;
            later = pole * adjoint;
            dx[at] = (1 - pole) * adjoint;
            (rises ? d_attack : d_release) += adjoint * drop;
        }
        sums[row * COLUMNS + ATTACK] = d_attack;
        sums[row * COLUMNS + RELEASE] = d_release;
        sums[row * COLUMNS + START] = later;
    }
}

// From the gradient of the target to that of the key, which `adds` to what is there or not. The
// share of each strip in the gradients of the row is in `sums`, `(rows, strips, COLUMNS)`.
// Channels that are equally loud share the gradient.
KERNEL target_back(const real *d_target, const double *values, const real *key, real *d_key,
                   double *sums, int rows, int channels, int time, int strips, double floor,
                   double db_per_octave, double sign, int adds) {
    EACH(item, (wide)rows * strips) {
        const wide row = item / strips;
        const int first = item % strips * STRIP, last = min(first + STRIP, time);
        const Curve curve(values + row * COLUMNS, sign);
        const real least = floor;
        double d_threshold = 0, d_slope = 0, d_knee = 0, d_range = 0;
        for (int n = first; n < last; n++) {
            const real *at = key + row * channels * time + n;
            const real loudest = loudest_of(at, channels, time);
            double share;
            const double value = curve.over(level_of(loudest, least, db_per_octave), share);
            const double d_all = d_target[row * time + n];
            const double d_now = curve.slope * value > curve.range ? 0.0 : d_all;
            const double d_over = curve.slope * d_now * share;
            d_range += d_all - d_now;
            d_slope += value * d_now;
            d_knee += d_over * (1 - share) / 2;
            d_threshold -= sign * d_over;
            level_back(sign * d_over, at, loudest, least, db_per_octave, channels, time, adds,
                       d_key + row * channels * time + n);
        }
        double *own = sums + item * COLUMNS;
        own[THRESHOLD_DB] = d_threshold, own[SLOPE] = d_slope, own[KNEE_DB] = d_knee, own[RANGE_DB] = d_range;
    }
}

#define OCTAVES_PER_DB 0.16609640474436813
#define PER_DB 0.11512925464970229

KERNEL amplify(const real *x, const double *values, const real *reduction_db, real *y, int rows,
               int channels, int time) {
    EACH(item, (wide)rows * time) {
        const wide row = item / time;
        const double *p = values + row * COLUMNS;
        const double gain = exp2(OCTAVES_PER_DB * (p[MAKEUP_GAIN_DB] - reduction_db[item]));
        const double through = 1 - p[MIX] + p[MIX] * gain;
        for (int c = 0; c < channels; c++) {
            const wide at = (row * channels + c) * time + item % time;
            y[at] = through * x[at];
        }
    }
}

KERNEL amplify_back(const real *grad, const double *values, const real *x,
                    const real *reduction_db, real *dx, real *d_reduction_db, double *sums, int rows,
                    int channels, int time, int strips) {
    EACH(item, (wide)rows * strips) {
        const wide row = item / strips;
        const int first = item % strips * STRIP, last = min(first + STRIP, time);
        const double *p = values + row * COLUMNS;
        double d_makeup = 0, d_mix = 0;
        for (int n = first; n < last; n++) {
            const double gain = exp2(OCTAVES_PER_DB * (p[MAKEUP_GAIN_DB] - reduction_db[row * time + n]));
            const double through = 1 - p[MIX] + p[MIX] * gain;
            double d_through = 0;
            for (int c = 0; c < channels; c++) {
                const wide at = (row * channels + c) * time + n;
                dx[at] = through * grad[at];
                d_through += (double)grad[at] * x[at];
            }
            d_makeup += d_through * gain;
            d_mix += d_through * gain - d_through;
            d_reduction_db[row * time + n] = -PER_DB * p[MIX] * d_through * gain;
        }
        double *own = sums + item * COLUMNS;
        own[MAKEUP_GAIN_DB] = PER_DB * p[MIX] * d_makeup, own[MIX] = d_mix;
    }
}
