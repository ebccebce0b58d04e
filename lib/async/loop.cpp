#include "lib/async/loop.hpp"

#include <iterator>
#include <utility>

namespace weir {

void loop::arm(timed_waiter& t, time_point when) noexcept {
    const auto ns = static_cast<std::uint64_t>(when.time_since_epoch().count());
    timers_.add(t, (ns + 999'999) / 1'000'000);  // rounded up: never early
    on_timer_added(t.due_ms);
}

unsigned loop::run_ready(unsigned budget) {
    for (; budget > 0 && !ready_.empty(); --budget) resume(take_ready());
    return budget;
}

bool loop::run_turn_end() {
    if (turn_end_.empty()) return false;
    list<turn_end_work> due;  // what is added meanwhile has its own round
    due.take_all(turn_end_);
    while (!due.empty()) due.pop_front().at_turn_end();
    return true;
}

void loop::run_timers() {
    timers_.advance(to_ms_floor(now_), [this](timed_waiter& due) { ready_.push_back(due); });
}

// Once the call has run we touch the loop no more, as what it said may have ended it: hence a bell that outlives it.
std::shared_ptr<loop_bell> loop::leave_call(std::move_only_function<void()> work) {
    const std::lock_guard lock{remote_mutex_};
    remote_.push_back(std::move(work));
    return remote_.size() == 1 ? bell_ : nullptr;  // else somebody has rung, or is about to
}

bool loop::run_remote(unsigned budget) {
    std::vector<std::move_only_function<void()>> batch;
    {
        const std::lock_guard lock{remote_mutex_};
        if (remote_.size() <= budget) {
            batch.swap(remote_);
        } else {
            const auto end = remote_.begin() + budget;
            batch.assign(std::make_move_iterator(remote_.begin()), std::make_move_iterator(end));
            remote_.erase(remote_.begin(), end);
        }
    }
    for (auto& work : batch) work();
    const std::lock_guard lock{remote_mutex_};
    return !remote_.empty();
}

}  // namespace weir
