#include "lib/resilience/hedge_trigger.hpp"

#include <algorithm>

namespace weir {

hedge_trigger::hedge_trigger(const hedge_policy& policy) noexcept : policy_{policy}, hedges_{policy.budget_permille} {}

std::optional<nanoseconds> hedge_trigger::delay(rolling_quantile& times, time_point now) const noexcept {
    if (policy_.fixed) return policy_.fixed;
    const auto usual = times.at(policy_.permille, now, policy_.min_samples);
    if (!usual) return std::nullopt;
    return std::max(*usual, nanoseconds{policy_.least});
}

}  // namespace weir
