#pragma once
/// Small sums and codings that the measuring programs need. Written here once more, apart from weir's own, so that an
/// error cannot hide by being on both sides.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace origin {

/// FNV-1a, 64 bits (Fowler, Noll, Vo), fed piece by piece: start with `fnv_start`.
inline constexpr std::uint64_t fnv_start = 0xcbf29ce484222325;
std::uint64_t fnv1a(std::string_view bytes, std::uint64_t sum = fnv_start);

/// Appends the number in this base, without leading zeros.
void put_number(std::string& to, std::uint64_t number, int base = 10);

/// The number as 16 hexadecimal digits.
std::string hex16(std::uint64_t number);

/// The body that /bytes/N and --tcp-source send: bytes [offset, offset + n) of an endless printable text. Its period is
/// the prime 65521, so a piece lost, doubled or moved shows wherever buffers are cut.
std::string known_bytes(std::uint64_t offset, std::size_t n);

/// A view of up to `known_run` bytes of that text from `offset` on, without copying.
inline constexpr std::size_t known_run = 65536;
std::string_view known_view(std::uint64_t offset);

/// Where `bytes` first differ from the known text at `offset`; nothing if they do not.
std::optional<std::size_t> first_difference(std::string_view bytes, std::uint64_t offset);

/// %41 -> A. A '+' stays a '+'. Nothing if an escape is malformed.
std::optional<std::string> percent_decoded(std::string_view text);
std::optional<std::string> hex_decoded(std::string_view text);
/// Both alphabets of RFC 4648; padding may be missing.
std::optional<std::string> base64_decoded(std::string_view text);

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, section 4.2.2).
std::string websocket_accept(std::string_view key);

}  // namespace origin
