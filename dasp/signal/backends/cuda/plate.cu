// The tank of the plate, two halves that end in each other, and its adjoint; see
// dasp.functional.plate_reverb.
//
// A block takes a row, and as much time at once as no delay is shorter than. What is written into the
// delays is in `written`, `(rows, LINES, 2, time)`. `g` is the gain of the swinging all-pass, `ag` that
// of the other. What the sides hear is in TAPS, of which each is a side, a line, a half, a length and
// a sign.

#include "lagrange.h"

#define AHEAD 256
#define LINES 4
enum { SWINGING, FIRST, ALL_PASS, SECOND };

struct Delays { int first[2], all_pass[2], second[2]; };
struct Tap { int side, line, half, length, sign; };

INLINE Tap tap_of(int i) {
    const Tap taps[TAP_COUNT] = {TAPS};
    return taps[i];
}

INLINE double late(const real *line, wide n) { return n < 0 ? 0.0 : (double)line[n]; }
INLINE double soon(const double *line, wide n, int time) { return n < time ? line[n] : 0.0; }
INLINE wide newest_of(double delay) { return max((wide)floor(delay) - 1, (wide)1); }

KERNEL tank(const real *x, const real *decay, const real *damping, const double *swing, real *written,
            real *damped, double *carried, int rows, int time, int most, int first_0, int first_1,
            int all_pass_0, int all_pass_1, int second_0, int second_1, double g, double ag) {
    SHARED int shortest;
    const Delays delay = {{first_0, first_1}, {all_pass_0, all_pass_1}, {second_0, second_1}};
    EACH_BLOCK(row, rows) {
        real *lines = written + row * LINES * 2 * time;
        const double gain = decay[row], pole = damping[row];
        for (int start = 0; start < time;) {
            const int ahead = min(most, time - start);
            ONE_OF_THEM shortest = ahead;
            MEET;
            TOGETHER(m, 2 * ahead)
                atomicMin(&shortest, (int)newest_of(swing[(row * 2 + m % 2) * time + start + m / 2]));
            MEET;
            const int size = shortest;
            TOGETHER(m, 2 * size) {
                const int half = m % 2, n = start + m / 2;
                real *swinging = lines + (SWINGING * 2 + half) * (wide)time;
                const real *other = lines + (SECOND * 2 + 1 - half) * (wide)time;
                const double signal = x[row * time + n] + gain * late(other, n - delay.second[1 - half]);
                const double length = swing[(row * 2 + half) * time + n];
                const wide newest = newest_of(length);
                double weight[4], sum = 0;
                lagrange(length - newest, weight);
                for (int k = 0; k < 4; k++) sum += weight[k] * late(swinging, n - newest - k);
                const double inside = signal - g * sum;
                swinging[n] = inside;
                lines[(FIRST * 2 + half) * (wide)time + n] = g * inside + (signal - inside) / g;
            }
            TOGETHER(half, 2) {
                const real *first = lines + (FIRST * 2 + half) * (wide)time;
                double last = carried[row * 2 + half];
                for (int n = start; n < start + size; n++) {
                    last = pole * last + (1 - pole) * late(first, n - delay.first[half]);
                    damped[(row * 2 + half) * time + n] = last;
                }
                carried[row * 2 + half] = last;
            }
            MEET;
            TOGETHER(m, 2 * size) {
                const int half = m % 2, n = start + m / 2;
                real *all_pass = lines + (ALL_PASS * 2 + half) * (wide)time;
                const double signal = gain * damped[(row * 2 + half) * time + n];
                const double inside = signal - ag * late(all_pass, n - delay.all_pass[half]);
                all_pass[n] = inside;
                lines[(SECOND * 2 + half) * (wide)time + n] = ag * inside + (signal - inside) / ag;
            }
            MEET;
            start += size;
        }
    }
}

KERNEL hear(const real *written, real *y, int rows, int sides, int time, double gain) {
    EACH(item, (wide)rows * sides * time) {
        const wide row = item / time / sides, n = item % time;
        double sum = 0;
        for (int i = 0; i < TAP_COUNT; i++) {
            const Tap tap = tap_of(i);
            if (tap.side != item / time % sides) continue;
            const real *line = written + ((row * LINES + tap.line) * 2 + tap.half) * time;
            sum += tap.sign * late(line, n - tap.length);
        }
        y[item] = gain * sum;
    }
}

// The gradient of what is in a line, by what the sides hear of it.
INLINE double heard_back(const real *grad, int sides, int time, int line, int half, wide n,
                         double gain) {
    double sum = 0;
    for (int i = 0; i < TAP_COUNT; i++) {
        const Tap tap = tap_of(i);
        const wide at = n + tap.length;
        if (tap.side < sides && tap.line == line && tap.half == half && at < time)
            sum += tap.sign * (double)grad[(wide)tap.side * time + at];
    }
    return gain * sum;
}

// `d_signal`, `d_damped`, `d_all_pass` and `returned`, which begins at 0, are `(rows, 2, time)`, as are
// the gradients of the swing and, at every sample, of the decay; that of the damping is `(rows, 2)`.
KERNEL tank_back(const real *grad, const real *decay, const real *damping, const double *swing,
                 const real *written, const real *damped, double *d_signal, double *d_damped,
                 double *d_all_pass, double *returned, double *carried, double *d_swing,
                 double *d_decay, double *d_damping, int rows, int sides, int time, int most,
                 int first_0, int first_1, int all_pass_0, int all_pass_1, int second_0, int second_1,
                 double g, double ag, double tap_gain) {
    SHARED int shortest;
    const Delays delay = {{first_0, first_1}, {all_pass_0, all_pass_1}, {second_0, second_1}};
    EACH_BLOCK(row, rows) {
        const real *lines = written + row * LINES * 2 * time, *heard = grad + row * sides * time;
        const double gain = decay[row], pole = damping[row];
        for (int end = time; end > 0;) {
            const int ahead = min(most, end);
            ONE_OF_THEM shortest = ahead;
            MEET;
            TOGETHER(m, 2 * ahead)
                atomicMin(&shortest, (int)newest_of(swing[(row * 2 + m % 2) * time + end - 1 - m / 2]));
            MEET;
            const int size = shortest;
            TOGETHER(m, 2 * size) {
                const int half = m % 2, n = end - 1 - m / 2;
                const wide own = (row * 2 + half) * time, others = (row * 2 + 1 - half) * time;
                const double second = heard_back(heard, sides, time, SECOND, half, n, tap_gain) +
                                      gain * soon(d_signal + others, n + delay.second[half], time);
                const double inside = heard_back(heard, sides, time, ALL_PASS, half, n, tap_gain) +
                                      (ag - 1 / ag) * second -
                                      ag * soon(d_all_pass + own, n + delay.all_pass[half], time);
                d_all_pass[own + n] = inside;

                const double first = heard_back(heard, sides, time, FIRST, half, n, tap_gain) +
                                     soon(d_damped + own, n + delay.first[half], time);
                const double swung = (g - 1 / g) * first + returned[own + n];
                d_signal[own + n] = first / g + swung;
                const real *swinging = lines + (SWINGING * 2 + half) * (wide)time;
                const double length = swing[own + n];
                const wide newest = newest_of(length);
                const Dual<1> point = {length - newest, {1}};
                Dual<1> weight[4];
                lagrange(point, weight);
                double slope = 0;
                for (int k = 0; k < 4; k++) {
                    const wide from = n - newest - k;
                    if (from < 0) continue;
                    slope += weight[k].slope[0] * swinging[from];
                    atomicAdd(returned + own + from, -g * weight[k].value * swung);
                }
                d_swing[own + n] = -g * slope * swung;

                const double d_s = second / ag + inside;
                const real *other = lines + (SECOND * 2 + 1 - half) * (wide)time;
                d_decay[own + n] = d_s * damped[own + n] +
                                   d_signal[own + n] * late(other, n - delay.second[1 - half]);
                d_damped[own + n] = gain * d_s;
            }
            MEET;
            TOGETHER(half, 2) {
                const wide own = (row * 2 + half) * time;
                const real *first = lines + (FIRST * 2 + half) * (wide)time;
                double later = carried[row * 2 + half], by_pole = d_damping[row * 2 + half];
                for (int n = end - 1; n >= end - size; n--) {
                    later = d_damped[own + n] + pole * later;
                    by_pole += later * (late(damped + own, n - 1) - late(first, n - delay.first[half]));
                    d_damped[own + n] = (1 - pole) * later;
                }
                carried[row * 2 + half] = later, d_damping[row * 2 + half] = by_pole;
            }
            MEET;
            end -= size;
        }
    }
}
