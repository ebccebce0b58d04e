#pragma once
/// How long to wait before another try: exponential backoff with full jitter.
///
///     co_await time.sleep(backoff({.first = 25ms, .most = 1s}, retries_so_far, chance));
///
/// Uniform between nothing and min(most, first * 2^retries). What failed together comes back spread over the whole
/// interval, not in waves: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog 2015. Pure.
#include "lib/async/loop.hpp"
#include "lib/resilience/random.hpp"

namespace weir {

struct backoff_policy {
    milliseconds first{25};  // the longest wait before the first retry
    milliseconds most{1'000};
};

/// `retries`: how many were made before this one.
nanoseconds backoff(const backoff_policy& policy, unsigned retries, random_source& chance) noexcept;

}  // namespace weir
