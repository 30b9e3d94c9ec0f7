// Transposed direct form II of any ORDER, a thread a row; see dasp.signal.direct_form.

KERNEL solve(const real *x, const real *b, const real *a, const real *zi, real *y, int rows,
             int time) {
    EACH(row, rows) {
        double state[ORDER + 1];
        for (int i = 0; i < ORDER; i++) state[i] = zi[row * ORDER + i];
        state[ORDER] = 0;
        const real *forwards = b + row * (ORDER + 1), *back = a + row * (ORDER + 1);
        for (int n = 0; n < time; n++) {
            const double u = x[row * time + n], v = state[0] + forwards[0] * u;
            for (int i = 0; i < ORDER; i++)
                state[i] = state[i + 1] + u * forwards[i + 1] - v * back[i + 1];
            y[row * time + n] = v;
        }
    }
}
