#pragma once
/// `scope` owns child tasks: structured concurrency. Nothing is detached; a child never outlives its scope.
///
///     scope connections{time};
///     connections.spawn(serve(std::move(client)));
///     co_await connections.joined();                  // all have ended
///     co_await connections.at_most(99);               // room for one more
///
/// A child starts at once and runs to its first suspension inside spawn(). Destroying the scope destroys the children that
/// still run, in the order they were spawned. A child must neither destroy nor cancel its own scope. An exception that leaves
/// a child ends the program: a child's result goes where its arguments point, and its errors with it.
#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include "lib/async/loop.hpp"
#include "lib/async/task.hpp"

namespace weir {

class scope {
public:
    explicit scope(loop& time) noexcept : loop_{&time} {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { cancel(); }

    void spawn(task<void> body) {
        ++size_;
        ++loop_->statistics.tasks_spawned;
        ++loop_->statistics.tasks_live;
        auto frame = run(std::move(body)).frame;
        frame.promise().owner = this;
        children_.push_back(frame.promise());
        frame.resume();
    }

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// Destroys every child that still runs.
    void cancel() noexcept {
        while (!children_.empty()) {
            auto& oldest = children_.pop_front();
            forget();
            std::coroutine_handle<child_promise>::from_promise(oldest).destroy();
        }
        wake();
    }

    class size_awaiter;
    /// Resumes when at most `n` children are left, which others may change again before it gets its turn; one waiter at a
    /// time. Also when the scope is destroyed.
    size_awaiter at_most(std::size_t n) noexcept;
    size_awaiter joined() noexcept;

private:
    struct child;
    struct child_promise : list_node, detail::counted_frame {
        child get_return_object() noexcept { return {std::coroutine_handle<child_promise>::from_promise(*this)}; }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        struct last_words {
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<child_promise> self) const noexcept {
                auto* home = self.promise().owner;
                self.destroy();  // unlinks
                home->forget();
                home->wake();
            }
            void await_resume() const noexcept {}
        };
        last_words final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
        scope* owner = nullptr;
    };
    struct child {
        using promise_type = child_promise;
        std::coroutine_handle<child_promise> frame;
    };
    static child run(task<void> body) { co_await body; }

    void forget() noexcept {
        --size_;
        --loop_->statistics.tasks_live;
    }
    void wake() noexcept;

    loop* loop_;
    list<child_promise> children_;
    std::size_t size_ = 0;
    size_awaiter* waiting_ = nullptr;
};

class [[nodiscard]] scope::size_awaiter {
public:
    size_awaiter(scope& of, std::size_t limit) noexcept : scope_{&of}, limit_{limit} {}
    size_awaiter(size_awaiter&& other) noexcept : scope_{other.scope_}, limit_{other.limit_} {}
    ~size_awaiter() {
        if (scope_ && scope_->waiting_ == this) scope_->waiting_ = nullptr;
    }
    bool await_ready() const noexcept { return scope_->size_ <= limit_; }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
        assert(!scope_->waiting_ && "one waiter at a time");
        waiter_.handle = parent;
        scope_->waiting_ = this;
        return true;
    }
    void await_resume() const noexcept {}
    bool settled() const noexcept { return !scope_; }

private:
    friend class scope;
    scope* scope_;  // null once we were woken: the scope may be gone when we resume
    std::size_t limit_;
    waiter waiter_;
};

inline scope::size_awaiter scope::at_most(std::size_t n) noexcept { return {*this, n}; }
inline scope::size_awaiter scope::joined() noexcept { return {*this, 0}; }
inline void scope::wake() noexcept {
    if (!waiting_ || size_ > waiting_->limit_) return;
    auto* woken = std::exchange(waiting_, nullptr);
    woken->scope_ = nullptr;
    loop_->post(woken->waiter_);
}

}  // namespace weir
