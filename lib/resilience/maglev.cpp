#include "lib/resilience/maglev.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <queue>
#include <utility>

#include "lib/resilience/stable_hash.hpp"

namespace weir {
namespace {

constexpr auto nobody = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t steps_per_server = 8;  // with equal weights all but one server in 3,000 are met

/// A server on its way through its own permutation of the places.
struct claimant {
    std::uint64_t name;
    std::uint64_t claimed = 0;
    std::uint32_t weight;
    std::uint32_t at, skip;
    std::uint16_t index;

    claimant(const maglev_server& server, std::size_t i) noexcept
        : name{server.name}, weight{server.weight}, at{static_cast<std::uint32_t>(mix_bits(name) % maglev::places)},
          skip{static_cast<std::uint32_t>(mix_bits(name ^ 0x9e3779b97f4a7c15) % (maglev::places - 1) + 1)},
          index{static_cast<std::uint16_t>(i)} {}

    void advance() noexcept { at = static_cast<std::uint32_t>((at + skip) % maglev::places); }
};

/// The least claimed for its weight is next; of equals the one whose name says so, whatever the order of the list.
struct later {
    bool operator()(const claimant& a, const claimant& b) const noexcept {
        const auto left = (a.claimed + 1) * b.weight, right = (b.claimed + 1) * a.weight;
        return left != right ? left > right : a.name > b.name;
    }
};

bool may_have_it(const candidate& c) noexcept { return c.usable && c.weight > 0 && !c.backup && !c.tried; }

/// Has room for one more.
bool below_bound(const candidate& c, const group_load& all, unsigned bound_percent) noexcept {
    const double fair = static_cast<double>(all.in_flight + 1) * c.weight / all.weight;
    return c.in_flight < fair * bound_percent / 100;
}

/// The exact answer, for when the walk met nobody with room: one with room, else any. Begins at a server of the key's
/// own, so that not all keys meet at one.
std::optional<std::size_t> look_at_all(std::uint64_t key, candidate_view among, const group_load& all,
                                       unsigned bound_percent) {
    std::optional<std::size_t> over;
    for (std::size_t n = 0, i = key % among.size(); n < among.size(); ++n, i = (i + 1) % among.size()) {
        const auto c = among[i];
        if (!may_have_it(c)) continue;
        if (below_bound(c, all, bound_percent)) return i;
        if (!over) over = i;
    }
    return over;
}

}  // namespace

maglev::maglev(std::span<const maglev_server> servers) {
    assert(servers.size() <= nobody);
    std::vector<claimant> waiting;
    for (std::size_t i = 0; i < servers.size(); ++i)
        if (servers[i].weight > 0) waiting.emplace_back(servers[i], i);
    if (waiting.empty()) return;

    table_.assign(places, nobody);
    std::priority_queue turns{later{}, std::move(waiting)};
    for (std::size_t left = places; left > 0; --left) {
        auto next = turns.top();
        turns.pop();
        while (table_[next.at] != nobody) next.advance();
        table_[next.at] = next.index;
        ++next.claimed;
        turns.push(next);
    }
}

std::optional<std::size_t> maglev::owner(std::uint64_t key) const noexcept {
    if (table_.empty()) return std::nullopt;
    return table_[place_of(key)];
}

std::optional<std::size_t> maglev::pick(std::uint64_t key, candidate_view among, const group_load& all,
                                        unsigned bound_percent) const {
    if (table_.empty()) return std::nullopt;
    const std::size_t steps = std::min(places, steps_per_server * among.size());
    std::uint16_t previous = nobody;
    for (std::size_t step = 0; step < steps; ++step) {
        // Not just the next place: neighbours in the table are not independent, one server would inherit most.
        const auto i = table_[place_of(step == 0 ? key : mix_bits(key + step))];
        if (i == std::exchange(previous, i)) continue;
        const auto c = among[i];
        if (may_have_it(c) && below_bound(c, all, bound_percent)) return i;
    }
    return look_at_all(key, among, all, bound_percent);
}

}  // namespace weir
