#pragma once
/// The processor time that this thread has used: what a piece of work cost, however often it was interrupted.
///
///     const auto before = thread_cpu_time();
///     work();
///     costs.learned(thread_cpu_time() - before);
///
/// A system call, some 200 ns: for work that takes a hundred times that.
#include <chrono>
#include <ctime>

namespace weir {

inline std::chrono::nanoseconds thread_cpu_time() noexcept {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace weir
