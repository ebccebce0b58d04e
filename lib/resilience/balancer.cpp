#include "lib/resilience/balancer.hpp"

#include <algorithm>
#include <array>

namespace weir {
namespace {

constexpr std::size_t few = 3;  // so few that comparing all is cheaper than drawing, and better
constexpr int draws = 16;       // of equal weights all usable, the first succeeds
constexpr double alike = 2;     // idle servers whose latencies differ by less are as good as each other

}  // namespace

std::optional<std::size_t> balancer::pick(candidate_view among, random_source& chance) {
    for (const bool tried : {false, true})
        for (const bool backup : {false, true})
            if (const auto chosen = pick_from(among, {.backup = backup, .tried = tried}, chance)) return chosen;
    return std::nullopt;
}

balancer::choice balancer::pick_from(candidate_view among, tier who, random_source& chance) {
    switch (how_) {
    case balancing::round_robin: return next_turn(among, who, false);
    case balancing::least_requests: return next_turn(among, who, true);
    case balancing::least_latency:
    case balancing::p2c: break;
    }
    return among.size() <= few ? next_turn(among, who, true) : cheaper_of_two(among, who, chance);
}

/// Smooth weighted round robin among all, or among those that are as good as the cheapest: each gains its weight, the
/// richest is picked and pays what all gained.
balancer::choice balancer::next_turn(candidate_view among, tier who, bool cheapest_only) {
    compared_.clear();
    for (std::size_t i = 0; i < among.size(); ++i)
        if (const auto c = among[i]; who.has(c)) compared_.push_back({.index = i, .is = c});
    if (compared_.empty()) return std::nullopt;
    if (cheapest_only) {
        set_costs(compared_);
        const auto cheapest = *std::ranges::min_element(compared_, {}, &priced::cost);
        std::erase_if(compared_, [&](const priced& p) { return !shares(p, cheapest); });
    }

    if (turns_.size() != among.size()) turns_.assign(among.size(), 0);
    auto richest = compared_.front().index;
    double gained = 0;
    for (const auto& p : compared_) {
        turns_[p.index] += p.is.weight;
        gained += p.is.weight;
        if (turns_[p.index] > turns_[richest]) richest = p.index;
    }
    turns_[richest] -= gained;
    return richest;
}

balancer::choice balancer::cheaper_of_two(candidate_view among, tier who, random_source& chance) {
    const auto first = draw_by_weight(among, who, std::nullopt, chance);
    if (!first) return std::nullopt;
    const auto second = draw_by_weight(among, who, first, chance);
    if (!second) return first;
    std::array<priced, 2> two{{{.index = *first, .is = among[*first]}, {.index = *second, .is = among[*second]}}};
    set_costs(two);
    const auto& cheapest = two[1].cost < two[0].cost ? two[1] : two[0];
    return shares(two[0], cheapest) ? first : cheapest.index;
}

/// Acceptance sampling: any index, kept with probability weight / heaviest. When that fails too often (most are
/// unusable, or one weight dwarfs the others) one exact pass over all: each is kept with its share of the weight seen
/// so far.
balancer::choice balancer::draw_by_weight(candidate_view among, tier who, choice except, random_source& chance) {
    if (known_ != among.size()) {
        heaviest_ = 0;
        for (std::size_t i = 0; i < among.size(); ++i) heaviest_ = std::max(heaviest_, among[i].weight);
        known_ = among.size();
    }
    for (int n = 0; n < draws; ++n) {
        const std::size_t i = chance.below(static_cast<std::uint32_t>(among.size()));
        if (except == i) continue;
        const auto c = among[i];
        if (!who.has(c)) continue;
        heaviest_ = std::max(heaviest_, c.weight);  // weights may change without a change of number
        if (c.weight == heaviest_ || chance.unit() * heaviest_ < c.weight) return i;
    }
    choice kept;
    double total = 0;
    for (std::size_t i = 0; i < among.size(); ++i) {
        const auto c = among[i];
        if (except == i || !who.has(c)) continue;
        total += c.weight;
        if (!kept || chance.unit() * total < c.weight) kept = i;
    }
    return kept;
}

void balancer::set_costs(std::span<priced> compared) const noexcept {
    if (how_ == balancing::least_latency) {
        double sum = 0, known = 0;
        for (const auto& p : compared)
            if (p.is.latency > 0ns) {
                sum += static_cast<double>(p.is.latency.count());
                ++known;
            }
        for (auto& p : compared)
            if (known > 0) p.latency = p.is.latency > 0ns ? static_cast<double>(p.is.latency.count()) : sum / known;
    }
    for (auto& p : compared) p.cost = p.latency * (p.is.in_flight + 1.0) / p.is.weight;
}

/// Is as good as the cheapest.
bool balancer::shares(const priced& p, const priced& cheapest) const noexcept {
    if (p.is.in_flight == 0 && cheapest.is.in_flight == 0) return p.latency <= alike * cheapest.latency;
    return p.cost <= cheapest.cost;
}

}  // namespace weir
