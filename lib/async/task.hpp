#pragma once
/// `task<T>`: a lazy coroutine with one owner. Awaiting starts it; destroying it cancels it.
///
///     task<int> answer(loop& time) { co_await time.sleep(1s); co_return 42; }
///     task<void> ask(loop& time) { int n = co_await answer(time); ... }
///
/// Cancelling is destroying: the frame owns its children (they are temporaries or locals in it), every awaiter detaches
/// itself in its destructor, so destroying the outermost suspended task takes the whole chain down, synchronously, and
/// nothing calls back afterwards. A task must not be destroyed while it runs; since only the loop resumes (loop.hpp),
/// and never from inside a wake-up, that cannot happen by accident.
///
/// Starting a child is a plain resume: symmetric transfer at the start overflows the stack on g++ when many children
/// complete synchronously (a loop over buffered data does). Finishing transfers symmetrically to the parent.
/// An empty task<void> is one that is done already: who has nothing to await returns it, and pays for no frame.
/// An exception travels to the awaiting parent; request paths use std::expected instead.
#include <cassert>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "lib/async/frame_pool.hpp"

namespace weir {

template <class T> class task;

namespace detail {

/// Every promise of this library counts its frame, so that tests can say that none was left behind, and has it pooled.
struct counted_frame {
    static void* operator new(std::size_t bytes) { return frame_pool::take(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { frame_pool::give_back(frame, bytes); }

    counted_frame() noexcept { ++live; }
    counted_frame(const counted_frame&) = delete;
    counted_frame& operator=(const counted_frame&) = delete;
    ~counted_frame() { --live; }
    static inline thread_local constinit std::ptrdiff_t live = 0;
};

struct task_promise_base : counted_frame {
    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) const noexcept {
            return self.promise().continuation;
        }
        void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure = std::current_exception(); }

    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::exception_ptr failure;
};

template <class T>
struct task_promise : task_promise_base {
    task<T> get_return_object() noexcept;
    template <class U = T>
        requires std::constructible_from<T, U>
    void return_value(U&& value) {
        result.emplace(std::forward<U>(value));
    }
    T take() {
        if (failure) std::rethrow_exception(failure);
        return std::move(*result);
    }
    std::optional<T> result;
};

template <>
struct task_promise<void> : task_promise_base {
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const {
        if (failure) std::rethrow_exception(failure);
    }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;

    task() = default;
    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
    task(task&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            cancel();
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~task() { cancel(); }

    /// Destroys the frame and all it owns; the task is empty afterwards.
    void cancel() noexcept {
        if (auto frame = std::exchange(frame_, nullptr)) frame.destroy();
    }
    explicit operator bool() const noexcept { return frame_ != nullptr; }

    // A task is its own awaiter, and may be a branch of a race (race.hpp).
    bool await_ready() const noexcept { return nothing_to_do(); }
    bool await_suspend(std::coroutine_handle<> parent) {
        assert(frame_ && !frame_.done() && "a task is awaited once");
        frame_.resume();
        if (frame_.done()) return false;
        frame_.promise().continuation = parent;
        return true;
    }
    T await_resume() {
        if constexpr (std::is_void_v<T>)
            if (!frame_) return;
        return frame_.promise().take();
    }
    bool settled() const noexcept { return nothing_to_do() || frame_.done(); }
    /// A result that nobody could give back: a race lets it win (race.hpp).
    bool holds_result() const noexcept { return settled(); }

private:
    bool nothing_to_do() const noexcept { return std::is_void_v<T> && !frame_; }
    std::coroutine_handle<promise_type> frame_;
};

/// Frames alive of the coroutines that this thread made, running, suspended or done.
inline std::ptrdiff_t live_frames() noexcept { return detail::counted_frame::live; }

namespace detail {
template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
}  // namespace detail

}  // namespace weir
