#include "dual.h"

// Third-order Lagrange interpolation at a point `d` samples behind the newest of four.
template <class N> INLINE void lagrange(N d, N *weights) {
    const N d1 = d - 1.0, d2 = d - 2.0, d3 = d - 3.0;
    weights[0] = (-1.0 / 6) * d1 * d2 * d3;
    weights[1] = 0.5 * d * d2 * d3;
    weights[2] = -0.5 * d * d1 * d3;
    weights[3] = (1.0 / 6) * d * d1 * d2;
}
