#include "lib/net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>

#include "lib/telemetry/put.hpp"

namespace weir {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::string_view unix_prefix = "unix:";

bool is_mapped(const address::ip_bytes& ip) noexcept {
    return std::memcmp(ip.data(), mapped_prefix.data(), mapped_prefix.size()) == 0;
}

char* put_ipv4(char* to, const std::uint8_t* four) noexcept {
    to = put_small(to, four[0]);
    for (int i = 1; i < 4; ++i) {
        *to++ = '.';
        to = put_small(to, four[i]);
    }
    return to;
}

/// RFC 5952: lower case, no leading zeroes, the first of the longest runs of two or more zero groups as "::".
char* put_ipv6(char* to, const address::ip_bytes& ip) noexcept {
    std::array<unsigned, 8> groups;
    for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<unsigned>(ip[2 * i] << 8 | ip[2 * i + 1]);

    std::size_t run = 8, run_length = 1;
    for (std::size_t i = 0; i < 8;) {
        std::size_t end = i;
        while (end < 8 && groups[end] == 0) ++end;
        if (end - i > run_length) run = i, run_length = end - i;
        i = end + 1;
    }
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == run) {
            *to++ = ':';
            *to++ = ':';
            i += run_length - 1;
            continue;
        }
        if (i > 0 && to[-1] != ':') *to++ = ':';
        to = std::to_chars(to, to + 4, groups[i], 16).ptr;
    }
    return to;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    return port;
}

}  // namespace

address address::inet(const ip_bytes& ip, std::uint16_t port, std::uint32_t zone) noexcept {
    address made;
    made.parts_ = inet_parts{ip, is_mapped(ip) ? 0 : zone, port};
    return made;
}

address address::inet4(std::array<std::uint8_t, 4> ip, std::uint16_t port) noexcept {
    ip_bytes mapped;
    std::copy(ip.begin(), ip.end(), std::copy(mapped_prefix.begin(), mapped_prefix.end(), mapped.begin()));
    return inet(mapped, port);
}

std::optional<address> address::unix_socket(std::string_view path) {
    if (path.size() > max_unix_path_bytes) return std::nullopt;
    address made;
    made.parts_ = path.empty() ? shared_path{} : std::make_shared<const std::string>(path);
    return made;
}

std::optional<address> address::from(const sockaddr_storage& raw, socklen_t length) {
    return from(sockaddr_of(raw), length);
}

std::optional<address> address::from(const sockaddr* raw, socklen_t length) {
    // Copied into a variable of the right type: `raw` may be aligned for nothing better than a sockaddr.
    if (raw == nullptr || length < static_cast<socklen_t>(sizeof raw->sa_family)) return std::nullopt;
    switch (raw->sa_family) {
    case AF_INET: {
        sockaddr_in in;
        if (length < static_cast<socklen_t>(sizeof in)) return std::nullopt;
        std::memcpy(&in, raw, sizeof in);
        std::array<std::uint8_t, 4> ip;
        std::memcpy(ip.data(), &in.sin_addr, sizeof ip);
        return inet4(ip, ntohs(in.sin_port));
    }
    case AF_INET6: {
        sockaddr_in6 in;
        if (length < static_cast<socklen_t>(sizeof in)) return std::nullopt;
        std::memcpy(&in, raw, sizeof in);
        ip_bytes ip;
        std::memcpy(ip.data(), &in.sin6_addr, sizeof ip);
        return inet(ip, ntohs(in.sin6_port), in.sin6_scope_id);
    }
    case AF_UNIX: {
        if (length < static_cast<socklen_t>(path_offset)) return std::nullopt;
        std::string_view path{reinterpret_cast<const char*>(raw) + path_offset, length - path_offset};
        if (!path.empty() && path.front() != '\0') path = path.substr(0, path.find('\0'));
        return unix_socket(path);
    }
    default: return std::nullopt;
    }
}

std::optional<address> address::parse(std::string_view text) {
    if (text.starts_with(unix_prefix)) {
        const auto path = text.substr(unix_prefix.size());
        if (path.empty() || path.find('\0') != path.npos) return std::nullopt;
        return unix_socket(path);
    }
    const auto colon = text.rfind(':');
    if (colon == text.npos) return std::nullopt;
    const auto host = text.substr(0, colon);
    const auto port = parse_port(text.substr(colon + 1));
    const bool bracketed = host.starts_with('[');
    if (!port || (!bracketed && host.find(':') != host.npos)) return std::nullopt;  // "::1:80" reads two ways
    return parse_ip(host, *port);
}

std::optional<address> address::parse_ip(std::string_view text, std::uint16_t port) {
    const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
    if (bracketed) text = text.substr(1, text.size() - 2);
    char terminated[INET6_ADDRSTRLEN];
    if (text.size() >= sizeof terminated || text.find('\0') != text.npos) return std::nullopt;
    *std::copy(text.begin(), text.end(), terminated) = '\0';
    if (text.find(':') != text.npos) {
        ip_bytes ip;
        if (inet_pton(AF_INET6, terminated, ip.data()) != 1) return std::nullopt;
        return inet(ip, port);
    }
    std::array<std::uint8_t, 4> ip;
    if (bracketed || inet_pton(AF_INET, terminated, ip.data()) != 1) return std::nullopt;
    return inet4(ip, port);
}

socklen_t address::to(sockaddr_storage& raw) const noexcept {
    raw = {};
    switch (kind()) {
    case family::none: return 0;
    case family::ipv4: {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port());
        std::memcpy(&in.sin_addr, ip().data() + mapped_prefix.size(), sizeof in.sin_addr);
        std::memcpy(&raw, &in, sizeof in);
        return sizeof in;
    }
    case family::ipv6: {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port());
        in.sin6_scope_id = std::get<inet_parts>(parts_).zone;
        std::memcpy(&in.sin6_addr, ip().data(), sizeof in.sin6_addr);
        std::memcpy(&raw, &in, sizeof in);
        return sizeof in;
    }
    case family::unix_socket: {
        const auto name = path();
        const bool is_file = !name.empty() && name.front() != '\0';
        raw.ss_family = AF_UNIX;
        std::copy(name.begin(), name.end(), reinterpret_cast<char*>(&raw) + path_offset);
        return static_cast<socklen_t>(path_offset + name.size() + (is_file ? 1 : 0));  // a path ends in a zero
    }
    }
    return 0;
}

address::family address::kind() const noexcept {
    if (is_unix()) return family::unix_socket;
    if (!is_inet()) return family::none;
    return is_mapped(ip()) ? family::ipv4 : family::ipv6;
}

bool address::is_loopback() const noexcept {
    static constexpr ip_bytes loopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    switch (kind()) {
    case family::none: return false;
    case family::ipv4: return ip()[mapped_prefix.size()] == 127;
    case family::ipv6: return ip() == loopback6;
    case family::unix_socket: return true;
    }
    return false;
}

const address::ip_bytes& address::ip() const noexcept {
    assert(is_inet());
    return std::get_if<inet_parts>(&parts_)->ip;
}

std::uint16_t address::port() const noexcept {
    const auto* inet = std::get_if<inet_parts>(&parts_);
    return inet ? inet->port : std::uint16_t{0};
}

std::string_view address::path() const noexcept {
    const auto* path = std::get_if<shared_path>(&parts_);
    return path && *path ? std::string_view{**path} : std::string_view{};
}

address address::with_port(std::uint16_t port) const noexcept {
    address other = *this;
    if (auto* inet = std::get_if<inet_parts>(&other.parts_)) inet->port = port;
    return other;
}

void address::append_to(std::string& out) const {
    char text[max_text_bytes];
    char* end = text;
    switch (kind()) {
    case family::none: out += '-'; return;
    case family::unix_socket: {
        out += unix_prefix;
        const auto name = path();
        if (name.starts_with('\0'))  // abstract: written as `ss` and /proc/net/unix do
            out.append(1, '@').append(name.substr(1));
        else out += name;
        return;
    }
    case family::ipv4: end = put_ipv4(end, ip().data() + mapped_prefix.size()); break;
    case family::ipv6:
        *end++ = '[';
        end = put_ipv6(end, ip());
        *end++ = ']';
        break;
    }
    *end++ = ':';
    end = put_number(end, port());
    out.append(text, static_cast<std::size_t>(end - text));
}

void address::append_ip_to(std::string& out) const {
    char text[max_text_bytes];
    char* end = text;
    switch (kind()) {
    case family::none: *end++ = '-'; break;
    case family::ipv4: end = put_ipv4(end, ip().data() + mapped_prefix.size()); break;
    case family::ipv6: end = put_ipv6(end, ip()); break;
    case family::unix_socket: end = std::copy(unix_prefix.begin(), unix_prefix.end(), end); break;
    }
    out.append(text, static_cast<std::size_t>(end - text));
}

std::string address::text() const {
    std::string out;
    append_to(out);
    return out;
}

std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
    if (const auto order = a.parts_.index() <=> b.parts_.index(); order != 0) return order;
    if (!a.is_inet()) return a.path() <=> b.path();  // both empty where there is no address at all
    if (const auto order = std::memcmp(a.ip().data(), b.ip().data(), a.ip().size()) <=> 0; order != 0) return order;
    if (const auto order = a.port() <=> b.port(); order != 0) return order;
    return std::get_if<address::inet_parts>(&a.parts_)->zone <=> std::get_if<address::inet_parts>(&b.parts_)->zone;
}

std::size_t address::hash() const noexcept {
    if (!is_inet()) return std::hash<std::string_view>{}(path());
    std::uint64_t half[2];
    std::memcpy(half, ip().data(), sizeof half);
    // Odd constants of SplitMix64. No promise against keys chosen to collide.
    auto mixed = (half[0] ^ port()) * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 32) ^ half[1]) * 0xbf58476d1ce4e5b9;
    return static_cast<std::size_t>(mixed ^ (mixed >> 32));
}

}  // namespace weir
