#pragma once
/// How many client connections there may be: over the whole process and for one listener, exact over all workers.
///
///     connection_gate all{20'000};
///     auto place = co_await all.enter(time);        // waits while it is full; the kernel's backlog holds the clients
///     auto now = all.try_enter();                   // empty when full
///
/// The fast path is one atomic. A place is given back when its permit dies, on any thread; whoever waits is then woken on
/// their own loop and tries again. A permit never outlives its gate, nor a waiter its loop.
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "lib/async/loop.hpp"
#include "lib/async/task.hpp"

namespace weir {

class connection_gate {
    struct leave_on_exit {
        void operator()(connection_gate* gate) const noexcept { gate->leave(); }
    };

public:
    using permit = std::unique_ptr<connection_gate, leave_on_exit>;

    explicit connection_gate(unsigned places) noexcept : places_{places} {}
    connection_gate(const connection_gate&) = delete;
    connection_gate& operator=(const connection_gate&) = delete;

    permit try_enter() noexcept {
        auto seen = inside_.load(std::memory_order_relaxed);
        while (seen < places_)
            if (inside_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return permit{this};
        return nullptr;
    }
    task<permit> enter(loop& time);

    unsigned inside() const noexcept { return inside_.load(std::memory_order_relaxed); }
    unsigned places() const noexcept { return places_; }
    /// How often somebody had to wait.
    std::uint64_t full_count() const noexcept { return full_.load(std::memory_order_relaxed); }

private:
    struct slot {
        loop* time;
        waiter* waiting = nullptr;  // only on that loop
        bool woken = false;
    };
    class awaiter;
    void leave() noexcept;

    const unsigned places_;
    std::atomic<unsigned> inside_{0};
    std::atomic<unsigned> waiting_{0};
    std::atomic<std::uint64_t> full_{0};
    std::mutex mutex_;
    std::vector<std::shared_ptr<slot>> slots_;
};

}  // namespace weir
