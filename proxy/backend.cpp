#include "proxy/backend.hpp"

namespace weir {

server::server(const conf::server& settings) : settings_{settings} {
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

backend::backend(const conf::backend& settings) : settings_{settings} {
    for (const auto& each : settings.servers) servers_.emplace_back(each);
}

}  // namespace weir
