// The gain reduction of the limiter; see dasp.functional.limiter and dasp.signal.backends.limiter_cuda.
//
// Step m, of time + window - 1, hears of the samples of the key up to m, and no more than `window`.

#include "level.h"

KERNEL excess(const real *key, const double *ceiling_db, real *excess_db, int rows, int channels,
              int time, double floor, double db_per_octave) {
    EACH(item, (wide)rows * time) {
        const wide row = item / time;
        const real loudest = loudest_of(key + row * channels * time + item % time, channels, time);
        excess_db[item] = level_of(loudest, floor, db_per_octave) - ceiling_db[row];
    }
}

// In segments as long as the window: where the largest number up to a sample is, and where that from
// it on is. Of equal numbers it is the last.
KERNEL spread(const real *x, int *until, int *from, int rows, int time, int window, int segments) {
    EACH(item, (wide)rows * segments) {
        const int first = item % segments * window, last = min(first + window, time);
        const wide at = item / segments * time;
        for (int n = first, largest = first; n < last; n++) {
            if (x[at + n] >= x[at + largest]) largest = n;
            until[at + n] = largest;
        }
        for (int n = last - 1, largest = last - 1; n >= first; n--) {
            if (x[at + n] > x[at + largest]) largest = n;
            from[at + n] = largest;
        }
    }
}

// Where the largest number is that a step hears of.
KERNEL cover(const real *x, const int *until, const int *from, int *largest, int rows, int time,
             int window) {
    const int steps = time + window - 1;
    EACH(item, (wide)rows * steps) {
        const int m = item % steps, first = max(m - window + 1, 0), last = min(m, time - 1);
        const wide at = item / steps * time;
        int place = first % window == 0 ? until[at + last] : from[at + first];
        if (first / window != last / window) {
            const int later = until[at + last];
            place = from[at + first];
            if (x[at + later] >= x[at + place]) place = later;
        }
        largest[item] = place;
    }
}

// From the largest numbers to the curve that falls back slowly, and to its mean over the window.
KERNEL hold(const real *x, const int *largest, const double *release, real *held, real *y, int rows,
            int time, int window) {
    const int steps = time + window - 1;
    EACH(row, rows) {
        const wide at = row * steps;
        const double r = release[row];
        double last = 0, total = 0;
        for (int m = 0; m < steps; m++) {
            const double loudest = x[row * time + largest[at + m]];
            const double wanted = loudest < 0 ? 0.0 : loudest, fall = r * last + (1 - r) * wanted;
            last = wanted > fall ? wanted : fall;
            held[at + m] = last;
            total += (real)last;
            if (m >= window) total -= held[at + m - window];
            if (m >= window - 1) y[row * time + m - window + 1] = total / window;
        }
    }
}

// From the gradient of the means to that of the largest numbers, and of ceiling and release.
KERNEL hold_back(const real *grad, const real *x, const int *largest, const double *release,
                 const real *held, real *d_wanted, double *sums, int rows, int time, int window) {
    const int steps = time + window - 1;
    EACH(row, rows) {
        const wide at = row * steps;
        const double r = release[row];
        double in_window = 0, later = 0, d_ceiling = 0, d_release = 0;
        for (int m = steps - 1; m >= 0; m--) {
            // held[m] counts in the means from n = m - window + 1 to m.
            if (m >= window - 1) in_window += grad[row * time + m - window + 1];
            if (m + 1 < time) in_window -= grad[row * time + m + 1];
            const double adjoint = in_window / window + later, last = m ? (double)held[at + m - 1] : 0.0;
            const double wanted = x[row * time + largest[at + m]], target = max(wanted, 0.0);
            double d_now = adjoint;
            later = 0;
            if (target <= last) {
                d_now = (1 - r) * adjoint, later = r * adjoint;
                d_release += adjoint * (last - target);
            }
            if (wanted < 0) d_now = 0;
            d_ceiling -= d_now;
            d_wanted[at + m] = d_now;
        }
        sums[row * 2] = d_ceiling, sums[row * 2 + 1] = d_release;
    }
}

// What each sample of the key has got: the largest number moves on with the steps, so those of a
// sample follow each other, and none comes before it.
KERNEL excess_back(const real *d_wanted, const int *largest, const real *key, real *d_key, int rows,
                   int channels, int time, int window, double floor, double db_per_octave) {
    const int steps = time + window - 1;
    EACH(item, (wide)rows * time) {
        const wide row = item / time, at = row * steps;
        const int n = item % time;
        int first = n, behind = n + window;  // the first step whose largest number is at n or later
        while (first < behind) {
            const int middle = (first + behind) / 2;
            if (largest[at + middle] < n) first = middle + 1;
            else behind = middle;
        }
        double d_level = 0;
        for (int m = first; m < steps && largest[at + m] == n; m++) d_level += d_wanted[at + m];
        const real *own = key + row * channels * time + n;
        level_back(d_level, own, loudest_of(own, channels, time), floor, db_per_octave, channels, time,
                   false, d_key + row * channels * time + n);
    }
}
