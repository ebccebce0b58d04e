#pragma once
/// What share of the recent tries took how long, at most.
///
///     rolling_quantile first_byte;
///     first_byte.add(took, now);
///     if (const auto p95 = first_byte.at(950, now, 100)) ...     // none while fewer than 100 were seen
///
/// Two histograms take turns: every ten seconds the older one is emptied and becomes the newer. An answer comes from
/// both, so from the last ten to twenty seconds (tower/src/hedge/rotating_histogram.rs reads the older one alone: it
/// knows nothing for the first period and lags by two). Half a period without a sample loses nothing, two periods
/// lose all.
///
/// Each power of two is cut into eight buckets (the layout of HdrHistogram); below 16 us a bucket is one microsecond.
/// An answer is interpolated within its bucket: off by less than 1/8, and by far less where times are spread. What
/// takes over 2^28 us (4.5 minutes) counts as that. A try that was cancelled may be added with the time it had taken:
/// it would have taken no less.
///
/// 1.8 KiB, no allocation. add() is O(1); an answer is kept for 100 ms, so that one may be asked for on every request.
/// Times may step back a little, as between the clocks of two loops. Pure; the caller locks.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/async/loop.hpp"

namespace weir {

class rolling_quantile {
public:
    static constexpr milliseconds period{10'000};
    static constexpr milliseconds answer_age{100};

    void add(nanoseconds took, time_point now) noexcept;
    /// The time that `permille` of all tries did not exceed; none when fewer than `at_least` (> 0) are known.
    std::optional<nanoseconds> at(unsigned permille, time_point now, unsigned at_least = 20) noexcept;

private:
    static constexpr int steps_log2 = 3;  // eight buckets per power of two
    static constexpr int range_log2 = 28;
    static constexpr std::uint64_t largest_us = (std::uint64_t{1} << range_log2) - 1;
    static constexpr std::size_t bucket_count = (range_log2 - steps_log2 + 1) << steps_log2;

    static constexpr std::size_t bucket_of(std::uint64_t us) noexcept;
    struct range {
        nanoseconds lowest, width;
    };
    static constexpr range range_of(std::size_t bucket) noexcept;

    struct histogram {
        std::array<std::uint32_t, bucket_count> buckets{};
        std::uint32_t total = 0;
    };
    struct answer {
        unsigned permille = 0;
        nanoseconds value{};
    };

    void rotate(time_point now) noexcept;
    nanoseconds count_up_to(unsigned permille) const noexcept;

    std::array<histogram, 2> histograms_;
    std::size_t newer_ = 0;
    time_point rotates_at_{};
    // Few different quantiles are asked for, each of them again and again.
    std::array<answer, 4> answers_{};
    std::size_t answer_count_ = 0;
    time_point answers_until_{};
};

}  // namespace weir
