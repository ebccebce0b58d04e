#include "conf/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace weir::conf {
namespace {

std::unexpected<std::string> wrong(std::string what) { return std::unexpected{std::move(what)}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

reading<std::uint16_t> read_port(std::string_view text, std::uint64_t least) {
    const auto port = read_number(text);
    if (!port || text.size() > 5 || *port < least || *port > 65535)
        return wrong("a port is a number from " + std::to_string(least) + " to 65535");
    return static_cast<std::uint16_t>(*port);
}

reading<endpoint> read_unix(std::string_view text) {
    constexpr std::size_t longest = 107;  // sizeof(sockaddr_un::sun_path) - 1
    const auto path = text.substr(5);
    if (!path.starts_with('/') || path.size() < 2) return wrong("write unix:/path, with the path from the root on");
    if (path.size() > longest) return wrong("the path of a Unix socket has at most 107 bytes");
    return endpoint{std::string{text}, {}, 0, std::string{path}};
}

/// host:port, cut and the port checked; what the host may be is the caller's business.
reading<endpoint> read_host_and_port(std::string_view text, std::uint64_t least_port) {
    std::string_view host, port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return wrong("the ']' is missing");
        host = text.substr(1, close - 1);
        if (!is_ipv6(host)) return wrong(std::string{host} + " is not an IPv6 address");
        if (close + 1 == text.size() || text[close + 1] != ':') return wrong("the port is missing: [address]:port");
        port = text.substr(close + 2);
    } else {
        if (is_ipv6(text) || std::ranges::count(text, ':') > 1)
            return wrong("write an IPv6 address in brackets: [::1]:80");
        const auto colon = text.find(':');
        host = text.substr(0, colon);
        if (colon == std::string_view::npos) return wrong("the port is missing: " + std::string{host} + ":80");
        port = text.substr(colon + 1);
    }
    const auto number = read_port(port, least_port);
    if (!number) return wrong(number.error());
    return endpoint{std::string{text}, std::string{host}, *number, {}};
}

/// Like inet_pton, but strict about what is text: a view may hold a NUL.
bool to_bytes(int family, std::string_view text, void* out) {
    char copy[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof copy || text.contains('\0')) return false;
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return inet_pton(family, copy, out) == 1;
}

}  // namespace

bool is_ipv4(std::string_view text) {
    in_addr ignored;
    return to_bytes(AF_INET, text, &ignored);
}

bool is_ipv6(std::string_view text) {
    in6_addr ignored;
    return to_bytes(AF_INET6, text, &ignored);
}

bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    while (true) {
        const auto label = text.substr(0, text.find('.'));
        const bool spelled = std::ranges::all_of(label, [](char c) {
            return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        });
        if (label.empty() || label.size() > 63 || !spelled || label.starts_with('-') || label.ends_with('-'))
            return false;
        // A name whose last label is a number would be taken for an IPv4 address by some and not by others.
        if (label.size() == text.size()) return !is_number(label);
        text.remove_prefix(label.size() + 1);
    }
}

reading<endpoint> read_listen_address(std::string_view text) {
    if (text.starts_with("unix:")) return read_unix(text);
    if (is_number(text)) {
        const auto port = read_port(text, 0);
        if (!port) return wrong(port.error());
        return endpoint{std::string{text}, {}, *port, {}};
    }
    if (text.starts_with("*:")) return wrong("write " + std::string{text.substr(2)} + " for every address");
    auto made = read_host_and_port(text, 0);
    if (!made || is_ipv4(made->host) || is_ipv6(made->host)) return made;
    if (made->host == "localhost") return wrong("write 127.0.0.1:" + std::to_string(made->port));
    return wrong(made->host + " is not an IP address");
}

reading<endpoint> read_server_address(std::string_view text) {
    if (text.starts_with("unix:")) return read_unix(text);
    for (std::string_view scheme : {"http://", "https://", "tcp://"})
        if (text.starts_with(scheme)) return wrong("write the address without " + std::string{scheme});
    if (is_number(text)) return wrong("the host is missing: 127.0.0.1:" + std::string{text});
    auto made = read_host_and_port(text, 1);
    if (!made || is_ipv4(made->host) || is_ipv6(made->host) || is_host_name(made->host)) return made;
    return wrong(made->host + " is neither a host name nor an IP address");
}

reading<network> read_network(std::string_view text) {
    network made;
    made.text = text;
    if (text == "unix") {
        made.unix_socket = true;
        return made;
    }
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    in_addr v4;
    const bool is_v4 = to_bytes(AF_INET, address, &v4);
    if (is_v4) {
        made.bytes[10] = made.bytes[11] = 0xff;
        std::memcpy(made.bytes + 12, &v4, 4);
    } else if (!to_bytes(AF_INET6, address, made.bytes)) {
        return wrong({});
    }
    const int width = is_v4 ? 32 : 128;
    if (slash != std::string_view::npos) {
        const auto length = read_number(text.substr(slash + 1));
        if (!length || *length > static_cast<unsigned>(width))
            return wrong("the part after '/' is a number from 0 to " + std::to_string(width));
        made.prefix = static_cast<int>(*length) + 128 - width;
    }
    // With bits behind the prefix, one of the two is a slip, and which one matters: this decides whom we trust.
    auto masked = made;
    for (int bit = made.prefix; bit < 128; ++bit)
        masked.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    if (!std::ranges::equal(masked.bytes, made.bytes)) {
        char start[INET6_ADDRSTRLEN] = {};
        inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? masked.bytes + 12 : masked.bytes, start, sizeof start);
        return wrong("it has bits behind its prefix; the network is " + std::string{start} +
                     std::string{text.substr(slash)});
    }
    return made;
}

}  // namespace weir::conf
