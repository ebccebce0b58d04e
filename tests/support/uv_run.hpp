#pragma once
/// Runs a task on a real loop, with real sockets on the loopback, until it is done.
///
///     run_on_uv([](uv_loop& time) -> task<void> { co_await ...; CHECK(...); });
///
/// The function, with what it captures, lives until the call returns. The safety limit is no part of the test: a task that
/// hangs fails instead of standing still.
#include <exception>
#include <stdexcept>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/uv_loop.hpp"

namespace weir::testing {

namespace detail {
inline task<void> until_done(uv_loop& time, task<void> body, std::exception_ptr& failure) {
    try {
        const auto done = co_await timeout(time, 30s, std::move(body));
        if (!done) throw std::runtime_error{"the task hangs"};
    } catch (...) { failure = std::current_exception(); }
    time.stop();
}
}  // namespace detail

template <class F>
void run_on_uv(F make) {
    std::exception_ptr failure;
    {
        uv_loop time;
        scope root{time};
        root.spawn(detail::until_done(time, make(time), failure));
        time.run();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace weir::testing
