// The dialect of the kernels for GPUs on a CPU: one thread does what all of them would, in the order
// of their numbers or, with BACKWARDS, in the opposite one, so that what depends on the order shows.
// With THREADS, so many take turns.

#include <cmath>

typedef long long wide;

#define KERNEL extern "C" void
#define INLINE static inline
#define METHOD inline
#define SHARED static

#ifdef THREADS
#include "taking_turns.h"
#else
#ifdef BACKWARDS
#define ALL(type, i, count) for (type i = (type)(count) - 1; i >= 0; i--)
#else
#define ALL(type, i, count) for (type i = 0; i < (count); i++)
#endif
#define EACH(i, count) ALL(wide, i, count)
#define EACH_BLOCK(i, count) ALL(wide, i, count)
#define TOGETHER(i, count) ALL(int, i, count)
#define MEET
#define ONE_OF_THEM
#endif

template <class A, class B> auto min(A a, B b) -> decltype(a + b) { return a < b ? a : b; }
template <class A, class B> auto max(A a, B b) -> decltype(a + b) { return a < b ? b : a; }
static void atomicMin(int *at, int value) { *at = min(*at, value); }
template <class A, class B> void atomicAdd(A *at, B value) { *at += value; }
using std::exp2;
using std::fabs;
using std::floor;
using std::log2;
