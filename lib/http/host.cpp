#include "lib/http/host.hpp"

#include <array>

#include "lib/http/fields.hpp"

namespace weir::http {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

enum class in_name : std::uint8_t { letter, dot, no };

constexpr std::array<in_name, 256> make_name_table() {
    std::array<in_name, 256> is{};
    for (auto& each : is) each = in_name::no;
    for (int c = '0'; c <= '9'; ++c) is[c] = in_name::letter;
    for (int c = 'a'; c <= 'z'; ++c) is[c] = is[c - 32] = in_name::letter;
    is['-'] = is['_'] = in_name::letter;
    is['.'] = in_name::dot;
    return is;
}
constexpr auto name_table = make_name_table();

/// How much of the text is a name without an empty label, but for one behind a last dot.
std::size_t name_size(std::string_view text) noexcept {
    const char *const begin = text.data(), *const end = begin + text.size(), *p = begin;
    for (; p < end; ++p) {
        const auto kind = name_table[static_cast<unsigned char>(*p)];
        if (kind == in_name::letter) continue;
        if (kind == in_name::no || p == begin || p[-1] == '.') break;
    }
    return static_cast<std::size_t>(p - begin);
}

bool is_ipv4(std::string_view text) noexcept {
    int parts = 0, digits = 0, value = 0;
    for (const char c : text) {
        if (c == '.') {
            if (digits == 0 || ++parts > 3) return false;
            digits = value = 0;
        } else {
            if (!is_digit(c) || (digits > 0 && value == 0)) return false;  // no leading zeros
            value = value * 10 + (c - '0');
            if (++digits > 3 || value > 255) return false;
        }
    }
    return parts == 3 && digits > 0;
}

/// RFC 4291 section 2.2: eight groups, one run of zeros may be left out, the last two may be an IPv4 address.
bool is_ipv6(std::string_view text) noexcept {
    int groups = 0;
    bool gap = false;
    if (text.starts_with("::")) {
        gap = true;
        text.remove_prefix(2);
    }
    while (!text.empty()) {
        const auto end = text.find(':');
        const auto group = text.substr(0, end);
        if (end == text.npos && group.find('.') != group.npos) {
            if (!is_ipv4(group)) return false;
            groups += 2;
            break;
        }
        if (group.empty() || group.size() > 4) return false;
        for (const char c : group)
            if (!is_hex(c)) return false;
        ++groups;
        if (end == text.npos) break;
        text.remove_prefix(end + 1);
        if (text.empty()) return false;  // ends with a single colon
        if (text.front() == ':') {
            if (gap) return false;
            gap = true;
            text.remove_prefix(1);
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

}  // namespace

std::optional<authority> parse_authority(std::string_view text) noexcept {
    authority found{text, text, std::nullopt};
    std::string_view behind;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos || !is_ipv6(text.substr(1, close - 1))) return std::nullopt;
        found.host = text.substr(0, close + 1);
        behind = text.substr(close + 1);
    } else {
        const auto size = name_size(text);
        if (size == 0 || size > 255) return std::nullopt;
        found.host = text.substr(0, size);
        behind = text.substr(size);
    }
    if (behind.empty()) return found;
    if (behind.front() != ':' || behind.size() > 6) return std::nullopt;
    if (behind.size() == 1) return found;  // "host:" is allowed by the grammar
    unsigned port = 0;
    for (const char c : behind.substr(1)) {
        if (!is_digit(c)) return std::nullopt;
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    if (port == 0 || port > 65535) return std::nullopt;
    found.port = static_cast<std::uint16_t>(port);
    return found;
}

bool host_matches(std::string_view pattern, std::string_view host) noexcept {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (pattern == "*") return true;
    if (!pattern.starts_with("*.")) return equals_nocase(pattern, host);
    const auto suffix = pattern.substr(1);  // with its dot
    return host.size() > suffix.size() && equals_nocase(host.substr(host.size() - suffix.size()), suffix);
}

}  // namespace weir::http
