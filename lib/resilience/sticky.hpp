#pragma once
/// A cookie that keeps a client at the server that has its session.
///
///     const auto said = find_cookie(request.cookie, "weir_server");
///     const auto wanted = said ? parse_sticky(*said) : std::nullopt;       // compare with each server's hash
///     "weir_server=" + std::string_view{sticky_value(stable_hash(server.name))}
///
/// The value is the stable hash of the server's name, as 16 lower-case hexadecimal digits: it survives restarts and
/// changes of the server list, and tells the client no address. It comes back from the client, so it is only a wish: no
/// server is picked for it that could not be picked otherwise. Pure.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/resilience/stable_hash.hpp"

namespace weir {

struct sticky_text {
    std::array<char, 16> digits;
    operator std::string_view() const noexcept { return {digits.data(), digits.size()}; }
};

inline sticky_text sticky_value(std::uint64_t server_hash) noexcept {
    sticky_text text;
    for (auto& digit : text.digits) {
        digit = "0123456789abcdef"[server_hash >> 60];
        server_hash <<= 4;
    }
    return text;
}

/// Exactly what sticky_value() writes; nothing for any other text.
inline std::optional<std::uint64_t> parse_sticky(std::string_view text) noexcept {
    if (text.size() != 16) return std::nullopt;
    std::uint64_t hash = 0;
    for (const char c : text) {
        const auto digit = std::string_view{"0123456789abcdef"}.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        hash = hash << 4 | digit;
    }
    return hash;
}

/// The value of the first cookie called exactly `name` in the value of a Cookie field (RFC 6265 section 4.2.1), as it
/// stands there, quotes and all. Points into `header`.
inline std::optional<std::string_view> find_cookie(std::string_view header, std::string_view name) noexcept {
    constexpr std::string_view blank = " \t";
    while (!header.empty()) {
        const auto end = header.find(';');
        auto pair = header.substr(0, end);
        header.remove_prefix(end == std::string_view::npos ? header.size() : end + 1);

        pair.remove_prefix(std::min(pair.find_first_not_of(blank), pair.size()));
        const auto last = pair.find_last_not_of(blank);
        pair = pair.substr(0, last == std::string_view::npos ? 0 : last + 1);
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
    return std::nullopt;
}

}  // namespace weir
