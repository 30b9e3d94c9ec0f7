// A cascade of first-order all-passes with feedback, driven at every stage, and its transpose; see
// dasp.signal.backends.allpass_torch. A thread takes a row; SIGNALS is one more than the stages.

KERNEL solve(const real *q, const real *a, const real *feedback, real *u, int rows, int time) {
    EACH(row, rows) {
        double last[SIGNALS];
        for (int i = 0; i < SIGNALS; i++) last[i] = 0;
        for (int n = 0; n < time; n++) {
            const wide at = row * time + n;
            const double pole = a[at];
            double before = last[SIGNALS - 1] * feedback[at] + q[at * SIGNALS], late = last[0];
            last[0] = before;
            u[at * SIGNALS] = before;
#pragma unroll
            for (int i = 1; i < SIGNALS; i++) {
                const double now = q[at * SIGNALS + i] + pole * (before - last[i]) + late;
                late = last[i];
                last[i] = before = now;
                u[at * SIGNALS + i] = now;
            }
        }
    }
}

KERNEL solve_transposed(const real *q, const real *a, const real *feedback, real *v, int rows,
                        int time) {
    EACH(row, rows) {
        double later[SIGNALS];  // what comes back to a sample from the one after it
        for (int i = 0; i < SIGNALS; i++) later[i] = 0;
        for (int n = time - 1; n >= 0; n--) {
            const wide at = row * time + n;
            const double pole = a[at];
            double now = q[at * SIGNALS + SIGNALS - 1] + later[SIGNALS - 1];
            later[SIGNALS - 1] = 0;
#pragma unroll
            for (int i = SIGNALS - 1; i > 0; i--) {
                v[at * SIGNALS + i] = now;
                later[i] -= pole * now;
                const double back = now;
                now = q[at * SIGNALS + i - 1] + later[i - 1] + pole * now;
                later[i - 1] = back;
            }
            v[at * SIGNALS] = now;
            later[SIGNALS - 1] += feedback[at] * now;
        }
    }
}
