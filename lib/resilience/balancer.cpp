#include "lib/resilience/balancer.hpp"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t few = 3;  // so few that comparing all is cheaper than drawing, and better
constexpr int draws = 16;       // of equal weights all usable, the first succeeds

bool is_eligible(const candidate& c, bool tried_too) noexcept {
    return c.usable && c.weight > 0 && (tried_too || !c.tried);
}

bool cheaper(const candidate& a, const candidate& b) noexcept {  // (in_flight + 1) / weight, without dividing
    return (a.in_flight + std::uint64_t{1}) * b.weight < (b.in_flight + std::uint64_t{1}) * a.weight;
}

/// Neither is to be preferred for its load.
bool equal(const candidate& a, const candidate& b) noexcept {
    if (a.in_flight == 0 && b.in_flight == 0) return true;
    return !cheaper(a, b) && !cheaper(b, a);
}

}  // namespace

std::optional<std::size_t> balancer::pick(candidate_view among, random_source& chance) {
    if (const auto fresh = pick_eligible(among, eligible::untried_only, chance)) return fresh;
    return pick_eligible(among, eligible::tried_too, chance);
}

balancer::choice balancer::pick_eligible(candidate_view among, eligible who, random_source& chance) {
    switch (how_) {
    case balancing::round_robin: return next_turn(among, who, false);
    case balancing::least_requests: return next_turn(among, who, true);
    case balancing::p2c: break;
    }
    return among.size() <= few ? next_turn(among, who, true) : cheaper_of_two(among, who, chance);
}

/// Smooth weighted round robin among all, or among those that are as cheap as the cheapest: each gains its weight, the
/// richest is picked and pays what all gained.
balancer::choice balancer::next_turn(candidate_view among, eligible who, bool cheapest_only) {
    const bool tried_too = who == eligible::tried_too;
    if (turns_.size() != among.size()) turns_.assign(among.size(), 0);

    std::optional<candidate> cheapest;
    if (cheapest_only)
        for (std::size_t i = 0; i < among.size(); ++i)
            if (const auto c = among[i]; is_eligible(c, tried_too))
                if (!cheapest || cheaper(c, *cheapest)) cheapest = c;

    choice richest;
    std::int64_t gained = 0;
    for (std::size_t i = 0; i < among.size(); ++i) {
        const auto c = among[i];
        if (!is_eligible(c, tried_too) || (cheapest && !equal(c, *cheapest))) continue;
        turns_[i] += c.weight;
        gained += c.weight;
        if (!richest || turns_[i] > turns_[*richest]) richest = i;
    }
    if (richest) turns_[*richest] -= gained;
    return richest;
}

balancer::choice balancer::cheaper_of_two(candidate_view among, eligible who, random_source& chance) {
    const auto first = draw_by_weight(among, who, std::nullopt, chance);
    if (!first) return std::nullopt;
    const auto second = draw_by_weight(among, who, first, chance);
    if (!second) return first;
    const auto a = among[*first], b = among[*second];
    return equal(a, b) || cheaper(a, b) ? first : second;
}

/// Acceptance sampling: any index, kept with probability weight / heaviest. When that fails too often (most are
/// unusable, or one weight dwarfs the others) one exact pass over all: each is kept with its share of the weight seen
/// so far.
balancer::choice balancer::draw_by_weight(candidate_view among, eligible who, choice except, random_source& chance) {
    const bool tried_too = who == eligible::tried_too;
    if (known_ != among.size()) {
        heaviest_ = 1;
        for (std::size_t i = 0; i < among.size(); ++i) heaviest_ = std::max(heaviest_, among[i].weight);
        known_ = among.size();
    }
    for (int n = 0; n < draws; ++n) {
        const std::size_t i = chance.below(static_cast<std::uint32_t>(among.size()));
        if (except == i) continue;
        const auto c = among[i];
        if (!is_eligible(c, tried_too)) continue;
        heaviest_ = std::max(heaviest_, c.weight);  // weights may change without a change of number
        if (c.weight == heaviest_ || chance.below(heaviest_) < c.weight) return i;
    }
    choice kept;
    double total = 0;
    for (std::size_t i = 0; i < among.size(); ++i) {
        const auto c = among[i];
        if (except == i || !is_eligible(c, tried_too)) continue;
        total += c.weight;
        if (!kept || chance.unit() * total < c.weight) kept = i;
    }
    return kept;
}

}  // namespace weir
