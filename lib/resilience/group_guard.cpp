#include "lib/resilience/group_guard.hpp"

#include <algorithm>
#include <cassert>

namespace weir {
namespace {

/// The breaker takes it out whether it is ejected or not.
bool only_ejected(const server_condition& s) noexcept { return s.ejected && !s.breaker_open; }

unsigned cap(unsigned members) noexcept { return members / 2; }

}  // namespace

group_view group_guard::judge(std::span<const server_condition> servers, std::span<use> uses) const noexcept {
    assert(uses.size() == servers.size());
    unsigned members = 0, open = 0;
    for (const auto& s : servers) {
        if (s.draining) continue;
        ++members;
        if (s.breaker_open) ++open;
    }
    group_view view{.members = members};
    unsigned places = cap(members) - std::min(cap(members), open);  // for ejections
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const auto& s = servers[i];
        const bool out = !s.draining && only_ejected(s) && places > 0;
        if (out) --places;
        uses[i] = s.draining || s.health_down || out ? use::no : use::if_breaker_allows;
        if (uses[i] != use::no && !s.breaker_open) ++view.usable;
    }
    view.panic = panics(view.usable, members);
    if (view.panic)
        for (std::size_t i = 0; i < servers.size(); ++i) {
            const auto& s = servers[i];
            if (!s.draining && !s.health_down) uses[i] = s.known_dead ? use::if_breaker_allows : use::regardless;
        }
    return view;
}

bool group_guard::may_eject(std::span<const server_condition> servers, std::size_t i) const noexcept {
    if (servers[i].draining) return false;
    unsigned members = 0, out = 0, usable = 0;
    for (std::size_t k = 0; k < servers.size(); ++k) {
        const auto& s = servers[k];
        if (s.draining) continue;
        ++members;
        if (s.breaker_open || s.ejected || k == i) ++out;
        else if (!s.health_down) ++usable;
    }
    return out <= cap(members) && usable > 0 && !panics(usable, members);
}

bool group_guard::panics(unsigned usable, unsigned members) const noexcept {
    return usable * 1000 < panic_permille_ * members;
}

}  // namespace weir
