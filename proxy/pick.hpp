#pragma once
/// Picks the server for the next try of a request or connection.
///
///     tried_servers tried;
///     if (auto picked = pick_server(backend, tried, w.chance)) { ...; tried.add(*picked); }
///
/// A server that was tried comes again only when nothing else is left. No allocation for the first 64 servers.
#include <cstdint>
#include <optional>
#include <vector>

#include "proxy/context.hpp"

namespace weir {

class tried_servers {
public:
    bool contains(std::size_t i) const noexcept {
        return i < 64 ? (first_ >> i & 1) != 0 : i - 64 < others_.size() && others_[i - 64];
    }
    void add(std::size_t i) {
        if (i < 64) {
            first_ |= std::uint64_t{1} << i;
        } else {
            if (i - 64 >= others_.size()) others_.resize(i - 63);
            others_[i - 64] = true;
        }
    }

private:
    std::uint64_t first_ = 0;
    std::vector<bool> others_;
};

inline std::optional<std::size_t> pick_server(backend_view& backend, const tried_servers& tried,
                                              random_source& chance) {
    auto& servers = backend.shared.servers();
    if (servers.size() == 1) return 0;
    const auto candidate_at = [&](std::size_t i) {
        candidate c;
        c.weight = servers[i].settings().weight;
        c.in_flight = servers[i].in_flight();
        c.tried = tried.contains(i);
        return c;
    };
    return backend.pick.pick({servers.size(), candidate_at}, chance);
}

}  // namespace weir
