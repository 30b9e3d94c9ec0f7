// Gains of the peaks of a graphic EQ that are what was asked for in all, and the adjoint; see
// dasp.functional.graphic_eq. A block takes a row of BANDS.

#define NEWTON_STEPS 5
#define COLUMNS (BANDS + 1)

// What a peak does `u` off its centre, in dB, and dB of that for a dB of its gain.
INLINE double response_of(double u, double gain) { return 10 * log10((u + gain) / (u + 1 / gain)); }
INLINE double slope_of(double u, double gain) {
    return (gain / (u + gain) + 1 / (u * gain + 1)) / 2;
}
INLINE double gain_of(double db) { return pow(10.0, db / 20); }

// Leaves the solution in the last column. No rows are exchanged: a peak does most at its own centre,
// so that the diagonal stays the largest.
INLINE void solve(double (*matrix)[COLUMNS]) {
    for (int k = 0; k < BANDS; k++) {
        MEET;
        TOGETHER(i, BANDS) {
            if (i == k) continue;
            const double factor = matrix[i][k] / matrix[k][k];
            for (int j = k + 1; j < COLUMNS; j++) matrix[i][j] -= factor * matrix[k][j];
        }
    }
    MEET;
    TOGETHER(i, BANDS) matrix[i][BANDS] /= matrix[i][i];
}

KERNEL gains(const real *asked_db, const real *off_centre, real *peak_db, int rows) {
    SHARED double matrix[BANDS][COLUMNS], peak[BANDS];
    EACH_BLOCK(row, rows) {
        const real *asked = asked_db + row * BANDS, *u = off_centre + row * BANDS * BANDS;
        TOGETHER(i, BANDS) peak[i] = 0;
        for (int step = 0; step < NEWTON_STEPS; step++) {
            MEET;
            TOGETHER(i, BANDS) {
                double missing = asked[i];
                for (int j = 0; j < BANDS; j++) {
                    const double gain = gain_of(peak[j]);
                    missing -= response_of(u[i * BANDS + j], gain);
                    matrix[i][j] = slope_of(u[i * BANDS + j], gain);
                }
                matrix[i][BANDS] = missing;
            }
            solve(matrix);
            TOGETHER(i, BANDS) peak[i] += matrix[i][BANDS];
        }
        TOGETHER(i, BANDS) peak_db[row * BANDS + i] = peak[i];
    }
}

KERNEL gains_back(const real *grad, const real *peak_db, const real *off_centre, real *d_asked,
                  int rows) {
    SHARED double matrix[BANDS][COLUMNS];
    EACH_BLOCK(row, rows) {
        const real *u = off_centre + row * BANDS * BANDS;
        TOGETHER(i, BANDS) {
            const double gain = gain_of(peak_db[row * BANDS + i]);
            for (int j = 0; j < BANDS; j++) matrix[i][j] = slope_of(u[j * BANDS + i], gain);
            matrix[i][BANDS] = grad[row * BANDS + i];
        }
        solve(matrix);
        TOGETHER(i, BANDS) d_asked[row * BANDS + i] = matrix[i][BANDS];
    }
}
