#pragma once
/// Numbers that one worker writes and any thread may read.
///
///     struct alignas(64) worker_numbers {              // one per worker; a cache line of its own
///         counter requests_total;
///         gauge connections_open;
///     };
///     mine.requests_total.add();                       // the worker: a plain add, no lock prefix
///     for (const auto& w : workers) sum += w.requests_total.value();      // the admin page, from wherever it runs
///
/// Single writer: only the owning worker may call the members that change it, so a relaxed load and store suffice and
/// nothing is contended. A reader sees each number as it was a moment ago; two of them need not stem from the same
/// moment. Neither copyable nor movable: others hold references. Name a member after what it counts and its unit
/// (`bytes_in_total`).
#include <atomic>
#include <cstdint>

namespace weir {

/// Only grows. 64 bits do not wrap in the life of a process.
class counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. One worker's part may be negative (it closed what another opened); the sum over the workers is
/// what counts.
class gauge {
public:
    void add(std::int64_t n = 1) noexcept { set(value() + n); }
    void subtract(std::int64_t n = 1) noexcept { set(value() - n); }
    void set(std::int64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
    std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

}  // namespace weir
