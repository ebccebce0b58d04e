#pragma once
/// Idle thread: computes with processor time that nobody else wants (Linux's SCHED_IDLE), for another thread that waits for
/// it, and goes on without it where there is no such time.
///
///     idle_thread spare{"weir-tls"};
///     spare_time judge;
///     if (!judge.left() || spare.at_work()) ...                  // do it oneself, and tell the judge
///     else if (!spare.do_now([job] { job->work(); }, judge)) ... // it gets no time: done when spare.at_work() is false
///
/// A thread of low priority (nice) that has got a processor may keep it for the rest of its slice, a millisecond or more, and
/// a processor on which it runs counts as taken when the scheduler looks for a place for one that wakes up. An idle thread
/// gives way at once, and its processor counts as free.
///
/// The price is that on a machine that becomes full of other work it gets next to nothing (a weight of 3 beside 1,024), and a
/// thread without privileges cannot leave SCHED_IDLE: the work in hand then takes some hundred times its processor time. So it
/// should be brief, and there is a judge (spare_time.hpp). Where the system does not allow SCHED_IDLE it is a thread of nice 19.
///
/// Where there are as many idle threads as processors for this process, each stays on one of its own: they have no cause to
/// move (measured with two in a storm of handshakes: a twentieth more of them). Fewer go wherever there is room, and so does
/// one whose processor others have: it is let go after 40 ms, for that and the next hundred pieces of work, and before its
/// end. So a piece waits at most 40 ms longer than without all this.
///
///     idle_thread second{"weir-tls", {.number = 1, .of = 2}};
///
/// Work that waits for something instead of computing looks like getting no time. All functions but the work itself
/// belong to the thread that made this; the destructor waits for the work in hand.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "lib/async/spare_time.hpp"

namespace weir {

struct idle_place {
    unsigned number = 0, of = 0;  // counted from 0; of so many idle threads
};

class idle_thread {
public:
    explicit idle_thread(const std::string& name, idle_place here = {});
    idle_thread(const idle_thread&) = delete;
    idle_thread& operator=(const idle_thread&) = delete;
    ~idle_thread();

    /// True: done. False: `judge` says that there is no time for it; it is still at it. Only while not at_work().
    bool do_now(std::function<void()> work, spare_time& judge);
    bool at_work() const;

private:
    void main(const std::string& name);
    void stay_on_one() noexcept;
    void go_about() noexcept;

    idle_place here_;
    bool stays_ = false;       // on one processor
    int to_go_about_for_ = 0;  // pieces of work, before it is to stay again
    mutable std::mutex mutex_;
    std::condition_variable given_, done_;
    std::function<void()> work_;
    bool at_work_ = false, ending_ = false;
    std::thread thread_;
};

}  // namespace weir
