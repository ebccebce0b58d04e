#include "proxy/server.hpp"

#include <utility>

namespace weir {

breaker_policy breaker_policy_of(const conf::backend::breaking& settings) {
    breaker_policy policy;
    policy.on = settings.on;
    policy.failures = settings.failures;
    policy.share_permille = settings.share_permille;
    policy.slow = settings.slow;
    policy.slow_permille = settings.slow_permille;
    policy.open_first = settings.open_first;
    policy.open_most = settings.open_most;
    return policy;
}

namespace {

/// A limit that the configuration gives is told to it, so that base() is not learned from those who use all of it: how
/// long they take says how many they are. The whole backend's is each server's share.
adaptive_limit_policy limit_policy_of(const conf::server& settings, const conf::backend& of) {
    adaptive_limit_policy policy;
    auto given = settings.limit;
    if (!given && of.limit.how == conf::in_flight_limit::kind::fixed) {
        const auto servers = static_cast<unsigned>(of.servers.size());
        given = (of.limit.places + servers - 1) / servers;
    }
    if (given) policy.start = policy.floor = policy.most = *given;
    return policy;
}

}  // namespace

std::string_view word(try_kind kind) noexcept {
    switch (kind) {
    case try_kind::first: return "first";
    case try_kind::retry: return "retry";
    case try_kind::hedge: return "hedge";
    case try_kind::race: return "race";
    }
    std::unreachable();
}

server::under_lock::under_lock(const conf::server& settings, const conf::backend& of)
    : breaker{breaker_policy_of(of.breaker)}, limit{limit_policy_of(settings, of)},
      health{of.health.rise, of.health.fall}, warming{of.slow_start} {
    noted.limit = limit.limit();
}

server::server(const conf::server& settings, const conf::backend& of) : settings_{settings}, guarded_{settings, of} {
    const auto& at = settings.address;
    if (!at.unix_path.empty()) {
        if (auto path = address::unix_socket(at.unix_path)) addresses_.push_back(*path);
    } else if (auto literal = address::parse_ip(at.host, at.port)) {
        addresses_.push_back(*literal);
    } else {
        needs_lookup_ = true;
    }
}

std::vector<address> server::addresses() const {
    const std::lock_guard lock{mutex_};
    return addresses_;
}

bool server::set_addresses(std::vector<address> found) {
    const std::lock_guard lock{mutex_};
    if (found == addresses_) return false;
    addresses_ = std::move(found);
    return true;
}

}  // namespace weir
