"""Second-order sections in compiled loops, on the lanes of a vector, and their adjoint.

Eight signals run together. A section and its two states are what `dasp.signal.iir.sections_of`
says:

    y = b0 u + s,   s' = c s + v + b1 u,   v' = d s + c v + b2 u

The adjoint runs the transposed sections backwards, from the last to the first.
"""

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._lanes_numba import LANES

STEP = 8
"""Samples that a section takes at a time, with its numbers in registers."""

SILENCE = 1e-200
"""States below it become 0: numbers near the smallest of float64 take long."""

# A section works in a vector of its own. SIGNAL goes into the section and GRAD is its gradient;
# what leaves the section is the SIGNAL of the next, and GRAD likewise. All of it in one array at
# constant distances lets the compiler see that nothing overlaps.
SIGNAL, GRAD, KEPT_S, KEPT_V = (LANES * STEP * i for i in range(4))
S, V, C, D, B1, B2, B0, BACK_S, BACK_V, DC, DD, DB1, DB2, DB0 = (
    LANES * (4 * STEP + i) for i in range(14)
)
SECTION = LANES * (4 * STEP + 14)

loop = compiled(error_model="numpy", fastmath={"contract"})
part = compiled(error_model="numpy", fastmath={"contract"}, kept=False)
inlined = compiled(error_model="numpy", fastmath={"contract"}, kept=False, forceinline=True)


# -- one step of every section --------------------------------------------------------------
#
# Constant counts and choices, written out, are what the compiler makes vectors of.


@part
def forwards(w, n, count, keep):
    for i in range(n):
        if count < STEP:
            _section(w[i * SECTION :], count, True)
        elif keep:
            _section(w[i * SECTION :], STEP, True)
        else:
            _section(w[i * SECTION :], STEP, False)


@part
def backwards(w, n, count, learn):
    for i in range(n - 1, -1, -1):
        if count < STEP:
            _section_back(w[i * SECTION :], count, True)
        elif learn:
            _section_back(w[i * SECTION :], STEP, True)
        else:
            _section_back(w[i * SECTION :], STEP, False)


@inlined
def _section(w, count, keep):
    for k in range(LANES):
        s, v, c, d = w[S + k], w[V + k], w[C + k], w[D + k]
        b1, b2, b0 = w[B1 + k], w[B2 + k], w[B0 + k]
        for m in range(count):
            u = w[SIGNAL + m * LANES + k]
            if keep:
                w[KEPT_S + m * LANES + k] = s
                w[KEPT_V + m * LANES + k] = v
            w[SECTION + SIGNAL + m * LANES + k] = b0 * u + s
            s, v = c * s + (v + b1 * u), d * s + (c * v + b2 * u)
        w[S + k], w[V + k] = s, v


@inlined
def _section_back(w, count, learn):
    for k in range(LANES):
        s, v, c, d = w[BACK_S + k], w[BACK_V + k], w[C + k], w[D + k]
        b1, b2, b0 = w[B1 + k], w[B2 + k], w[B0 + k]
        dc, dd, db1, db2, db0 = w[DC + k], w[DD + k], w[DB1 + k], w[DB2 + k], w[DB0 + k]
        for m in range(count - 1, -1, -1):
            y = w[SECTION + GRAD + m * LANES + k]
            if learn:
                u = w[SIGNAL + m * LANES + k]
                kept_s, kept_v = w[KEPT_S + m * LANES + k], w[KEPT_V + m * LANES + k]
                dc += s * kept_s + v * kept_v
                dd += v * kept_s
                db1 += s * u
                db2 += v * u
                db0 += y * u
            w[GRAD + m * LANES + k] = b0 * y + (b1 * s + b2 * v)
            s, v = c * s + (y + d * v), s + c * v
        w[BACK_S + k], w[BACK_V + k] = s, v
        if learn:
            w[DC + k], w[DD + k], w[DB1 + k], w[DB2 + k], w[DB0 + k] = dc, dd, db1, db2, db0


# -- sections and states, to the lanes and from them -----------------------------------------


@part
def set_sections(sections, w):
    """Lanes beyond the last row are like it. All else becomes 0."""
    rows, n, _ = sections.shape
    w[:] = 0
    for k in range(LANES):
        for i in range(n):
            for j in range(5):
                w[i * SECTION + C + j * LANES + k] = sections[min(k, rows - 1), i, j]


@part
def add_gradients(w, d_sections):
    """Those of lanes beyond the last row are its own. The lanes begin again at 0."""
    rows, n, _ = d_sections.shape
    for k in range(LANES):
        for i in range(n):
            for j in range(5):
                d_sections[min(k, rows - 1), i, j] += w[i * SECTION + DC + j * LANES + k]
                w[i * SECTION + DC + j * LANES + k] = 0


@part
def set_states(states, w):
    for k in range(len(states)):
        for i in range(states.shape[1]):
            w[i // 2 * SECTION + i % 2 * LANES + k] = states[k, i]


@part
def get_states(w, states):
    for k in range(len(states)):
        for i in range(states.shape[1]):
            states[k, i] = w[i // 2 * SECTION + i % 2 * LANES + k]


@part
def keep_states(w, steps, step):
    for i in range(steps.shape[1]):
        for k in range(2 * LANES):
            steps[step, i, k] = w[i * SECTION + S + k]


@part
def return_states(steps, step, w):
    for i in range(steps.shape[1]):
        for k in range(2 * LANES):
            w[i * SECTION + S + k] = steps[step, i, k]


@part
def hush(w, n):
    for i in range(n):
        for k in range(2 * LANES):
            w[i * SECTION + k] *= not abs(w[i * SECTION + k]) < SILENCE
