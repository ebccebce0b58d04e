#pragma once
/// Where a socket is: IPv4, IPv6 or a Unix socket, as a small value.
///
///     auto peer = address::from(storage, length);       // what accept, getpeername or getaddrinfo gave
///     peer->append_to(line);             // "203.0.113.7:51000", "[2001:db8::1]:443", "unix:/run/app.sock"
///     sockaddr_storage raw;
///     connect(fd, sockaddr_of(raw), peer->to(raw));
///
/// An IPv4-mapped IPv6 address (::ffff:203.0.113.7) *is* the IPv4 address: one constructor maps it, so text,
/// comparison, hash and network_set agree. 32 bytes, because every idle connection holds one; the path of a Unix socket
/// is shared between copies, and most Unix clients have none. A zone index (fe80::1%3) is kept for connecting and
/// comparing but not written, since it means nothing to whoever reads our headers or logs. Copying is cheap and safe
/// from any thread.
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace weir {

class address {
public:
    enum class family : std::uint8_t { none, ipv4, ipv6, unix_socket };
    using ip_bytes = std::array<std::uint8_t, 16>;  // network order; IPv4 as ::ffff:a.b.c.d

    address() noexcept = default;  // family::none, written as "-"

    static address inet(const ip_bytes& ip, std::uint16_t port, std::uint32_t zone = 0) noexcept;
    static address inet4(std::array<std::uint8_t, 4> ip, std::uint16_t port) noexcept;

    /// `path` as in sun_path: empty for an unnamed socket, first byte NUL for an abstract one. Longer than
    /// `max_unix_path_bytes`: nothing.
    static std::optional<address> unix_socket(std::string_view path = {});
    static constexpr std::size_t max_unix_path_bytes = 107;

    /// From the kernel. Nothing if the family is another one or the length does not fit it.
    static std::optional<address> from(const sockaddr_storage& raw, socklen_t length);
    static std::optional<address> from(const sockaddr* raw, socklen_t length);

    /// "127.0.0.1:80", "[::1]:80" or "unix:/path", and nothing else: no names, no spaces, no leading zeroes.
    static std::optional<address> parse(std::string_view text);
    /// "127.0.0.1" or "::1" (or "[::1]"), beside a port that is already a number.
    static std::optional<address> parse_ip(std::string_view text, std::uint16_t port = 0);

    /// For the kernel: fills `raw` and returns the length that belongs to it; 0 for family::none.
    socklen_t to(sockaddr_storage& raw) const noexcept;

    family kind() const noexcept;
    bool is_inet() const noexcept { return std::holds_alternative<inet_parts>(parts_); }
    bool is_unix() const noexcept { return std::holds_alternative<shared_path>(parts_); }
    bool is_loopback() const noexcept;  // 127.0.0.0/8, ::1 or any Unix socket

    const ip_bytes& ip() const noexcept;                   // is_inet() only
    std::uint16_t port() const noexcept;                   // 0 unless is_inet()
    std::string_view path() const noexcept;                // empty unless is_unix()
    address with_port(std::uint16_t port) const noexcept;  // the same host; unchanged unless is_inet()

    /// IPv6 as RFC 5952 wants it. Text goes behind what is in `out`; at most `max_text_bytes` (Unix paths aside), so a
    /// reserved string never allocates.
    static constexpr std::size_t max_text_bytes = 47;  // [8 groups of 4 and 7 colons]:65535
    void append_to(std::string& out) const;            // with port
    void append_ip_to(std::string& out) const;         // "203.0.113.7", "2001:db8::1", "unix:", "-"
    std::string text() const;                          // append_to into a new string; for messages

    friend bool operator==(const address& a, const address& b) noexcept { return (a <=> b) == 0; }
    friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept;
    std::size_t hash() const noexcept;

private:
    struct inet_parts {
        ip_bytes ip;
        std::uint32_t zone;
        std::uint16_t port;
    };
    using shared_path = std::shared_ptr<const std::string>;  // null: unnamed

    std::variant<std::monostate, inet_parts, shared_path> parts_;
};

static_assert(sizeof(address) <= 32);

inline sockaddr* sockaddr_of(sockaddr_storage& raw) noexcept { return reinterpret_cast<sockaddr*>(&raw); }
inline const sockaddr* sockaddr_of(const sockaddr_storage& raw) noexcept {
    return reinterpret_cast<const sockaddr*>(&raw);
}

}  // namespace weir

template <>
struct std::hash<weir::address> {
    std::size_t operator()(const weir::address& a) const noexcept { return a.hash(); }
};
