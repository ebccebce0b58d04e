#pragma once
/// Which route a request takes: the first, in the order of the file, whose host, path prefix and method all match.
///
///     route_table routes{listener_settings};
///     if (auto* way = routes.find(head)) ... way->settings.backend ...     // null: no route, and no default backend
///
/// Hosts compare without regard to case, exactly or by `*.suffix`; paths by whole segments, in the spelling that servers
/// would agree on (lib/http/path.hpp). One table per listener and process; which routes there are never changes, and refers
/// to the configuration.
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "conf/config.hpp"
#include "lib/http/head.hpp"
#include "lib/resilience/circuit_breaker.hpp"
#include "lib/resilience/hedge_trigger.hpp"
#include "lib/resilience/keyed_limit.hpp"

namespace weir {

/// By each rate; 2 MiB.
inline constexpr std::size_t clients_remembered = 65'536;

/// A route's `rate_limit`, exact over all workers.
struct route_rate {
    route_rate(const conf::rate_limit& of, std::uint64_t seed);
    const conf::rate_limit& settings;
    std::mutex mutex;
    keyed_limit clients;  // under the lock
};

/// What the whole process knows about one route.
struct route_state {
    route_state(const conf::route& of, std::uint64_t seed);
    route_state(const route_state&) = delete;

    const conf::route& settings;
    std::deque<route_rate> rates;

    // Guarded by the lock of the route's backend (backend.hpp)
    unsigned in_flight = 0;
    std::deque<circuit_breaker> breakers;  // one per server, with `breaker route`; else none
    std::optional<hedge_trigger> hedges;   // with a `hedge` of its own
    bool full() const noexcept { return settings.limit && in_flight >= *settings.limit; }
};

class route_table {
public:
    /// `seed`: drawn at random, so that nobody outside knows which clients share a place of a rate's table.
    route_table(const conf::listener& settings, std::uint64_t seed);
    route_state* find(const http::request_head& head) noexcept;
    std::deque<route_state>& routes() noexcept { return routes_; }

private:
    struct entry {
        std::string prefix;  // in comparable spelling
        route_state* route;
    };
    std::optional<conf::route> fallback_;  // to the default backend
    std::deque<route_state> routes_;       // as in the file, the fallback last
    std::vector<entry> entries_;
};

}  // namespace weir
