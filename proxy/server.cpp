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

std::string_view word(try_kind kind) noexcept {
    switch (kind) {
    case try_kind::first: return "first";
    case try_kind::retry: return "retry";
    case try_kind::hedge: return "hedge";
    case try_kind::race: return "race";
    }
    std::unreachable();
}

server::under_lock::under_lock(const conf::backend& of)
    : breaker{breaker_policy_of(of.breaker)}, limit{adaptive_limit_policy{}}, health{of.health.rise, of.health.fall},
      warming{of.slow_start} {
    noted.limit = limit.limit();
}

server::server(const conf::server& settings, const conf::backend& of) : settings_{settings}, guarded_{of} {
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
