#include "lib/net/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace weir {
namespace {

using namespace std::string_view_literals;
using parsed = result<std::optional<proxy_header>>;

constexpr auto v1_start = "PROXY "sv;
constexpr auto v2_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t v2_fixed_bytes = 16;
constexpr std::size_t v2_unix_path_bytes = 108;

// Byte 13 of version 2 (version and command) and byte 14 (family and transport).
constexpr std::uint8_t v2_local = 0x20, v2_proxy = 0x21;
constexpr std::uint8_t unspecified = 0x00, tcp4 = 0x11, udp4 = 0x12, tcp6 = 0x21, udp6 = 0x22;
constexpr std::uint8_t unix_stream = 0x31, unix_datagram = 0x32;

std::unexpected<error> bad(std::string_view what) {
    return fail(reason::bad_proxy_header, std::string{"PROXY protocol: "}.append(what), false);
}

std::uint8_t byte_at(std::string_view from, std::size_t i) noexcept { return static_cast<std::uint8_t>(from[i]); }
std::size_t number_at(std::string_view from, std::size_t i) noexcept {
    return static_cast<std::size_t>(byte_at(from, i) << 8 | byte_at(from, i + 1));
}

/// True while `seen` may still become something that starts with `start`.
bool may_start_with(std::string_view seen, std::string_view start) noexcept {
    const auto n = std::min(seen.size(), start.size());
    return seen.substr(0, n) == start.substr(0, n);
}

/// Cuts the word before the next blank off `line`. Two blanks in a row give an empty word, which no field accepts.
std::string_view take_word(std::string_view& line) noexcept {
    const auto blank = line.find(' ');
    const auto word = line.substr(0, blank);
    line = blank == line.npos ? std::string_view{} : line.substr(blank + 1);
    return word;
}

std::optional<address> parse_v1_address(std::string_view ip, std::string_view port_text, bool six) {
    std::uint16_t port = 0;
    const auto end = port_text.data() + port_text.size();
    const auto read = std::from_chars(port_text.data(), end, port);
    const bool padded = port_text.size() > 1 && port_text.front() == '0';
    if (read.ec != std::errc{} || read.ptr != end || padded) return std::nullopt;
    if (ip.starts_with('[') || (ip.find(':') != ip.npos) != six) return std::nullopt;
    return address::parse_ip(ip, port);
}

/// `line` is what stands between "PROXY " and CR LF.
result<proxy_header> decode_v1(std::string_view line) {
    proxy_header header;
    const bool ends_in_blank = line.ends_with(' ');
    const auto family = take_word(line);
    if (family == "UNKNOWN") {  // whatever follows is to be ignored
        header.local = true;
        return header;
    }
    if (family != "TCP4" && family != "TCP6") return bad("unknown family in version 1");
    const bool six = family == "TCP6";
    const auto source_ip = take_word(line), destination_ip = take_word(line);
    const auto source_port = take_word(line), destination_port = take_word(line);
    const auto source = parse_v1_address(source_ip, source_port, six);
    const auto destination = parse_v1_address(destination_ip, destination_port, six);
    if (!source || !destination || !line.empty() || ends_in_blank) return bad("malformed addresses in version 1");
    header.source = *source;
    header.destination = *destination;
    return header;
}

parsed parse_v1(std::string_view seen) {
    const auto within = seen.substr(0, max_proxy_v1_bytes);
    const auto stop = within.find_first_of("\r\n");
    if (stop == within.npos || (within[stop] == '\r' && stop + 1 == within.size())) {
        if (within.size() == max_proxy_v1_bytes) return bad("line of version 1 too long");
        return std::nullopt;
    }
    if (within.substr(stop, 2) != "\r\n") return bad("stray CR or LF in version 1");
    auto header = decode_v1(within.substr(v1_start.size(), stop - v1_start.size()));
    if (!header) return std::unexpected{std::move(header.error())};
    header->bytes = stop + 2;
    return std::move(*header);
}

/// Bytes of both addresses; nothing for families that do not exist.
std::optional<std::size_t> v2_address_bytes(std::uint8_t family) noexcept {
    switch (family) {
    case unspecified: return 0;
    case tcp4:
    case udp4: return 2 * 4 + 2 * 2;
    case tcp6:
    case udp6: return 2 * 16 + 2 * 2;
    case unix_stream:
    case unix_datagram: return 2 * v2_unix_path_bytes;
    default: return std::nullopt;
    }
}

std::optional<address> v2_unix_address(std::string_view field) {
    return address::unix_socket(field.substr(0, field.find('\0')));
}

template <std::size_t n>
std::array<std::uint8_t, n> v2_ip(std::string_view payload, std::size_t at) noexcept {
    std::array<std::uint8_t, n> ip;
    for (std::size_t i = 0; i < n; ++i) ip[i] = byte_at(payload, at + i);
    return ip;
}

bool tlvs_well_formed(std::string_view rest) noexcept {
    while (!rest.empty()) {
        if (rest.size() < 3) return false;
        const auto bytes = 3 + number_at(rest, 1);
        if (bytes > rest.size()) return false;
        rest.remove_prefix(bytes);
    }
    return true;
}

parsed parse_v2(std::string_view seen) {
    // Each check as soon as its byte is there: the connection of someone who speaks another protocol is not held open.
    const auto at = v2_signature.size();
    if (seen.size() <= at) return std::nullopt;
    const auto command = byte_at(seen, at);
    if (command != v2_local && command != v2_proxy) return bad("unknown version or command");
    if (seen.size() <= at + 1) return std::nullopt;
    const auto family = byte_at(seen, at + 1);
    const auto address_bytes = v2_address_bytes(family);
    if (command == v2_proxy && !address_bytes) return bad("unknown family in version 2");
    if (seen.size() < v2_fixed_bytes) return std::nullopt;
    const auto payload_bytes = number_at(seen, at + 2);
    if (payload_bytes > max_proxy_v2_payload_bytes) return bad("header of version 2 too long");
    if (command == v2_proxy && payload_bytes < *address_bytes) return bad("version 2 too short for its family");
    if (seen.size() < v2_fixed_bytes + payload_bytes) return std::nullopt;

    proxy_header header;
    header.bytes = v2_fixed_bytes + payload_bytes;
    const auto payload = seen.substr(v2_fixed_bytes, payload_bytes);
    const bool stream = family == tcp4 || family == tcp6 || family == unix_stream;
    if (command == v2_local || !stream) {
        header.local = true;
        return header;
    }
    if (!tlvs_well_formed(payload.substr(*address_bytes))) return bad("malformed TLV in version 2");
    if (family == unix_stream) {
        const auto source = v2_unix_address(payload.substr(0, v2_unix_path_bytes));
        const auto destination = v2_unix_address(payload.substr(v2_unix_path_bytes, v2_unix_path_bytes));
        if (!source || !destination) return bad("path without end in version 2");
        header.source = *source;
        header.destination = *destination;
        return header;
    }
    const auto ports_at = *address_bytes - 4;
    const auto source_port = static_cast<std::uint16_t>(number_at(payload, ports_at));
    const auto destination_port = static_cast<std::uint16_t>(number_at(payload, ports_at + 2));
    if (family == tcp4) {
        header.source = address::inet4(v2_ip<4>(payload, 0), source_port);
        header.destination = address::inet4(v2_ip<4>(payload, 4), destination_port);
    } else {
        header.source = address::inet(v2_ip<16>(payload, 0), source_port);
        header.destination = address::inet(v2_ip<16>(payload, 16), destination_port);
    }
    return header;
}

bool both_ipv4(const address& a, const address& b) noexcept {
    return a.kind() == address::family::ipv4 && b.kind() == address::family::ipv4;
}

void append_number(std::string& out, std::size_t n) {
    out += static_cast<char>(n >> 8 & 0xff);
    out += static_cast<char>(n & 0xff);
}

void append_v2_start(std::string& out, std::uint8_t family) {
    out += v2_signature;
    out += static_cast<char>(v2_proxy);
    out += static_cast<char>(family);
    append_number(out, *v2_address_bytes(family));
}

}  // namespace

parsed parse_proxy_header(std::string_view seen) {
    if (may_start_with(seen, v1_start)) return seen.size() < v1_start.size() ? parsed{std::nullopt} : parse_v1(seen);
    if (may_start_with(seen, v2_signature)) return parse_v2(seen);
    return bad("header missing");
}

void append_proxy_v1(std::string& out, const address& source, const address& destination) {
    if (!source.is_inet() || !destination.is_inet()) {
        out += "PROXY UNKNOWN\r\n";
        return;
    }
    const bool four = both_ipv4(source, destination);
    out += four ? "PROXY TCP4" : "PROXY TCP6";
    for (const auto* end : {&source, &destination}) {
        out += ' ';
        if (!four && end->kind() == address::family::ipv4) out += "::ffff:";
        end->append_ip_to(out);
    }
    for (const auto* end : {&source, &destination}) {
        char digits[5];
        out += ' ';
        out.append(digits, std::to_chars(digits, digits + sizeof digits, end->port()).ptr);
    }
    out += "\r\n";
}

void append_proxy_v2(std::string& out, const address& source, const address& destination) {
    if (source.is_unix() && destination.is_unix()) {
        append_v2_start(out, unix_stream);
        for (const auto* end : {&source, &destination})
            out.append(end->path()).append(v2_unix_path_bytes - end->path().size(), '\0');
    } else if (source.is_inet() && destination.is_inet()) {
        const bool four = both_ipv4(source, destination);
        append_v2_start(out, four ? tcp4 : tcp6);
        for (const auto* end : {&source, &destination})
            out.append(end->ip().begin() + (four ? 12 : 0), end->ip().end());
        for (const auto* end : {&source, &destination}) append_number(out, end->port());
    } else {
        append_v2_start(out, unspecified);
    }
}

}  // namespace weir
