"""Second-order sections in compiled loops, on the lanes of a vector, and their adjoint.

Eight signals run together. A section and its two states are what `dasp.signal.iir.sections_of`
says:

    y = b0 u + s,   s' = c s + v + b1 u,   v' = d s + c v + b2 u

The adjoint runs the transposed sections backwards, from the last to the first. What it needs of the
states follows from the signals u in front of all sections, which stay in the cache for a while.
"""

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._lanes_numba import LANES, WIDTH, fma, load, minus, store, times

STEP = 16
"""Samples that a section takes at a time, with its numbers in registers.

They are a whole line of the cache in float32. Rows whose length is a power of two have the same few
places there, and throw each other out of it between one half of a line and the other.
"""

KEPT = 256
"""Samples whose signals in front of the sections are kept, for the gradient."""

SILENCE = 1e-200
"""States below it become 0: numbers near the smallest of float64 take long."""

# A section works in a vector of its own. SIGNAL goes into the section and GRAD is its gradient;
# what leaves the section is the SIGNAL of the next, and GRAD likewise.
SIGNAL = 0
GRAD = LANES * KEPT
S, V, C, D, B1, B2, B0, BACK_S, BACK_V, DC, DD, DB1, DB2, DB0 = (
    LANES * (KEPT + STEP + i) for i in range(14)
)
SECTION = LANES * (KEPT + STEP + 14)

loop = compiled(error_model="numpy", fastmath={"contract"})
part = compiled(error_model="numpy", fastmath={"contract"}, kept=False)
inlined = compiled(error_model="numpy", fastmath={"contract"}, kept=False, forceinline=True)


# -- one step of every section --------------------------------------------------------------
#
# A step begins at a sample of those that are kept. Constant counts let the compiler write it out.


@part
def forwards(w, n, at, count):
    for i in range(n):
        if count < STEP:
            _section(w[i * SECTION :], at * LANES, count)
        else:
            _section(w[i * SECTION :], at * LANES, STEP)


@part
def backwards(w, n, at, count, learn):
    """`learn` the gradients of the sections, whose states are those behind the step."""
    for i in range(n - 1, -1, -1):
        if count < STEP:
            _section_back(w[i * SECTION :], at * LANES, count, True)
        elif learn:
            _section_back(w[i * SECTION :], at * LANES, STEP, True)
        else:
            _section_back(w[i * SECTION :], at * LANES, STEP, False)


@inlined
def _section(w, at, count):
    for k in range(0, LANES, WIDTH):
        s, v, c, d = load(w, S + k), load(w, V + k), load(w, C + k), load(w, D + k)
        b1, b2, b0 = load(w, B1 + k), load(w, B2 + k), load(w, B0 + k)
        for m in range(count):
            now = at + m * LANES + k
            u = load(w, SIGNAL + now)
            store(w, SECTION + SIGNAL + now, fma(b0, u, s))
            s, v = fma(c, s, fma(b1, u, v)), fma(d, s, fma(c, v, times(b2, u)))
        store(w, S + k, s)
        store(w, V + k, v)


@inlined
def _section_back(w, at, count, learn):
    for k in range(0, LANES, WIDTH):
        back_s, back_v = load(w, BACK_S + k), load(w, BACK_V + k)
        c, d = load(w, C + k), load(w, D + k)
        b1, b2, b0 = load(w, B1 + k), load(w, B2 + k), load(w, B0 + k)
        if learn:
            dc, dd, db1 = load(w, DC + k), load(w, DD + k), load(w, DB1 + k)
            db2, db0, later_s = load(w, DB2 + k), load(w, DB0 + k), load(w, S + k)
        for m in range(count - 1, -1, -1):
            now = at + m * LANES + k
            y = load(w, SECTION + GRAD + m * LANES + k)
            if learn:
                u = load(w, SIGNAL + now)
                s = fma(minus(b0), u, load(w, SECTION + SIGNAL + now))
                v = fma(minus(b1), u, fma(minus(c), s, later_s))
                dc = fma(back_s, s, fma(back_v, v, dc))
                dd = fma(back_v, s, dd)
                db1, db2, db0 = fma(back_s, u, db1), fma(back_v, u, db2), fma(y, u, db0)
                later_s = s
            du = fma(b1, back_s, fma(b2, back_v, times(b0, y)))
            store(w, GRAD + m * LANES + k, du)
            back_s, back_v = fma(c, back_s, fma(d, back_v, y)), fma(c, back_v, back_s)
        store(w, BACK_S + k, back_s)
        store(w, BACK_V + k, back_v)
        if learn:
            store(w, DC + k, dc)
            store(w, DD + k, dd)
            store(w, DB1 + k, db1)
            store(w, DB2 + k, db2)
            store(w, DB0 + k, db0)
            store(w, S + k, later_s)


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
def hush(w, n):
    for i in range(n):
        for k in range(2 * LANES):
            w[i * SECTION + k] *= not abs(w[i * SECTION + k]) < SILENCE
