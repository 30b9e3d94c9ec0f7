// The level in dB of the loudest channel, one sample of a key `(channels, time)`.

#define LOG2_E 1.4426950408889634

INLINE real loudest_of(const real *key, int channels, int time) {
    real loudest = 0;
    for (int c = 0; c < channels; c++) {
        const real size = fabs(key[(wide)c * time]);
        loudest = loudest >= size ? loudest : size;  // and a NaN stays one
    }
    return loudest;
}

INLINE double level_of(real loudest, real floor, double db_per_octave) {
    return db_per_octave * log2((double)(loudest < floor ? floor : loudest));
}

// From the gradient of a level to that of the channels at one sample, which is added to what is there
// or not. Channels that are equally loud share it.
INLINE void level_back(double d_level, const real *key, real loudest, real floor, double db_per_octave,
                       int channels, int time, bool adds, real *d_key) {
    int ties = 0;
    for (int c = 0; c < channels; c++) ties += fabs(key[(wide)c * time]) == loudest;
    const double per_size = loudest < floor ? 0.0 : d_level * db_per_octave * LOG2_E / loudest / ties;
    for (int c = 0; c < channels; c++) {
        const wide at = (wide)c * time;
        const double change = fabs(key[at]) == loudest ? (key[at] > 0 ? per_size : -per_size) : 0.0;
        d_key[at] = (adds ? (double)d_key[at] : 0.0) + change;
    }
}
