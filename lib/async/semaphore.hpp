#pragma once
/// Counting semaphore: at most `places` permits at once, those who wait are served in order.
///
///     semaphore connecting{time, 2};
///     auto permit = co_await connecting.acquire();     // given back when `permit` dies, on every way out
///     if (auto now = connecting.try_acquire()) ...
///
/// Belongs to one loop. A permit never outlives its semaphore. A cancelled acquire() has not taken a permit: one that was
/// granted but not yet collected goes to the next in the queue.
#include <cstddef>
#include <memory>

#include "lib/async/loop.hpp"

namespace weir {

class semaphore {
    struct give_back {
        void operator()(semaphore* s) const noexcept { s->release(); }
    };

public:
    using permit = std::unique_ptr<semaphore, give_back>;  // move-only; empty when there was no place

    semaphore(loop& time, std::size_t places) noexcept : loop_{&time}, free_{places} {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;

    std::size_t available() const noexcept { return free_; }
    std::size_t waiting() const noexcept { return waiting_count_; }

    permit try_acquire() noexcept {
        if (free_ == 0 || !queue_.empty()) return nullptr;
        --free_;
        return permit{this};
    }

    class [[nodiscard]] awaiter {
    public:
        explicit awaiter(semaphore& of) noexcept : semaphore_{&of} {}
        awaiter(awaiter&& other) noexcept : semaphore_{other.semaphore_} {}
        ~awaiter() {
            if (entry_.granted) semaphore_->release();
            else if (entry_.waiting && entry_.linked()) --semaphore_->waiting_count_;
        }
        bool await_ready() noexcept {
            entry_.granted = semaphore_->try_acquire().release() != nullptr;
            return entry_.granted;
        }
        bool await_suspend(std::coroutine_handle<> parent) noexcept {
            entry_.handle = parent;
            entry_.waiting = true;
            semaphore_->queue_.push_back(entry_);
            ++semaphore_->waiting_count_;
            return true;
        }
        permit await_resume() noexcept {
            entry_.granted = false;
            return permit{semaphore_};
        }
        bool settled() const noexcept { return entry_.granted; }

    private:
        friend class semaphore;
        struct entry : waiter {
            bool waiting = false;  // in the queue, as long as the semaphore lives; linked() may also mean: ready
            bool granted = false;
        };
        semaphore* semaphore_;
        entry entry_;
    };
    awaiter acquire() noexcept { return awaiter{*this}; }

private:
    void release() noexcept {
        if (queue_.empty()) {
            ++free_;
            return;
        }
        auto& next = queue_.front();
        next.waiting = false;
        next.granted = true;  // the place goes from hand to hand: a newcomer cannot slip in between
        --waiting_count_;
        loop_->post(next);
    }

    loop* loop_;
    std::size_t free_;
    std::size_t waiting_count_ = 0;
    list<awaiter::entry> queue_;
};

}  // namespace weir
