#pragma once
/// How long a body is and how its end is found (RFC 9112 section 6.3), decided strictly.
///
/// Whoever reads one message as two, or two as one, lets requests be smuggled past the next in line; so nothing here
/// guesses. Accepted are: no framing field; one Content-Length of 1 to 19 digits; one `Transfer-Encoding: chunked` in
/// HTTP/1.1. Everything else is an error that says what was wrong. Pure.
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/http/fields.hpp"
#include "lib/net/error.hpp"

namespace weir::http {

struct body_framing {
    enum class kind : std::uint8_t {
        none,    // no body, whatever follows is the next message
        length,  // exactly `length` bytes, which may be 0
        chunked,
        until_close,  // a response without a length: its end is the end of the connection
    };
    kind how = kind::none;
    std::uint64_t length = 0;  // bytes; for kind::length only

    /// False where there is not a single byte to be read.
    bool has_body() const noexcept { return how != kind::none && !(how == kind::length && length == 0); }
    bool operator==(const body_framing&) const = default;
};

/// What the framing fields of one message say, before status and method are considered.
struct framing_fields {
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
};

/// Who sent the message: decides the reason of an error (bad_framing, unsupported_encoding or bad_response).
enum class sender : std::uint8_t { client, server };

/// Reads Content-Length and Transfer-Encoding. `minor` is the message's HTTP/1.x version: in 1.0 there was no
/// Transfer-Encoding, so someone on the way did not understand it (RFC 9112 section 6.1).
result<framing_fields> read_framing(const field_block& fields, int minor, sender from);

/// A Content-Length value: digits only, at most 2^63 - 1. No sign, no list, no white space inside.
std::optional<std::uint64_t> parse_content_length(std::string_view value) noexcept;

}  // namespace weir::http
