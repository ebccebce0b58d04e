#pragma once
/// The loop of the tests: time stands still until the test moves it, and every resumption can be counted and stopped at.
///
///     virtual_loop time;
///     scope work{time};
///     work.spawn(caller(time));
///     time.advance(1999ms);                   // everything due until then has happened, in order
///
/// The clock starts at one hour, the wall clock at 2026-01-01. `step()` resumes one coroutine, which is what the
/// cancellation sweep needs: run k steps, destroy the root, look for leaks (tests/support/sweep.hpp).
///
/// delay_wakes() puts a drawn time between being woken and being resumed, as a busy machine would: what holds only because
/// two things happen in the same turn comes apart.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "lib/async/loop.hpp"

namespace weir {

class virtual_loop final : public loop {
public:
    virtual_loop() : loop{time_point{1h}, 1'767'225'600'000'000 - 3'600'000'000} {}

    /// Runs what is ready until nothing is; time does not move. Gives up after a million resumptions: an endless loop.
    void settle() {
        for (int i = 0; i < 1'000'000; ++i) {
            if (!step()) return;
        }
        stuck_ = true;
    }

    /// Moves time forward, stopping at every deadline on the way.
    void advance(nanoseconds by) {
        const auto end = after(by);
        settle();
        while (const auto next = next_event()) {
            if (*next > end) break;
            move_to(*next);
            settle();
        }
        move_to(end);
        settle();
    }

    /// Resumes one coroutine or, when none is ready, does the work for the end of the turn; false when there is neither.
    bool step() {
        while (run_remote(256)) {}
        while (true) {
            if (resume_delayed()) return true;
            if (!has_ready() && run_turn_end()) return true;
            if (!has_ready()) start_turn();
            if (!has_ready()) return false;
            auto& next = take_ready();
            const auto late = delay_ ? delay_() : nanoseconds{};
            if (late <= 0ns) {
                resume(next);
                return true;
            }
            delayed_.emplace(after(late), std::make_unique<list<waiter>>())->second->push_back(next);
        }
    }
    /// As step(), but moves time to the next deadline when nothing is ready; false when nothing can happen any more.
    bool step_or_wait() {
        while (!step()) {
            const auto next = next_event();
            if (!next) return false;
            move_to(*next);
        }
        return true;
    }
    /// True if settle() gave up.
    bool stuck() const noexcept { return stuck_; }
    /// Nobody is ready, has yielded, or sleeps.
    bool idle() const noexcept {
        const auto gone = [](const auto& entry) { return entry.second->empty(); };
        return !has_ready() && !has_yielded() && !has_turn_end_work() && timers().empty() &&
               std::all_of(delayed_.begin(), delayed_.end(), gone);
    }

    /// From now on a coroutine that is woken resumes `draw()` later; nothing to draw from: at once again.
    void delay_wakes(std::function<nanoseconds()> draw) { delay_ = std::move(draw); }

private:
    void on_posted() noexcept override {}
    void on_timer_added(std::uint64_t) noexcept override {}

    std::optional<time_point> next_event() const {
        std::optional<time_point> next;
        if (const auto timer = timers().next()) next = time_point{milliseconds{static_cast<std::int64_t>(*timer)}};
        if (!delayed_.empty() && (!next || delayed_.begin()->first < *next)) next = delayed_.begin()->first;
        return next;
    }
    void move_to(time_point when) {
        ++statistics.turns;
        if (when > now()) statistics.waited += when - now();
        set_now(std::max(when, now()));
        run_timers();
    }
    bool resume_delayed() {
        while (!delayed_.empty() && delayed_.begin()->first <= now()) {
            const auto due = delayed_.extract(delayed_.begin());
            if (due.mapped()->empty()) continue;  // cancelled, or woken anew, meanwhile
            resume(due.mapped()->pop_front());
            return true;
        }
        return false;
    }

    std::function<nanoseconds()> delay_;
    std::multimap<time_point, std::unique_ptr<list<waiter>>> delayed_;  // one waiter each, which may unlink itself
    bool stuck_ = false;
};

}  // namespace weir
