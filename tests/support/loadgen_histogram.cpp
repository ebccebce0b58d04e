#include "tests/support/loadgen_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace loadgen {

/// Below 2^bits every value has its own step; above, the `bits` after the leading one choose within its power of two.
unsigned histogram::step_of(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= bits) return static_cast<unsigned>(value);
    const unsigned shift = width - bits - 1;
    return ((shift + 1) << bits) + static_cast<unsigned>((value >> shift) - (1u << bits));
}

std::uint64_t histogram::upper_edge(unsigned step) {
    if (step < (1u << bits)) return step;
    const unsigned shift = (step >> bits) - 1;
    const std::uint64_t leading = (1u << bits) + (step & ((1u << bits) - 1));
    return ((leading + 1) << shift) - 1;
}

void histogram::record(nanoseconds value) {
    const auto v = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
    ++steps_[step_of(v)];
    ++count_;
    sum_ += static_cast<double>(v);
    min_ = std::min(min_, v);
    max_ = std::max(max_, v);
}

histogram::nanoseconds histogram::percentile(double share) const {
    if (count_ == 0) return nanoseconds{0};
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(static_cast<double>(count_) * share / 100 - 1e-9)));
    std::uint64_t passed = 0;
    for (unsigned step = 0; step < steps_.size(); ++step) {
        passed += steps_[step];
        if (passed >= wanted) return nanoseconds{static_cast<std::int64_t>(std::clamp(upper_edge(step), min_, max_))};
    }
    return max();
}

}  // namespace loadgen
