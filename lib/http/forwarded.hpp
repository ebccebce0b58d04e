#pragma once
/// What a proxy tells the server about the client and about itself: X-Forwarded-*, Forwarded (RFC 7239), Via and
/// Max-Forwards (RFC 9110 sections 7.6.2 and 7.6.3), X-Request-Id.
///
///     hop h{.client = "2001:db8::1", .secure = true, .trusted = false};
///     append_forwarding(out, head, h);
///     append_via(out, head.minor());
///
/// From a peer that is not trusted nothing of the kind is believed: its fields are replaced, even if the style is off.
/// Pure: the address arrives as text.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/http/head.hpp"
#include "lib/http/write.hpp"
#include "lib/net/error.hpp"

namespace weir::http {

/// One step of the way: from whom we have the request.
struct hop {
    std::string_view client{};  // address of the peer without port or brackets; empty: a Unix socket
    bool secure = false;        // it came over TLS
    bool trusted = false;       // the peer is a proxy of ours: keep what it says and add to it
    bool x_forwarded = true;    // write X-Forwarded-For, -Proto, -Host
    bool rfc7239 = true;        // write Forwarded
};

/// Appends the forwarding fields of the request as they go on. In a trusted chain our peer is added to X-Forwarded-For
/// and Forwarded, while X-Forwarded-Proto and -Host keep what the first proxy saw. A style that is switched off adds
/// nothing, but passes on what a trusted peer said.
void append_forwarding(head_writer& out, const request_head& head, const hop& from);

/// `Via: 1.1 weir`, with the version in which the message came to us. Goes behind the Via fields that are forwarded.
inline void append_via(head_writer& out, int minor) {
    out.write(sizeof "Via: 1.1 weir\r\n",
              [&](char* at) { return put(at, minor == 0 ? "Via: 1.0 weir\r\n" : "Via: 1.1 weir\r\n"); });
}

/// How far the request may go, where that counts: TRACE and OPTIONS with a Max-Forwards field.
struct forward_limit {
    bool counts = false;
    std::uint64_t left = 0;  // 0: do not forward it, answer ourselves
};
/// An error (bad_request) if the value is not one number.
result<forward_limit> read_max_forwards(const request_head& head);
/// Writes the number, less one, where it counts and is not 0; else nothing.
void append_max_forwards(head_writer& out, const forward_limit& limit);

/// The X-Request-Id to keep: that of a trusted peer if it is a single token of at most 128 characters.
std::optional<std::string_view> request_id_of(const request_head& head, bool trusted) noexcept;

}  // namespace weir::http
