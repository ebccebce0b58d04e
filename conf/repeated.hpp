#pragma once
/// Finds what stands twice: names of backends, addresses of listeners and of servers. Pure.
///
///     for_repeated(names.size(), [&](std::size_t i) { return names[i]; },
///                  [&](std::size_t i, std::size_t first) { complain(i, first); });
#include <string>
#include <unordered_map>
#include <utility>

#include "conf/config.hpp"

namespace weir::conf {

/// Equal for addresses that are the same; empty where none can be: unreadable, or a port that the kernel chooses.
inline std::string key_of(const endpoint& address) {
    if (!address.unix_path.empty()) return "unix:" + address.unix_path;
    if (address.port == 0) return {};
    return (address.host.empty() ? "" : address.host + ":") + std::to_string(address.port);
}

/// Calls `again(i, first)` for every place whose key an earlier one had. An empty key is never the same as another.
template <class Key, class Again> void for_repeated(std::size_t count, Key key, Again again) {
    std::unordered_map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < count; ++i) {
        auto name = key(i);
        if (name.empty()) continue;
        if (const auto [first, is_new] = seen.emplace(std::move(name), i); !is_new) again(i, first->second);
    }
}

}  // namespace weir::conf
