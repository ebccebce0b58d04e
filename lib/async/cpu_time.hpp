#pragma once
/// The processor time that a thread has used: what a piece of work cost, however often it was interrupted.
///
///     const auto before = thread_cpu_time();
///     work();
///     costs.learned(thread_cpu_time() - before);
///
/// A system call, some 200 ns: for work that takes a hundred times that.
#include <chrono>
#include <ctime>
#include <thread>

#include <pthread.h>

namespace weir {

inline std::chrono::nanoseconds cpu_time_by(clockid_t clock) noexcept {
    timespec now;
    clock_gettime(clock, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}
inline std::chrono::nanoseconds thread_cpu_time() noexcept { return cpu_time_by(CLOCK_THREAD_CPUTIME_ID); }

/// Of another thread, which must not have been joined.
inline std::chrono::nanoseconds cpu_time_of(std::thread& thread) noexcept {
    clockid_t clock;
    pthread_getcpuclockid(thread.native_handle(), &clock);
    return cpu_time_by(clock);
}

}  // namespace weir
