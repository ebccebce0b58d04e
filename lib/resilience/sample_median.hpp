#pragma once
/// The median of many durations in fixed room: counts in buckets, 16 to each doubling, from 1 µs to 1,000 s.
///
///     sample_median latency;
///     latency.add(12ms);
///     latency.value();                                 // within 3 % of the true median; zero without samples
///
/// Inside its bucket the median is interpolated, so many different samples give it within about 1 %. Adding is O(1),
/// the value and clear() cost a pass over 2 KB. No allocation. Belongs to one thread.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "lib/async/loop.hpp"

namespace weir {

class sample_median {
public:
    void add(nanoseconds sample) noexcept {
        ++buckets_[bucket_of(sample)];
        ++count_;
    }

    std::uint32_t count() const noexcept { return count_; }

    nanoseconds value() const noexcept {
        if (count_ == 0) return nanoseconds{0};
        const double half = count_ / 2.0;
        double below = 0;
        std::size_t at = 0;
        while (below + buckets_[at] < half) below += buckets_[at++];
        const double start = start_of(at), end = start_of(at + 1);
        return nanoseconds{static_cast<std::int64_t>(start + (end - start) * (half - below) / buckets_[at])};
    }

    void clear() noexcept {
        buckets_.fill(0);
        count_ = 0;
    }

private:
    static constexpr unsigned fine_bits = 4, fine = 1u << fine_bits, doublings = 30;
    static constexpr std::int64_t unit = 1 << 10;  // ns
    static constexpr std::uint64_t most = (std::uint64_t{fine} << doublings) - 1;

    /// The first `fine` buckets are 64 ns each: together the first microsecond; then each doubling has `fine`.
    static std::size_t bucket_of(nanoseconds sample) noexcept {
        const auto scaled = static_cast<std::uint64_t>(std::max<std::int64_t>(sample.count(), 0)) * fine / unit;
        const auto v = std::min(scaled, most);
        if (v < fine) return static_cast<std::size_t>(v);
        const auto shift = static_cast<unsigned>(std::bit_width(v)) - 1 - fine_bits;
        return (shift + 1) * fine + static_cast<std::size_t>((v >> shift) - fine);
    }

    static double start_of(std::size_t bucket) noexcept {
        if (bucket < fine) return static_cast<double>(bucket) * unit / fine;
        const auto shift = bucket / fine - 1;
        return static_cast<double>((std::uint64_t{fine} + bucket % fine) << shift) * unit / fine;
    }

    std::array<std::uint32_t, fine*(doublings + 1)> buckets_{};
    std::uint32_t count_ = 0;
};

}  // namespace weir
