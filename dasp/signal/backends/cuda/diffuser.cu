// An all-pass of a fixed length, v[n] = x[n] - g v[n - length] and y[n] = g v[n] + v[n - length], whose
// gain g is `factor` times that of the row; see dasp.functional.plate_reverb. Samples that are `length` apart know nothing of those between them, so
// each such series is a thread's.

KERNEL diffuse(const real *x, const real *gain, real *inside, real *y, int rows, int time, int length,
                double factor) {
    EACH(item, (wide)rows * length) {
        const wide row = item / length, at = row * time;
        const double g = factor * gain[row];
        double before = 0;
        for (wide n = item % length; n < time; n += length) {
            const double now = x[at + n] - g * before;
            inside[at + n] = now;
            y[at + n] = g * now + before;
            before = now;
        }
    }
}

// The share of each series in the gradient of the gain is in `d_gain`, `(rows, all)`, from `at_stage` on.
KERNEL diffuse_back(const real *grad, const real *gain, const real *inside, real *dx, double *d_gain,
                    int rows, int time, int length, int at_stage, int all, double factor) {
    EACH(item, (wide)rows * length) {
        const wide row = item / length, at = row * time, first = item % length;
        const double g = factor * gain[row];
        double later = 0, later_grad = 0, sum = 0;
        for (wide n = first + (time - 1 - first) / length * length; n >= first; n -= length) {
            const double now = g * grad[at + n] + later_grad - g * later;
            const double before = n < length ? 0.0 : (double)inside[at + n - length];
            sum += grad[at + n] * (double)inside[at + n] - now * before;
            dx[at + n] = now;
            later = now, later_grad = grad[at + n];
        }
        d_gain[row * all + at_stage + first] = first < time ? factor * sum : 0.0;
    }
}
