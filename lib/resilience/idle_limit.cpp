#include "lib/resilience/idle_limit.hpp"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

constexpr double safe_share = 0.8;  // of what the server allows: its clock, ours, and the way between
constexpr double jitter_ratio = 0.1;

std::chrono::milliseconds safely_below(std::chrono::milliseconds limit) noexcept {
    return std::chrono::milliseconds{static_cast<std::int64_t>(safe_share * static_cast<double>(limit.count()))};
}

double jittered(double value, random_source& chance) noexcept {
    return value * (1 + jitter_ratio * (2 * chance.unit() - 1));
}

}  // namespace

idle_limit::duration idle_limit::at(time_point now) const noexcept {
    const auto said = std::min(hint_.value_or(policy_.start), policy_.longest);
    return now < learned_until_ ? std::min(said, learned_) : said;
}

void idle_limit::died_idle(duration age, time_point now) noexcept {
    if (age < policy_.youngest) return;
    const auto lesson = safely_below(age);
    // One that was pooled before we knew better says nothing new; it must not prolong what we know.
    if (now < learned_until_ && lesson > learned_) return;
    learned_ = lesson;
    learned_until_ = now + policy_.memory;
}

void idle_limit::hinted(std::chrono::seconds timeout) noexcept {
    // Bounded first: the number comes from a peer, and milliseconds of it might overflow.
    const auto bounded = std::clamp(timeout, std::chrono::seconds{0}, std::chrono::seconds{std::chrono::hours{24}});
    hint_ = safely_below(bounded);
}

std::chrono::milliseconds with_jitter(std::chrono::milliseconds value, random_source& chance) noexcept {
    return std::chrono::milliseconds{std::llround(jittered(static_cast<double>(value.count()), chance))};
}

unsigned with_jitter(unsigned value, random_source& chance) noexcept {
    return static_cast<unsigned>(std::clamp<long long>(std::llround(jittered(value, chance)), 0, ~0u));
}

}  // namespace weir
