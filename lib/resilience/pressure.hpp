#pragma once
/// How short weir itself is of processor, memory or descriptors: one number, 0 (at ease) to 1.
///
///     pressure strain{{}};
///     ladder.update(strain.update(sample, now), strain.parts().memory, now);      // each 50 ms
///
/// Each signal is 0 up to its lower threshold, 1 from its upper one, linear between; the pressure is the greatest. It
/// rises at once and falls by half each `half_life`, so that what it switched off does not flutter.
///
/// The loop's delay, which is how late it does what was due, says best whether weir keeps up; it is smoothed over
/// `smoothing`, one slow turn is not overload. Busy share alone says little: with clients that wait for their answer
/// before they ask again, a loop is busy all the time and late with nothing. So it counts no higher than `busy_most`,
/// which is enough to stop extra work and not to refuse any.
///
/// A limit of 0 is not known, and does not count. Pure; belongs to one thread.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/async/loop.hpp"

namespace weir {

struct pressure_sample {
    nanoseconds loop_delay{};    // mean of the time since the last sample
    double busy_share = 0;       // of that time, that the loop did not sleep: 0 to 1
    nanoseconds offload_wait{};  // of the one that waits longest for a thread of the offload pool
    std::uint64_t memory_used = 0, memory_limit = 0;
    unsigned descriptors_open = 0, descriptors_limit = 0;
};

struct pressure_policy {
    milliseconds delay_low{5}, delay_high{50};
    double busy_low = 0.85, busy_high = 0.98, busy_most = 0.25;
    milliseconds offload_low{10}, offload_high{200};
    double memory_low = 0.70, memory_high = 0.95;
    double descriptors_low = 0.75, descriptors_high = 0.97;
    milliseconds smoothing{100};
    milliseconds half_life{1000};
};

/// What each signal says, as of the last sample; not held up by `half_life`.
struct pressure_parts {
    double loop_delay = 0, busy = 0, offload = 0, memory = 0, descriptors = 0;

    static constexpr std::array<std::string_view, 5> words{"loop_delay", "busy", "offload", "memory", "descriptors"};
    std::array<double, 5> values() const noexcept { return {loop_delay, busy, offload, memory, descriptors}; }
    double greatest() const noexcept { return std::max({loop_delay, busy, offload, memory, descriptors}); }
};

class pressure {
public:
    explicit pressure(const pressure_policy& policy) noexcept : policy_{policy} {}

    double update(const pressure_sample& sample, time_point now) noexcept;
    double value() const noexcept { return value_; }
    const pressure_parts& parts() const noexcept { return parts_; }

private:
    pressure_policy policy_;
    pressure_parts parts_;
    double value_ = 0;
    double delay_ns_ = 0;  // smoothed
    std::optional<time_point> last_;
};

}  // namespace weir
