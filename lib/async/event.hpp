#pragma once
/// `event`: something that happens once, and everyone who waits for it, or comes later, goes on.
///
///     event draining{time};
///     co_await race(connections.next(), draining.wait());
///     draining.set();
///
/// Belongs to one loop. May die while others wait: they then wait for ever, which is for their owner to end.
#include "lib/async/loop.hpp"

namespace weir {

class event {
public:
    explicit event(loop& time) noexcept : loop_{&time} {}
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    bool is_set() const noexcept { return set_; }
    void set() noexcept {
        set_ = true;
        while (!waiting_.empty()) {
            auto& next = waiting_.front();
            next.told = true;
            loop_->post(next);
        }
    }
    /// Takes it back, for something that may happen again. Those already woken go on.
    void clear() noexcept { set_ = false; }

    class [[nodiscard]] awaiter {
    public:
        explicit awaiter(event& of) noexcept : event_{&of} {}
        bool await_ready() const noexcept { return event_->set_; }
        bool await_suspend(std::coroutine_handle<> parent) noexcept {
            entry_.handle = parent;
            event_->waiting_.push_back(entry_);
            return true;
        }
        void await_resume() const noexcept {}
        bool settled() const noexcept { return entry_.told; }

    private:
        friend class event;
        struct entry : waiter {
            bool told = false;  // here and not in the event, which may be gone when somebody asks
        };
        event* event_;
        entry entry_;
    };
    awaiter wait() noexcept { return awaiter{*this}; }

private:
    loop* loop_;
    list<awaiter::entry> waiting_;
    bool set_ = false;
};

}  // namespace weir
