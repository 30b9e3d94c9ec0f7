// First-order recursions; see dasp.signal.backends.recurrence_cuda.

// y[n] = a[n] y[n-1] + b[n], in chunks as the cascade: what a chunk reaches from silence and what it
// makes of a state of 1, `(rows, chunks)` each.
KERNEL reach(const real *a, const real *b, double *reached, double *change, int rows, int time,
             int chunks, int length) {
    EACH(item, (wide)rows * chunks) {
        const int row = item / chunks, first = item % chunks * length;
        const int last = min(first + length, time);
        const real *a_row = a + (wide)row * time, *b_row = b + (wide)row * time;
        double y = 0, product = 1;
        for (int n = first; n < last; n++) {
            y = a_row[n] * y + b_row[n];
            product *= a_row[n];
        }
        reached[item] = y, change[item] = product;
    }
}

KERNEL lead(const real *start, double *reached, const double *change, int rows, int chunks) {
    EACH(row, rows) {
        double now = start[row];
        for (int k = 0; k < chunks; k++) {
            const double own = reached[row * chunks + k];
            reached[row * chunks + k] = now;
            now = change[row * chunks + k] * now + own;
        }
    }
}

KERNEL run(const real *a, const real *b, const double *starts, real *y, int rows, int time,
           int chunks, int length) {
    EACH(item, (wide)rows * chunks) {
        const int row = item / chunks, first = item % chunks * length;
        const int last = min(first + length, time);
        const wide at = (wide)row * time;
        double now = starts[item];
        for (int n = first; n < last; n++) {
            now = a[at + n] * now + b[at + n];
            y[at + n] = now;
        }
    }
}

// The adjoint d[n] = grad[n] + a[n+1] d[n+1], which runs backwards: from nothing behind each chunk,
// from chunk to chunk, and from what is behind each.
INLINE double next_of(const real *a_row, int n, int time) { return n + 1 < time ? (double)a_row[n + 1] : 0.0; }

KERNEL reach_back(const real *grad, const real *a, double *reached, double *change, int rows,
                  int time, int chunks, int length) {
    EACH(item, (wide)rows * chunks) {
        const int row = item / chunks, first = item % chunks * length;
        const int last = min(first + length, time);
        const real *a_row = a + (wide)row * time, *grad_row = grad + (wide)row * time;
        double d = 0, product = 1;
        for (int n = last - 1; n >= first; n--) {
            const double next = next_of(a_row, n, time);
            d = next * d + grad_row[n];
            product *= next;
        }
        reached[item] = d, change[item] = product;
    }
}

KERNEL lead_back(double *reached, const double *change, int rows, int chunks) {
    EACH(row, rows) {
        double now = 0;
        for (int k = chunks - 1; k >= 0; k--) {
            const double own = reached[row * chunks + k];
            reached[row * chunks + k] = now;
            now = change[row * chunks + k] * now + own;
        }
    }
}

KERNEL run_back(const real *grad, const real *a, const real *start, const real *y,
                const double *behind, real *d_a, real *d_b, real *d_start, int rows, int time,
                int chunks, int length) {
    EACH(item, (wide)rows * chunks) {
        const int row = item / chunks, first = item % chunks * length;
        const int last = min(first + length, time);
        const wide at = (wide)row * time;
        double d = behind[item];
        for (int n = last - 1; n >= first; n--) {
            d = next_of(a + at, n, time) * d + grad[at + n];
            d_b[at + n] = d;
            d_a[at + n] = d * (n > 0 ? y[at + n - 1] : start[row]);
        }
        if (first == 0) d_start[row] = d * a[at];
    }
}

// The pole that covers 63 % of a step in a time; see dasp.units.smoothing_coefficient.
#define SHORTEST 1e-2

KERNEL pole(const real *time_ms, real *y, int items, double rate) {
    EACH(item, items) {
        const double samples = time_ms[item] * (rate / 1000);
        y[item] = exp(-1 / max(samples, SHORTEST));
    }
}

KERNEL pole_back(const real *grad, const real *time_ms, real *d_time, int items, double rate) {
    EACH(item, items) {
        const double samples = time_ms[item] * (rate / 1000);
        const bool moves = samples >= SHORTEST;
        d_time[item] =
            moves ? grad[item] * exp(-1 / samples) / (samples * samples) * (rate / 1000) : 0.0;
    }
}

// The pole of a low-pass with a corner; see dasp.functional.plate_reverb.
KERNEL pole_at(const real *corner, real *y, int items, double turn) {
    EACH(item, items) y[item] = exp(-turn * corner[item]);
}

KERNEL pole_at_back(const real *grad, const real *corner, real *d_corner, int items, double turn) {
    EACH(item, items) d_corner[item] = -turn * grad[item] * exp(-turn * corner[item]);
}
