// A feedback delay network, and its adjoint; see dasp.functional.feedback_delay_network.
//
// A block takes a row. It advances by tiles of time that are no longer than the shortest line: each
// line is filtered by a thread, then each sample of all lines is mixed by a thread. LINES is their
// number, SECTIONS that of the filter of each, and LENGTHS their lengths. What is written into the
// lines is in `memory`, `(rows, LINES, size)`: all of it, or, where `mask` is not -1, the newest.

#include "lines.h"

#define ORDER (2 * SECTIONS)

struct Section { double c, d, b1, b2, b0; };

// By the Hadamard matrix but for its scale.
INLINE void mix(double *v) {
#pragma unroll
    for (int half = 1; half < LINES; half *= 2)
#pragma unroll
        for (int i = 0; i < LINES; i++)
            if (!(i & half)) {
                const double a = v[i], b = v[i + half];
                v[i] = a + b, v[i + half] = a - b;
            }
}

// An element of it, whose sign is the parity of the bits that row and column share.
INLINE double sign_of(int row, int column) {
    int bits = row & column, odd = 0;
    for (; bits; bits &= bits - 1) odd ^= 1;
    return odd ? -1.0 : 1.0;
}

INLINE double forwards(const Section *section, double *state, double u, double (*kept)[3]) {
#pragma unroll
    for (int i = 0; i < SECTIONS; i++) {
        const Section f = section[i];
        const double s = state[2 * i], v = state[2 * i + 1];
        if (kept) kept[i][0] = u, kept[i][1] = s, kept[i][2] = v;
        state[2 * i] = f.c * s + v + f.b1 * u;
        state[2 * i + 1] = f.d * s + f.c * v + f.b2 * u;
        u = f.b0 * u + s;
    }
    return u;
}

// `work` is a tile of all lines for each row, `(rows, LINES, tile)`. The states before every tile go
// to `edges`, `(rows, tiles, LINES, ORDER)`, where `keeps`.
KERNEL run(const real *x, const double *sections, const double *level, real *memory, double *states,
           double *edges, double *work, real *y, int rows, int channels, int time, int size, int mask,
           int past, int tile, int tiles, int written_left, int written_right, int heard_left,
           int heard_right, double scale, int keeps) {
    EACH_BLOCK(row, rows) {
        real *lines = memory + row * LINES * size;
        double *mixed = work + row * LINES * tile;
        for (int start = 0; start < time; start += tile) {
            const int count = min(tile, time - start);
            TOGETHER(line, LINES) {
                const Section *section = (const Section *)(sections + (row * LINES + line) * SECTIONS * 5);
                double *kept_state = states + (row * LINES + line) * ORDER, state[ORDER];
                for (int i = 0; i < ORDER; i++) state[i] = kept_state[i];
                if (keeps)
                    for (int i = 0; i < ORDER; i++)
                        edges[((row * tiles + start / tile) * LINES + line) * ORDER + i] = state[i];
                const int from = past + start - length_of(line);
                for (int m = 0; m < count; m++)
                    mixed[line * tile + m] =
                        forwards(section, state, lines[(wide)line * size + ((from + m) & mask)], 0);
                for (int i = 0; i < ORDER; i++) kept_state[i] = state[i];
            }
            MEET;
            TOGETHER(m, count) {
                double v[LINES];
                for (int i = 0; i < LINES; i++) v[i] = mixed[i * tile + m];
                mix(v);
                for (int c = 0; c < channels; c++) {
                    const wide at = (row * channels + c) * time + start + m;
                    const int heard = c ? heard_right : heard_left;
                    double of_line = 0;
                    for (int i = 0; i < LINES; i++) of_line = i == heard ? v[i] : of_line;
                    y[at] = level[row] * scale * of_line;
                }
                for (int c = 0; c < channels; c++) {
                    const double now = x[(row * channels + c) * time + start + m];
                    for (int i = 0; i < LINES; i++)
                        v[i] += sign_of(c ? written_right : written_left, i) * now;
                }
                for (int i = 0; i < LINES; i++)
                    lines[(wide)i * size + ((past + start + m) & mask)] = scale * v[i];
            }
            MEET;
        }
    }
}

// The same network backwards in time: a line is written when it was read. `later`, `(rows, LINES,
// ring)`, is what comes back to the lines. `signals` holds what goes between the sections of a tile,
// `(rows, LINES, tile, SECTIONS, 3)`; `adjoints`, `(rows, LINES, ORDER)`, and `d_sections` begin at 0.
KERNEL run_back(const real *grad, const double *sections, const double *level, const real *memory,
                const double *edges, double *later, double *work, double *signals, double *adjoints,
                real *dx, double *d_sections, int rows, int channels, int time, int size, int ring, int past,
                int tile, int tiles, int written_left, int written_right, int heard_left,
                int heard_right, double scale) {
    EACH_BLOCK(row, rows) {
        const real *lines = memory + row * LINES * size;
        double *back = later + row * LINES * ring, *mixed = work + row * LINES * tile;
        for (int start = (time - 1) / tile * tile; start >= 0; start -= tile) {
            const int count = min(tile, time - start);
            TOGETHER(m, count) {
                double v[LINES];
                for (int i = 0; i < LINES; i++)
                    v[i] = scale * back[(wide)i * ring + ((start + m + length_of(i)) & (ring - 1))];
                for (int c = 0; c < channels; c++) {
                    double sum = 0;
                    for (int i = 0; i < LINES; i++)
                        sum += sign_of(c ? written_right : written_left, i) * v[i];
                    dx[(row * channels + c) * time + start + m] = sum;
                }
                for (int c = 0; c < channels; c++) {
                    const double now = grad[(row * channels + c) * time + start + m];
                    const int heard = c ? heard_right : heard_left;
                    for (int i = 0; i < LINES; i++) v[i] += i == heard ? level[row] * scale * now : 0.0;
                }
                mix(v);
                for (int i = 0; i < LINES; i++) mixed[i * tile + m] = v[i];
            }
            MEET;
            TOGETHER(line, LINES) {
                const wide of_line = row * LINES + line;
                const Section *section = (const Section *)(sections + of_line * SECTIONS * 5);
                double state[ORDER], (*kept)[3] = (double (*)[3])(signals + of_line * tile * SECTIONS * 3);
                double *adjoint = adjoints + of_line * ORDER;
                double *sums = d_sections + of_line * SECTIONS * 5;
                const double *edge = edges + ((row * tiles + start / tile) * LINES + line) * ORDER;
                for (int i = 0; i < ORDER; i++) state[i] = edge[i];
                const int from = past + start - length_of(line);
                for (int m = 0; m < count; m++)
                    forwards(section, state, lines[(wide)line * size + from + m], kept + m * SECTIONS);
                for (int m = count - 1; m >= 0; m--) {
                    double y = mixed[line * tile + m];
#pragma unroll
                    for (int i = SECTIONS - 1; i >= 0; i--) {
                        const Section f = section[i];
                        const double *had = kept[m * SECTIONS + i];
                        const double s = adjoint[2 * i], v = adjoint[2 * i + 1];
                        sums[i * 5] += s * had[1] + v * had[2];
                        sums[i * 5 + 1] += v * had[1];
                        sums[i * 5 + 2] += s * had[0];
                        sums[i * 5 + 3] += v * had[0];
                        sums[i * 5 + 4] += y * had[0];
                        adjoint[2 * i] = f.c * s + y + f.d * v;
                        adjoint[2 * i + 1] = s + f.c * v;
                        y = f.b0 * y + f.b1 * s + f.b2 * v;
                    }
                    back[(wide)line * ring + ((start + m) & (ring - 1))] = y;
                }
            }
            MEET;
        }
    }
}
