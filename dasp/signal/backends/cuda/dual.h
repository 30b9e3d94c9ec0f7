// A number with its slopes by K others, which the rules of calculus carry along.

template <int K> struct Dual {
    double value, slope[K];
};

template <int K> INLINE Dual<K> made(double value, const Dual<K> &a, double by_a) {
    Dual<K> y;
    y.value = value;
    for (int k = 0; k < K; k++) y.slope[k] = by_a * a.slope[k];
    return y;
}

template <int K>
INLINE Dual<K> made(double value, const Dual<K> &a, double by_a, const Dual<K> &b, double by_b) {
    Dual<K> y;
    y.value = value;
    for (int k = 0; k < K; k++) y.slope[k] = by_a * a.slope[k] + by_b * b.slope[k];
    return y;
}

#define OF_TWO(operation, value, by_a, by_b)                                             \
    template <int K> INLINE Dual<K> operator operation(const Dual<K> &a, const Dual<K> &b) { \
        return made(value, a, by_a, b, by_b);                                            \
    }
OF_TWO(+, a.value + b.value, 1.0, 1.0)
OF_TWO(-, a.value - b.value, 1.0, -1.0)
OF_TWO(*, a.value * b.value, b.value, a.value)
OF_TWO(/, a.value / b.value, 1 / b.value, -a.value / (b.value * b.value))

template <int K> INLINE Dual<K> operator+(const Dual<K> &a, double b) { return made(a.value + b, a, 1.0); }
template <int K> INLINE Dual<K> operator-(const Dual<K> &a, double b) { return made(a.value - b, a, 1.0); }
template <int K> INLINE Dual<K> operator-(double a, const Dual<K> &b) { return made(a - b.value, b, -1.0); }
template <int K> INLINE Dual<K> operator*(double a, const Dual<K> &b) { return made(a * b.value, b, a); }
template <int K> INLINE Dual<K> cosine(const Dual<K> &a) { return made(cos(a.value), a, -sin(a.value)); }
template <int K> INLINE Dual<K> sine(const Dual<K> &a) { return made(sin(a.value), a, cos(a.value)); }
template <int K> INLINE Dual<K> exponential(const Dual<K> &a) {
    return made(exp(a.value), a, exp(a.value));
}

INLINE double cosine(double a) { return cos(a); }
INLINE double sine(double a) { return sin(a); }
INLINE double exponential(double a) { return exp(a); }

INLINE double value_of(double a) { return a; }
template <int K> INLINE double value_of(const Dual<K> &a) { return a.value; }
