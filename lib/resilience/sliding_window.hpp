#pragma once
/// Counts of what happened in the last while, in buckets of equal time.
///
///     sliding_window<2> recent;                        // ok and bad of the last 10 s, by the second
///     recent.add(bad, now);
///     const auto& seen = recent.total(now);            // seen[ok], seen[bad]
///
/// Exact counts, no averages: an average that fades lets a burst hide what came before it. The total covers the bucket
/// of `now` and the Buckets - 1 before, so with ten of 1 s between 9 and 10 s. O(1) amortised, no allocation. Time that
/// runs backwards (two loops seldom agree to the microsecond) counts in the newest bucket. The caller locks.
#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "lib/async/loop.hpp"

namespace weir {

template <std::size_t Kinds, std::size_t Buckets = 10>
class sliding_window {
public:
    using counts = std::array<std::uint32_t, Kinds>;

    explicit sliding_window(nanoseconds bucket = 1s) noexcept : width_{bucket} { assert(bucket > 0ns); }

    void add(std::size_t kind, time_point now) noexcept {
        advance(now);
        ++newest()[kind];
        ++total_[kind];
    }

    const counts& total(time_point now) noexcept {
        advance(now);
        return total_;
    }

    void clear() noexcept {
        buckets_ = {};
        total_ = {};
    }

private:
    counts& newest() noexcept { return buckets_[static_cast<std::size_t>(at_) % Buckets]; }

    void advance(time_point now) noexcept {
        if (now.time_since_epoch() < ends_) return;  // nearly always: no division then
        const auto bucket = now.time_since_epoch() / width_;
        at_ = std::max<std::int64_t>(at_, bucket - static_cast<std::int64_t>(Buckets));  // older ones are all gone
        while (at_ < bucket) {
            ++at_;
            for (std::size_t kind = 0; kind < Kinds; ++kind) total_[kind] -= newest()[kind];
            newest() = {};
        }
        ends_ = (at_ + 1) * width_;
    }

    nanoseconds width_;
    std::int64_t at_ = 0;  // the newest bucket, counted from the clock's beginning
    nanoseconds ends_ = width_;
    std::array<counts, Buckets> buckets_{};
    counts total_{};
};

}  // namespace weir
