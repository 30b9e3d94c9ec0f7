// The threads of one block, which take turns: each runs alone up to where they meet, in the order of
// their numbers or in the opposite one. Where they ought to meet and do not, one runs ahead of what the
// others have not written yet, every time.

#include <condition_variable>
#include <mutex>

static std::mutex table;
static std::condition_variable passed;
static int turn, to_the_next, meetings[THREADS];
static bool gone[THREADS];
static thread_local int me;

static void pass() {
    const int last = turn;
    do turn = (turn + to_the_next) % THREADS;
    while (gone[turn] && turn != last);
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

extern "C" void begin(int backwards) {
    turn = backwards ? THREADS - 1 : 0;
    to_the_next = backwards ? THREADS - 1 : 1;
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
