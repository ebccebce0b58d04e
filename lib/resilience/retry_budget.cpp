#include "lib/resilience/retry_budget.hpp"

#include <algorithm>

namespace weir {
namespace {

constexpr std::int64_t token = 1'000'000'000;

}  // namespace

retry_budget::retry_budget(const retry_budget_policy& policy) noexcept
    : per_attempt_{policy.share_permille * (token / 1000)}, reserve_per_ns_{policy.reserve},
      reserve_{reserve_per_ns_ * memory.count()} {}

void retry_budget::first_attempt(time_point now) noexcept {
    recent_.add(first_attempts, now);
    earned_ += per_attempt_;
}

bool retry_budget::charge(time_point now) noexcept {
    refill(now);
    const auto cost = halved_ ? 2 * token : token;
    const auto [earned, reserve] = spendable(now);
    if (earned + reserve < cost) return false;
    const auto from_earned = std::min(earned, cost);
    earned_ -= from_earned;
    reserve_ -= cost - from_earned;
    return true;
}

double retry_budget::tokens(time_point now) noexcept {
    refill(now);
    const auto [earned, reserve] = spendable(now);
    return static_cast<double>(earned + reserve) / static_cast<double>(token);
}

void retry_budget::refill(time_point now) noexcept {
    if (now > refilled_at_) {
        const auto elapsed = std::min(now - refilled_at_, memory);
        reserve_ = std::min(reserve_ + reserve_per_ns_ * elapsed.count(), reserve_per_ns_ * memory.count());
        refilled_at_ = now;
    }
    earned_ = std::min(earned_, per_attempt_ * recent_.total(now)[first_attempts]);
}

retry_budget::balance retry_budget::spendable(time_point now) noexcept {
    return {mostly_failing(now) ? 0 : earned_, closed_ ? 0 : reserve_};
}

bool retry_budget::mostly_failing(time_point now) noexcept {
    const auto& seen = recent_.total(now);
    return seen[succeeded] < seen[failed];
}

}  // namespace weir
