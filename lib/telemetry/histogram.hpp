#pragma once
/// How long things took: counts in log-linear buckets, of fixed size, with a bounded relative error.
///
///     latency_histogram first_byte;                    // per worker
///     first_byte.record_us(elapsed_us);                // the worker: a handful of instructions, never allocates
///
///     latency_counts all;                              // whoever reports
///     for (const auto& w : workers) w.first_byte.add_to(all);
///     all.quantile_us(0.99);
///
/// Each power of two is cut into 16 equal buckets (the layout of HdrHistogram, hdrhistogram.org, and of Circllhist,
/// arXiv 2001.06561); below 32 us buckets hold one value each. A quantile is the middle of its bucket, so it is off by
/// at most 1/32 (3.1 %). Values over 2^36 us (19 hours) count in the last bucket. 4 KiB each. `merge` is exact: the
/// counts of the union are the sums. latency_histogram has one writer and any readers, as counter.hpp says;
/// latency_counts is a plain value.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "lib/telemetry/counter.hpp"

namespace weir {

/// Which bucket a value belongs to, and what a bucket stands for.
struct latency_buckets {
    static constexpr int steps_log2 = 4;  // 16 buckets per power of two
    static constexpr int range_log2 = 36;
    static constexpr std::uint64_t steps = 1u << steps_log2;
    static constexpr std::uint64_t largest_us = (std::uint64_t{1} << range_log2) - 1;
    static constexpr std::size_t count = (range_log2 - steps_log2 + 1) * steps;

    static constexpr std::size_t index_of(std::uint64_t us) noexcept {
        us = std::min(us, largest_us);
        const int shift = std::max(static_cast<int>(std::bit_width(us)) - (steps_log2 + 1), 0);  // of its width
        return static_cast<std::size_t>((static_cast<std::uint64_t>(shift) << steps_log2) + (us >> shift));
    }
    static constexpr int shift_of(std::size_t index) noexcept {
        return index < 2 * steps ? 0 : static_cast<int>(index >> steps_log2) - 1;
    }
    static constexpr std::uint64_t lowest_us(std::size_t index) noexcept {
        const int shift = shift_of(index);
        return (index - (static_cast<std::uint64_t>(shift) << steps_log2)) << shift;
    }
    static constexpr std::uint64_t middle_us(std::size_t index) noexcept {
        return lowest_us(index) + (((std::uint64_t{1} << shift_of(index)) - 1) >> 1);
    }
};
static_assert(latency_buckets::index_of(~std::uint64_t{0}) == latency_buckets::count - 1);

/// A sum of histograms, to be asked questions.
class latency_counts {
public:
    void add(std::size_t bucket, std::uint64_t n) noexcept {
        buckets_[bucket] += n;
        total_ += n;
    }
    void add_sum_us(std::uint64_t us) noexcept { sum_us_ += us; }
    void merge(const latency_counts& other) noexcept {
        for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
        total_ += other.total_;
        sum_us_ += other.sum_us_;
    }

    /// The value that a share `q` (0 to 1) of all values does not exceed; 0 when there are none.
    std::uint64_t quantile_us(double q) const noexcept {
        const auto rank = static_cast<std::uint64_t>(std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(total_)));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen > 0 && seen >= rank) return latency_buckets::middle_us(i);
        }
        return 0;
    }
    std::uint64_t total() const noexcept { return total_; }
    std::uint64_t sum_us() const noexcept { return sum_us_; }
    std::uint64_t bucket(std::size_t index) const noexcept { return buckets_[index]; }

    friend bool operator==(const latency_counts&, const latency_counts&) = default;

private:
    std::array<std::uint64_t, latency_buckets::count> buckets_{};
    std::uint64_t total_ = 0;
    std::uint64_t sum_us_ = 0;
};

/// What a worker writes.
class latency_histogram {
public:
    void record_us(std::uint64_t us) noexcept {
        buckets_[latency_buckets::index_of(us)].add();
        sum_us_.add(us);
    }
    /// Adds all counts to `into`; from any thread. A value recorded meanwhile may be in the buckets and not yet in the
    /// sum.
    void add_to(latency_counts& into) const noexcept {
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            if (const auto n = buckets_[i].value()) into.add(i, n);
        into.add_sum_us(sum_us_.value());
    }

private:
    std::array<counter, latency_buckets::count> buckets_;
    counter sum_us_;
};

}  // namespace weir
