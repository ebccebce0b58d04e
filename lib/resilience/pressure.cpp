#include "lib/resilience/pressure.hpp"

#include <cmath>

namespace weir {
namespace {

double between(double low, double high, double value) noexcept {
    if (high <= low) return value < high ? 0 : 1;
    return std::clamp((value - low) / (high - low), 0.0, 1.0);
}

double in_ns(nanoseconds t) noexcept { return static_cast<double>(t.count()); }

double share(std::uint64_t used, std::uint64_t limit) noexcept {
    return limit == 0 ? 0 : static_cast<double>(used) / static_cast<double>(limit);
}

}  // namespace

double pressure::update(const pressure_sample& sample, time_point now) noexcept {
    // Before the first sample all was quiet, for `smoothing`.
    const auto elapsed = in_ns(last_ ? now - *last_ : nanoseconds{policy_.smoothing});
    last_ = now;
    delay_ns_ += (1 - std::exp(-elapsed / in_ns(policy_.smoothing))) * (in_ns(sample.loop_delay) - delay_ns_);

    const auto& p = policy_;
    parts_ = {
        .loop_delay = between(in_ns(p.delay_low), in_ns(p.delay_high), delay_ns_),
        .busy = p.busy_most * between(p.busy_low, p.busy_high, sample.busy_share),
        .offload = between(in_ns(p.offload_low), in_ns(p.offload_high), in_ns(sample.offload_wait)),
        .memory = between(p.memory_low, p.memory_high, share(sample.memory_used, sample.memory_limit)),
        .descriptors =
            between(p.descriptors_low, p.descriptors_high, share(sample.descriptors_open, sample.descriptors_limit)),
    };
    return value_ = std::max(parts_.greatest(), value_ * std::exp2(-elapsed / in_ns(p.half_life)));
}

}  // namespace weir
