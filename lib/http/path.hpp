#pragma once
/// Paths: which ones we take, and how they are compared with a route's prefix.
///
/// What is forwarded is the path as it was received, to the byte. What is compared must be what the server will make of
/// it, or a request could slip past the route that is meant to stop it. So two spellings of one path compare alike, and
/// a path whose meaning depends on who resolves it is refused with bad_request:
///  - segments `.` and `..`, also percent-encoded, behind an encoded slash or backslash (%2f, %5c), or with parameters
///    (`..;x`): a client resolves them before it sends (RFC 3986 section 5.2.4), so only an attacker loses by this;
///  - a bare backslash, %00, and a percent sign without two hexadecimal digits.
/// For the comparison runs of slashes count as one and percent-encoded letters, digits and harmless punctuation as
/// themselves (RFC 3986 section 6.2.2.2). %2f is not a slash: `/a%2fb` is one segment.
#include <cstddef>
#include <string>
#include <string_view>

namespace weir::http {

/// What is wrong with a path (it starts with '/', the query is cut off), in words for the error; nullptr if nothing is.
const char* fault_of_path(std::string_view path) noexcept;

/// What one look at a request target tells; for nearly every target that is all there is to know.
struct target_shape {
    bool allowed = true;        // visible ASCII without '#', which no client sends
    bool plain = true;          // of the path: it has no fault, and comparable_path would return it unchanged
    std::size_t path_size = 0;  // up to the question mark or the end
};
/// Plain is a path without percent signs and backslashes, and without a slash or dot behind a slash.
target_shape shape_of_target(std::string_view target) noexcept;

/// The spelling to compare by. For requests (request_head::route_path does it) and, once, for a route's prefix.
std::string comparable_path(std::string_view path);

/// By whole segments, case-sensitive: /a matches /a and /a/b, not /ab; /a/ matches /a/ and below; / matches all.
/// Both in comparable spelling.
bool path_has_prefix(std::string_view path, std::string_view prefix) noexcept;

}  // namespace weir::http
