// A cascade of second-order sections, and its adjoint; see dasp.signal.backends.cascade_cuda.
//
//     y = b0 u + s,   s' = c s + v + b1 u,   v' = d s + c v + b2 u
//
// ORDER is twice the number SECTIONS. A row is cut into chunks of `length` samples, which threads
// filter side by side: first from silence, which tells what each chunk reaches; then states lead
// from chunk to chunk; then all chunks run from the states that they begin with.

#define ORDER (2 * SECTIONS)

struct Section { double c, d, b1, b2, b0; };

INLINE void fetch(const double *from, double *to, int count) {
    for (int i = 0; i < count; i++) to[i] = from[i];
}

INLINE double forwards(const Section *section, double *state, double u) {
#pragma unroll
    for (int i = 0; i < SECTIONS; i++) {
        const Section f = section[i];
        const double s = state[2 * i], v = state[2 * i + 1];
        state[2 * i] = f.c * s + v + f.b1 * u;
        state[2 * i + 1] = f.d * s + f.c * v + f.b2 * u;
        u = f.b0 * u + s;
    }
    return u;
}

// The transposed sections, from the last to the first.
INLINE double backwards(const Section *section, double *state, double y) {
#pragma unroll
    for (int i = SECTIONS - 1; i >= 0; i--) {
        const Section f = section[i];
        const double s = state[2 * i], v = state[2 * i + 1];
        state[2 * i] = f.c * s + y + f.d * v;
        state[2 * i + 1] = s + f.c * v;
        y = f.b0 * y + f.b1 * s + f.b2 * v;
    }
    return y;
}

// What every chunk reaches, `(rows, chunks, ORDER)`: the first from the start, the others from silence;
// and what a chunk makes of each state alone, `(rows, ORDER, ORDER)`. `adjoint` is 1 for the
// transposed sections, backwards, where the first chunk is the last in time, and may be shorter.
KERNEL reach(const real *x, const double *sections, const double *start, double *reached,
             double *change, int rows, int time, int chunks, int length, int adjoint) {
    const int parts = chunks + ORDER;
    EACH(item, (wide)rows * parts) {
        const int row = item / parts, part = item % parts;
        const Section *section = (const Section *)(sections + (wide)row * SECTIONS * 5);
        const bool alone = part >= chunks, begins = part == (adjoint ? chunks - 1 : 0);
        double state[ORDER];
        for (int i = 0; i < ORDER; i++)
            state[i] = begins ? start[(wide)row * ORDER + i] : part - chunks == i;
        const int first = alone ? 0 : part * length;
        const int last = alone ? length : min(first + length, time);
        const real *signal = x + (wide)row * time;
        if (adjoint)
            for (int n = last - 1; n >= first; n--) backwards(section, state, alone ? 0.0 : signal[n]);
        else
            for (int n = first; n < last; n++) forwards(section, state, alone ? 0.0 : signal[n]);
        double *to = alone ? change + ((wide)row * ORDER + part - chunks) * ORDER
                           : reached + ((wide)row * chunks + part) * ORDER;
        fetch(state, to, ORDER);
    }
}

// From what chunks reach to the states that they begin with, in its place. A block takes a row.
KERNEL lead(double *reached, const double *change, const double *start, double *scratch, int rows,
            int chunks, int adjoint) {
    EACH_BLOCK(row, rows) {
        const double *columns = change + row * ORDER * ORDER;
        double *now = scratch + row * 2 * ORDER, *before = now + ORDER;
        TOGETHER(i, ORDER) now[i] = start[row * ORDER + i];
        for (int k = 0; k < chunks; k++) {
            double *own = reached + (row * chunks + (adjoint ? chunks - 1 - k : k)) * ORDER;
            MEET;
            TOGETHER(i, ORDER) {
                before[i] = now[i];
            }
            MEET;
            TOGETHER(i, ORDER) {
                double sum = own[i];
                for (int j = 0; j < ORDER && k; j++) sum += columns[j * ORDER + i] * before[j];
                now[i] = sum;
                own[i] = before[i];
            }
        }
        MEET;
    }
}

// The chunks from the states that they begin with, and the state after the last.
KERNEL run(const real *x, const double *sections, const double *starts, real *y, double *last_state,
           int rows, int time, int chunks, int length) {
    EACH(item, (wide)rows * chunks) {
        const int row = item / chunks, chunk = item % chunks;
        const Section *section = (const Section *)(sections + (wide)row * SECTIONS * 5);
        double state[ORDER];
        fetch(starts + item * ORDER, state, ORDER);
        const int last = min((chunk + 1) * length, time);
        const real *signal = x + (wide)row * time;
        real *out = y + (wide)row * time;
        for (int n = chunk * length; n < last; n++) out[n] = forwards(section, state, signal[n]);
        if (chunk == chunks - 1) fetch(state, last_state + (wide)row * ORDER, ORDER);
    }
}

// The gradient of the input, and, where LEARN, the share of each chunk in that of the sections. The
// forward run of a chunk is done once more, TILE samples at a time, from states at the edges of
// tiles, `(rows, chunks, tiles, ORDER)`.
KERNEL run_back(const real *grad, const real *x, const double *sections, const double *starts,
                const double *ends, double *edges, real *dx, double *first_state,
                double *d_sections, int rows, int time, int chunks, int length, int tiles) {
    EACH(item, (wide)rows * chunks) {
        const int row = item / chunks, chunk = item % chunks;
        const Section *section = (const Section *)(sections + (wide)row * SECTIONS * 5);
        const int first = chunk * length, last = min(first + length, time);
        const real *g = grad + (wide)row * time, *signal = x + (wide)row * time;
        real *out = dx + (wide)row * time;
        double later[ORDER];
        fetch(ends + item * ORDER, later, ORDER);
        if (!LEARN) {
            for (int n = last - 1; n >= first; n--) out[n] = backwards(section, later, g[n]);
        } else {
            double state[ORDER], *edge = edges + item * tiles * ORDER;
            fetch(starts + item * ORDER, state, ORDER);
            for (int n = first; n < last; n++) {
                if ((n - first) % TILE == 0) fetch(state, edge + (n - first) / TILE * ORDER, ORDER);
                forwards(section, state, signal[n]);
            }
            double kept[TILE][SECTIONS][3], sums[SECTIONS][5];
            for (int i = 0; i < SECTIONS; i++)
                for (int j = 0; j < 5; j++) sums[i][j] = 0;
            for (int tile = (last - first - 1) / TILE; tile >= 0; tile--) {
                const int begin = first + tile * TILE, size = min(TILE, last - begin);
                fetch(edge + tile * ORDER, state, ORDER);
                for (int m = 0; m < size; m++) {
                    double u = signal[begin + m];
#pragma unroll
                    for (int i = 0; i < SECTIONS; i++) {
                        const Section f = section[i];
                        const double s = state[2 * i], v = state[2 * i + 1];
                        kept[m][i][0] = u, kept[m][i][1] = s, kept[m][i][2] = v;
                        state[2 * i] = f.c * s + v + f.b1 * u;
                        state[2 * i + 1] = f.d * s + f.c * v + f.b2 * u;
                        u = f.b0 * u + s;
                    }
                }
                for (int m = size - 1; m >= 0; m--) {
                    double y = g[begin + m];
#pragma unroll
                    for (int i = SECTIONS - 1; i >= 0; i--) {
                        const Section f = section[i];
                        const double s = later[2 * i], v = later[2 * i + 1];
                        const double u = kept[m][i][0], had_s = kept[m][i][1], had_v = kept[m][i][2];
                        sums[i][0] += s * had_s + v * had_v;
                        sums[i][1] += v * had_s;
                        sums[i][2] += s * u;
                        sums[i][3] += v * u;
                        sums[i][4] += y * u;
                        later[2 * i] = f.c * s + y + f.d * v;
                        later[2 * i + 1] = s + f.c * v;
                        y = f.b0 * y + f.b1 * s + f.b2 * v;
                    }
                    out[begin + m] = y;
                }
            }
            fetch(&sums[0][0], d_sections + item * SECTIONS * 5, SECTIONS * 5);
        }
        if (chunk == 0) fetch(later, first_state + (wide)row * ORDER, ORDER);
    }
}
