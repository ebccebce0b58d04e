#pragma once
/// Signals as a stream of their numbers.
///
///     signal_stream signals{time, {SIGTERM, SIGINT, SIGHUP}};
///     while (auto number = co_await signals.next()) ...
///
/// On one loop of the process, the main thread's. At most 16 wait; more of the same are of no interest. Not lost while
/// nobody waits, nor by a cancelled next().
#include <uv.h>

#include <initializer_list>
#include <vector>

#include "lib/async/channel.hpp"
#include "lib/async/uv_loop.hpp"

namespace weir {

class signal_stream {
public:
    using value_type = int;

    signal_stream(uv_loop& time, std::initializer_list<int> numbers);
    signal_stream(const signal_stream&) = delete;
    signal_stream& operator=(const signal_stream&) = delete;
    ~signal_stream();

    auto next() noexcept { return arrived_.next(); }

private:
    channel<int, when_full::refuse> arrived_;
    std::vector<uv_signal_t*> handles_;  // each freed by its close callback
};

}  // namespace weir
