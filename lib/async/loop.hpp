#pragma once
/// One event loop, one thread: the ready list, the timers and the clock that every coroutine of a worker shares.
///
///     co_await time.sleep(25ms);
///     co_await time.yield();                 // let everyone else have a turn
///     const auto elapsed = time.now() - started;
///
/// `loop` is abstract in one point only, what drives it: `uv_loop` (uv_loop.hpp) on libuv and the real clock, `virtual_loop`
/// (virtual_loop.hpp) in tests, where time moves when the test says so.
///
/// Rules that make destruction safe:
///  - Only the loop resumes a suspended coroutine. Whatever wakes one posts it; so nobody is destroyed while on the stack.
///  - Every awaiter unlinks itself in its destructor.
/// Everything here belongs to the loop's thread, except call_from_other_thread().
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "lib/async/timer_wheel.hpp"
#include "lib/async/waiter.hpp"

namespace weir {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// The loop's clock: monotonic, read once per turn of the loop.
struct loop_clock {
    using duration = nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<loop_clock>;
    static constexpr bool is_steady = true;
};
using time_point = loop_clock::time_point;

/// Something that is better done for many at once: when nobody is ready any more, before the loop waits. Destroying it, or
/// unlinking it, takes it back.
struct turn_end_work : list_node {
    virtual void at_turn_end() noexcept = 0;

protected:
    ~turn_end_work() = default;
};

/// Wakes a loop, from any thread.
class loop_bell {
public:
    virtual ~loop_bell() = default;
    virtual void ring() noexcept = 0;
};

class loop {
public:
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;
    virtual ~loop() = default;

    /// Monotonic time as of the start of this turn.
    time_point now() const noexcept { return now_; }
    /// now() + `duration`, or the end of time if that is beyond it.
    time_point after(nanoseconds duration) const noexcept {
        return duration < time_point::max() - now_ ? now_ + duration : time_point::max();
    }
    /// Microseconds since the Unix epoch, for logs; follows now().
    std::int64_t wall_us() const noexcept {
        return wall_offset_us_ + std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch()).count();
    }

    /// Has `w.handle` resumed by the loop, in this turn. `w` may be linked elsewhere; posting moves it.
    void post(waiter& w) noexcept {
        w.unlink();
        ready_.push_back(w);
        on_posted();
    }

    /// Has `work` done at the end of this turn, once. Whom it makes ready is resumed in the same turn.
    void at_turn_end(turn_end_work& work) noexcept {
        turn_end_.push_back(work);
        on_posted();
    }

    class sleep_awaiter;
    class yield_awaiter;
    /// Resumes at `when` at the earliest, to the millisecond. Cancelling disarms.
    sleep_awaiter sleep_until(time_point when) noexcept;
    sleep_awaiter sleep(nanoseconds duration) noexcept;
    /// Resumes in the next turn, after the loop has looked at its sockets and timers.
    yield_awaiter yield() noexcept;

    /// Runs `work` on the loop's thread, soon. Safe from any thread as long as the loop lives; what `work` tells the loop may
    /// be that it can end.
    void call_from_other_thread(std::move_only_function<void()> work) {
        if (const auto bell = leave_call(std::move(work))) bell->ring();
    }
    /// The same in two steps, for one who holds locks that the loop may want as soon as it wakes: ring when they are given
    /// up, even if the loop is gone by then. Null: there is no need to.
    [[nodiscard]] std::shared_ptr<loop_bell> leave_call(std::move_only_function<void()> work);

    /// What has happened on this loop since it began; read by the loop's own thread.
    struct counts {
        std::uint64_t resumed = 0;        // coroutines resumed
        std::uint64_t tasks_spawned = 0;  // children of scopes
        std::uint64_t tasks_live = 0;
        std::uint64_t turns = 0;
        nanoseconds waited{};  // for something to happen; the rest of the time it was at work
    };
    counts statistics;

protected:
    explicit loop(time_point start, std::int64_t wall_offset_us) noexcept
        : now_{start}, wall_offset_us_{wall_offset_us}, timers_{to_ms_floor(start)} {}

    /// A coroutine became ready, or there is work for the end of the turn: see to it that both are soon seen to.
    virtual void on_posted() noexcept = 0;
    /// A timer was added that may be the earliest.
    virtual void on_timer_added(std::uint64_t due_ms) noexcept = 0;
    /// When it rings, run_remote() is to be called soon. Set once, by the constructor; null: that happens in any case.
    std::shared_ptr<loop_bell> bell_;

    /// Resumes what is ready, at most `budget` coroutines; what is left of the budget.
    unsigned run_ready(unsigned budget);
    /// Does the work that is put off to the end of the turn; false if there is none.
    bool run_turn_end();
    /// Makes those that yielded ready.
    void start_turn() noexcept { ready_.take_all(yielded_); }
    /// Runs at most `budget` of the calls from other threads; true if some are left.
    bool run_remote(unsigned budget);
    void set_now(time_point now) noexcept { now_ = now; }
    void set_wall_offset(std::int64_t us) noexcept { wall_offset_us_ = us; }
    /// Moves the timers to now(); what is due becomes ready.
    void run_timers();
    /// The next that is ready, taken from the list. There must be one.
    waiter& take_ready() noexcept { return ready_.pop_front(); }
    void resume(waiter& w) {
        ++statistics.resumed;
        w.handle.resume();  // may destroy `w`: last use
    }
    bool has_ready() const noexcept { return !ready_.empty(); }
    bool has_yielded() const noexcept { return !yielded_.empty(); }
    bool has_turn_end_work() const noexcept { return !turn_end_.empty(); }
    const timer_wheel& timers() const noexcept { return timers_; }

    static std::uint64_t to_ms_floor(time_point t) noexcept {
        return static_cast<std::uint64_t>(t.time_since_epoch().count()) / 1'000'000;
    }

private:
    friend class sleep_awaiter;
    friend class yield_awaiter;
    void arm(timed_waiter& t, time_point when) noexcept;

    time_point now_;
    std::int64_t wall_offset_us_;
    list<waiter> ready_, yielded_;
    list<turn_end_work> turn_end_;
    timer_wheel timers_;
    std::mutex remote_mutex_;
    std::vector<std::move_only_function<void()>> remote_;
};

class [[nodiscard]] loop::sleep_awaiter {
public:
    sleep_awaiter(loop& time, time_point when) noexcept : loop_{&time}, when_{when} {}
    bool await_ready() const noexcept { return when_ <= loop_->now(); }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
        timer_.handle = parent;
        loop_->arm(timer_, when_);
        return true;
    }
    void await_resume() const noexcept {}
    bool settled() const noexcept { return when_ <= loop_->now(); }

private:
    loop* loop_;
    time_point when_;
    timed_waiter timer_;
};

class [[nodiscard]] loop::yield_awaiter {
public:
    explicit yield_awaiter(loop& time) noexcept : loop_{&time} {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
        waiter_.handle = parent;
        loop_->yielded_.push_back(waiter_);
        loop_->on_posted();
        return true;
    }
    void await_resume() const noexcept {}
    bool settled() const noexcept { return !waiter_.linked(); }

private:
    loop* loop_;
    waiter waiter_;
};

inline loop::sleep_awaiter loop::sleep_until(time_point when) noexcept { return {*this, when}; }
inline loop::sleep_awaiter loop::sleep(nanoseconds duration) noexcept { return {*this, after(duration)}; }
inline loop::yield_awaiter loop::yield() noexcept { return yield_awaiter{*this}; }

}  // namespace weir
