#pragma once
/// Which route a request takes: the first, in the order of the file, whose host, path prefix and method all match.
///
///     route_table routes{listener_settings};
///     if (const auto* route = routes.find(head)) ...           // null: no route, and no default backend
///
/// Hosts compare without regard to case, exactly or by `*.suffix`; paths by whole segments, in the spelling that servers
/// would agree on (lib/http/path.hpp). Immutable; refers to the configuration.
#include <optional>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "lib/http/head.hpp"

namespace weir {

class route_table {
public:
    explicit route_table(const conf::listener& settings);
    const conf::route* find(const http::request_head& head) const noexcept;

private:
    struct entry {
        const conf::route* route;
        std::string prefix;  // in comparable spelling
    };
    std::vector<entry> entries_;
    std::optional<conf::route> fallback_;  // to the default backend
};

}  // namespace weir
