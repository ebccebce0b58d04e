#include "proxy/route.hpp"

#include <algorithm>

#include "lib/http/host.hpp"
#include "lib/http/path.hpp"

namespace weir {

route_table::route_table(const conf::listener& settings) {
    for (const auto& route : settings.routes) entries_.push_back({&route, http::comparable_path(route.prefix)});
    if (settings.default_backend) {
        fallback_.emplace();
        fallback_->at = settings.at;
        fallback_->prefix = "/";
        fallback_->backend = settings.default_backend;
        fallback_->upgrades = {"websocket"};
    }
}

const conf::route* route_table::find(const http::request_head& head) const noexcept {
    const auto path = head.route_path();
    for (const auto& [route, prefix] : entries_) {
        const bool path_matches = http::path_has_prefix(path, prefix) || (path == "*" && prefix == "/");
        if (!path_matches) continue;
        if (!route->methods.empty() && std::ranges::find(route->methods, head.method_name()) == route->methods.end())
            continue;
        if (!route->hosts.empty() &&
            std::ranges::none_of(route->hosts, [&](const auto& host) { return http::host_matches(host, head.host()); }))
            continue;
        return route;
    }
    return fallback_ ? &*fallback_ : nullptr;
}

}  // namespace weir
