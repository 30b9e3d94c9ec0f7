// The threads of one block, which take turns: each runs alone up to where they meet, in the order of
// their numbers or, with BACKWARDS, in the opposite one. Where they ought to meet and do not, one runs
// ahead of what the others have not written yet, every time.

#include <condition_variable>
#include <mutex>

static std::mutex table;
static std::condition_variable passed;
static int turn, meetings[THREADS];
static bool gone[THREADS];
static thread_local int me;

#ifdef BACKWARDS
#define FIRST_THREAD (THREADS - 1)
#define NEXT(thread) ((thread) + THREADS - 1)
#else
#define FIRST_THREAD 0
#define NEXT(thread) ((thread) + 1)
#endif

static void pass() {
    int next = NEXT(turn) % THREADS;
    while (next != turn && gone[next]) next = NEXT(next) % THREADS;
    turn = next;
    passed.notify_all();
}
static void wait(std::unique_lock<std::mutex> &lock) {
    passed.wait(lock, [] { return turn == me; });
}
static void meet() {
    std::unique_lock<std::mutex> lock(table);
    meetings[me]++;
    pass();
    wait(lock);
}

extern "C" void begin() {
    turn = FIRST_THREAD;
    for (int i = 0; i < THREADS; i++) meetings[i] = gone[i] = 0;
}
extern "C" void enter(int thread) {
    std::unique_lock<std::mutex> lock(table);
    me = thread;
    wait(lock);
}
extern "C" int leave() {
    std::unique_lock<std::mutex> lock(table);
    gone[me] = true;
    pass();
    return meetings[me];
}

#define EACH(i, count) for (wide i = me; i < (count); i += THREADS)
#define EACH_BLOCK(i, count) for (wide i = 0; i < (count); i++)
#define TOGETHER(i, count) for (int i = me; i < (count); i += THREADS)
#define MEET meet()
#define ONE_OF_THEM if (me == 0)
