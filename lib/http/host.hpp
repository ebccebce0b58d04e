#pragma once
/// The host a request is for: `name[:port]`, checked and taken apart, and compared with the hosts of a route.
///
///     auto a = parse_authority("Example.com:8080");     // host "Example.com", port 8080
///     host_matches("*.example.com", "API.example.com")  // true
///
/// Pure; the views point into the text that was given.
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

struct authority {
    std::string_view text;              // all of it, as received
    std::string_view host;              // without the port; an IPv6 address keeps its brackets
    std::optional<std::uint16_t> port;  // 1 to 65535
};

/// Stricter than `uri-host [":" port]` of RFC 9110 section 7.2: a name of letters, digits, '-', '_' and '.', at most
/// 255 characters, no empty label (one dot at the end is allowed), or an IPv4 address, or an IPv6 address in brackets
/// without a zone. User names, percent-encodings and IP literals of the future have no business in a Host field, but
/// are what host confusion is made of. Nothing at all for any other text.
std::optional<authority> parse_authority(std::string_view text) noexcept;

/// Does a host (without port, any case) match a pattern (lower case): itself, or `*.suffix`, which stands for one or
/// more labels before the suffix? One dot at the end of the host does not count. `*` alone matches every host.
bool host_matches(std::string_view pattern, std::string_view host) noexcept;

}  // namespace weir::http
