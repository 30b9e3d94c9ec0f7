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
