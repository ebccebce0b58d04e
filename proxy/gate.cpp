#include "proxy/gate.hpp"

#include <algorithm>
#include <utility>

namespace weir {

class [[nodiscard]] connection_gate::awaiter {
public:
    awaiter(connection_gate& gate, loop& time) : gate_{&gate}, slot_{std::make_shared<slot>(slot{&time})} {
        const std::lock_guard lock{gate_->mutex_};
        gate_->slots_.push_back(slot_);
        gate_->waiting_.fetch_add(1, std::memory_order_seq_cst);
    }
    awaiter(awaiter&&) = delete;
    ~awaiter() {
        slot_->waiting = nullptr;
        const std::lock_guard lock{gate_->mutex_};
        if (std::erase(gate_->slots_, slot_) > 0) gate_->waiting_.fetch_sub(1, std::memory_order_relaxed);
    }
    /// Somebody may have left between the failed try and our registration.
    bool await_ready() const noexcept { return gate_->inside_.load(std::memory_order_seq_cst) < gate_->places_; }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
        if (slot_->woken) return false;
        waiter_.handle = parent;
        slot_->waiting = &waiter_;
        return true;
    }
    void await_resume() const noexcept {}

private:
    connection_gate* gate_;
    std::shared_ptr<slot> slot_;
    waiter waiter_;
};

task<connection_gate::permit> connection_gate::enter(loop& time) {
    while (true) {
        if (auto place = try_enter()) co_return place;
        full_.fetch_add(1, std::memory_order_relaxed);
        co_await awaiter{*this, time};
    }
}

void connection_gate::leave() noexcept {
    inside_.fetch_sub(1, std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_seq_cst) == 0) return;
    // Knocks under the lock: who waits must take it to go away, so its loop lives for as long as we speak to it.
    const std::lock_guard lock{mutex_};
    waiting_.fetch_sub(static_cast<unsigned>(slots_.size()), std::memory_order_relaxed);
    for (auto& each :
         std::exchange(slots_, {})) {  // all: one per listener and worker at most, and no wake-up can get lost
        auto* time = each->time;
        time->call_from_other_thread([each = std::move(each)] {
            each->woken = true;
            if (each->waiting) each->time->post(*each->waiting);
        });
    }
}

}  // namespace weir
