#include "proxy/route.hpp"

#include <algorithm>

#include "lib/http/host.hpp"
#include "lib/http/path.hpp"

namespace weir {
route_rate::route_rate(const conf::rate_limit& of, std::uint64_t seed)
    : settings{of}, clients{token_rate{of.requests, of.per, of.burst}, clients_remembered, seed} {}

route_state::route_state(const conf::route& of, std::uint64_t seed) : settings{of} {
    for (const auto& each : of.rates) rates.emplace_back(each, seed);
}

route_table::route_table(const conf::listener& settings, std::uint64_t seed) {
    for (const auto& route : settings.routes)
        entries_.push_back({http::comparable_path(route.prefix), &routes_.emplace_back(route, seed)});
    if (settings.default_backend) {
        fallback_.emplace();
        fallback_->at = settings.at;
        fallback_->prefix = "/";
        fallback_->backend = settings.default_backend;
        fallback_->upgrades = {"websocket"};
        entries_.push_back({"/", &routes_.emplace_back(*fallback_, seed)});
    }
}

route_state* route_table::find(const http::request_head& head) noexcept {
    const auto path = head.route_path();
    for (const auto& [prefix, way] : entries_) {
        const auto& route = way->settings;
        const bool path_matches = http::path_has_prefix(path, prefix) || (path == "*" && prefix == "/");
        if (!path_matches) continue;
        if (!route.methods.empty() && std::ranges::find(route.methods, head.method_name()) == route.methods.end())
            continue;
        if (!route.hosts.empty() &&
            std::ranges::none_of(route.hosts, [&](const auto& host) { return http::host_matches(host, head.host()); }))
            continue;
        return way;
    }
    return nullptr;
}

}  // namespace weir
