// Delays that may move; see dasp.signal.backends.delay_cuda.

#include "lagrange.h"

// y[n] = x[n] + sum_k weights[n, k] y[n - offset[n] - k], and its transpose; y begins as a copy of x.
//
// A block takes a row. As many samples as the shortest delay of those ahead depend on none of each
// other, and are done at once; the shortest of the whole row would make a delay that passes by one
// sample slow everywhere.

#define AHEAD 256

KERNEL solve(real *y, const real *weights, const wide *offset, int rows, int time, int taps) {
    SHARED int shortest;
    EACH_BLOCK(row, rows) {
        const wide at = row * time;
        for (int start = 0; start < time;) {
            const int ahead = min(AHEAD, time - start);
            ONE_OF_THEM shortest = ahead;
            MEET;
            TOGETHER(m, ahead) atomicMin(&shortest, (int)min(offset[at + start + m], (wide)AHEAD));
            MEET;
            const int size = shortest;
            TOGETHER(m, size) {
                const int n = start + m;
                double sum = y[at + n];
                for (int k = 0; k < taps; k++) {
                    const wide from = n - offset[at + n] - k;
                    if (from >= 0) sum += (double)weights[(at + n) * taps + k] * y[at + from];
                }
                y[at + n] = sum;
            }
            MEET;
            start += size;
        }
    }
}

// Backwards in time: what was read goes back to where it was read. Two samples may give to the same
// place, in either order, so that the last digits may differ between runs.
KERNEL solve_transposed(real *y, const real *weights, const wide *offset, int rows, int time,
                        int taps) {
    SHARED int shortest;
    EACH_BLOCK(row, rows) {
        const wide at = row * time;
        for (int end = time; end > 0;) {
            const int ahead = min(AHEAD, end);
            ONE_OF_THEM shortest = ahead;
            MEET;
            TOGETHER(m, ahead) atomicMin(&shortest, (int)min(offset[at + end - 1 - m], (wide)AHEAD));
            MEET;
            const int size = shortest;
            TOGETHER(m, size) {
                const int n = end - 1 - m;
                for (int k = 0; k < taps; k++) {
                    const wide to = n - offset[at + n] - k;
                    if (to >= 0) atomicAdd(y + at + to, weights[(at + n) * taps + k] * y[at + n]);
                }
            }
            MEET;
            end -= size;
        }
    }
}

KERNEL weights(const real *d, real *y, int items) {
    EACH(item, items) {
        double weight[4];
        lagrange((double)d[item], weight);
        for (int k = 0; k < 4; k++) y[item * 4 + k] = weight[k];
    }
}

KERNEL weights_back(const real *grad, const real *d, real *dd, int items) {
    EACH(item, items) {
        const Dual<1> point = {d[item], {1}};
        Dual<1> weight[4];
        lagrange(point, weight);
        double sum = 0;
        for (int k = 0; k < 4; k++) sum += grad[item * 4 + k] * weight[k].slope[0];
        dd[item] = sum;
    }
}

// How long ago the newest of the four samples is that a delay is read from.
INLINE wide newest_of(double delay) { return max((wide)floor(delay) - 1, (wide)0); }

// A signal `(rows, length)` from its sample `start` on, late by `delay`, `(rows, 1)` or `(rows, time)`.
KERNEL read(const real *x, const double *delay, real *y, int rows, int length, int start,
            int delays) {
    const int time = length - start;
    EACH(item, (wide)rows * time) {
        const wide row = item / time, n = item % time;
        const double late = delay[row * delays + (delays > 1 ? n : 0)];
        const wide newest = newest_of(late);
        double weight[4], sum = 0;
        lagrange(late - newest, weight);
        for (int k = 0; k < 4; k++) {
            const wide from = start + n - newest - k;
            if (from >= 0) sum += weight[k] * x[row * length + from];
        }
        y[item] = sum;
    }
}

// The gradient by the delay at every sample, `(rows, time)`.
KERNEL read_back(const real *grad, const real *x, const double *delay, double *d_delay, int rows,
                 int length, int start, int delays) {
    const int time = length - start;
    EACH(item, (wide)rows * time) {
        const wide row = item / time, n = item % time;
        const double late = delay[row * delays + (delays > 1 ? n : 0)];
        const wide newest = newest_of(late);
        const Dual<1> point = {late - newest, {1}};
        Dual<1> weight[4];
        lagrange(point, weight);
        double sum = 0;
        for (int k = 0; k < 4; k++) {
            const wide from = start + n - newest - k;
            if (from >= 0) sum += weight[k].slope[0] * x[row * length + from];
        }
        d_delay[item] = grad[item] * sum;
    }
}

// The gradient by the signal: for a delay at rest every sample knows who has read it.
KERNEL return_at_rest(const real *grad, const double *delay, real *dx, int rows, int length,
                      int start) {
    const int time = length - start;
    EACH(item, (wide)rows * length) {
        const wide row = item / length, from = item % length;
        const wide newest = newest_of(delay[row]);
        double weight[4], sum = 0;
        lagrange(delay[row] - newest, weight);
        for (int k = 0; k < 4; k++) {
            const wide n = from - start + newest + k;
            if (n >= 0 && n < time) sum += weight[k] * grad[row * time + n];
        }
        dx[item] = sum;
    }
}

// For one that moves, samples give to the same place in any order; dx begins at 0.
KERNEL return_moving(const real *grad, const double *delay, real *dx, int rows, int length,
                     int start) {
    const int time = length - start;
    EACH(item, (wide)rows * time) {
        const wide row = item / time, n = item % time, newest = newest_of(delay[item]);
        double weight[4];
        lagrange(delay[item] - newest, weight);
        for (int k = 0; k < 4; k++) {
            const wide from = start + n - newest - k;
            if (from >= 0) atomicAdd(dx + row * length + from, (real)(weight[k] * grad[item]));
        }
    }
}
