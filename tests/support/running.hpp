#pragma once
/// A task that a test runs on a virtual loop, and what became of it.
///
///     virtual_loop time;
///     running answer{time, ask(time)};          // started: it has run to its first suspension
///     time.advance(2s);
///     REQUIRE(answer.done());
///     CHECK(answer.get() == 42);                // rethrows what the task threw
///     answer.cancel();                          // or ~running: destroys it where it stands
///
///     CHECK(run(time, ask(time)) == 42);        // as long as it takes; throws when it can never end
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/virtual_loop.hpp"

namespace weir::testing {

template <class T>
class running {
public:
    running(loop& time, task<T> body) : scope_{time} { scope_.spawn(keep(std::move(body), *this)); }
    running(const running&) = delete;
    running& operator=(const running&) = delete;

    bool done() const noexcept { return result_ || failure_; }
    void cancel() noexcept { scope_.cancel(); }
    weir::detail::not_void<T>& get() {
        if (failure_) std::rethrow_exception(failure_);
        return result_.value();
    }

private:
    static task<void> keep(task<T> body, running& self) {
        try {
            if constexpr (std::is_void_v<T>) {
                co_await body;
                self.result_.emplace();
            } else {
                self.result_.emplace(co_await body);
            }
        } catch (...) { self.failure_ = std::current_exception(); }
    }

    std::optional<weir::detail::not_void<T>> result_;
    std::exception_ptr failure_;
    scope scope_;
};

template <class T>
weir::detail::not_void<T> run(virtual_loop& time, task<T> body) {
    running<T> it{time, std::move(body)};
    while (!it.done()) {
        if (!time.step_or_wait()) throw std::logic_error{"the task waits for something that never happens"};
    }
    return std::move(it.get());
}

}  // namespace weir::testing
