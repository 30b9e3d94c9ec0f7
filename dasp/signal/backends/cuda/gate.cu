// When a noise gate is open; see dasp.functional.gate. A thread takes a row.

KERNEL is_open(const real *level_db, const real *opening_db, const real *closing_db,
               const real *hold, unsigned char *open, int rows, int time) {
    EACH(row, rows) {
        int stayed = -1, was_quiet = -1, opened = -1;  // when that was so the last time
        for (int n = 0; n < time; n++) {
            const real now = level_db[row * time + n];
            if (now >= closing_db[row]) stayed = n;
            if (now >= opening_db[row]) opened = n;
            if (n - stayed > hold[row]) was_quiet = n;
            open[row * time + n] = opened > was_quiet;
        }
    }
}
