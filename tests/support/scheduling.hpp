#pragma once
/// How this thread stands beside others, and policies under which time to spare does not depend on the machine.
///
///     offload_pool pool{"test", 1, 16, {.idle = always_to_spare()}};
///     const auto idle = co_await pool.run(time, [] { return gives_way(); });
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/async/spare_time.hpp"

namespace weir::testing {

/// To everyone: SCHED_IDLE, or where that is not allowed the last of the nice.
inline bool gives_way() noexcept {
    return sched_getscheduler(0) == SCHED_IDLE || getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())) == 19;
}

/// How many a thread may use: this one, or the one with that number.
inline int processors_allowed(pid_t thread = 0) noexcept {
    cpu_set_t allowed;
    return sched_getaffinity(thread, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 0;
}

/// From the first job on, however full the machine is.
inline spare_time_policy always_to_spare() noexcept {
    spare_time_policy policy;
    policy.nice_window = {};
    policy.enough = 1'000'000'000;
    policy.idle_window = std::chrono::hours{1};
    return policy;
}
/// Until an idle thread waits for something instead of computing.
inline spare_time_policy to_spare_until_it_waits() noexcept {
    auto policy = always_to_spare();
    policy.idle_window = std::chrono::milliseconds{1};
    return policy;
}

}  // namespace weir::testing
