// LENGTHS are those of the LINES of a delay network.

INLINE int length_of(int line) {
    const int lengths[LINES] = {LENGTHS};
    return lengths[line];
}
