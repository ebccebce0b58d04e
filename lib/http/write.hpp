#pragma once
/// Heads, written anew. Everything appends to a string of the caller's; nothing else is allocated.
///
///     append_request_line(out, head.method_name(), head);
///     append_field(out, "Host", head.authority());
///     append_forwardable(out, head, [&](const field& f) { return !removed(f); });   // header actions in between
///     append_forwarding(out, head, hop);                                            // forwarded.hpp
///     append_framing(out, head.framing());
///     end_head(out);
///
/// Names and values must be clean: from a parsed head, or of our own making. What an operator configured is checked when
/// the configuration is (is_field_value).
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/fields.hpp"
#include "lib/http/framing.hpp"
#include "lib/http/head.hpp"
#include "lib/telemetry/put.hpp"

namespace weir::http {
namespace write_parts {

/// Lets `fill(where)` write up to `most` bytes at the end of `out`; it returns where it stopped. One length check and
/// one capacity check for a whole line, where a chain of append() has them for every piece.
template <class Fill>
[[gnu::always_inline]] inline void extend(std::string& out, std::size_t most, Fill fill) {
    const auto before = out.size();
    out.resize_and_overwrite(before + most, [&](char* begin, std::size_t) {
        return static_cast<std::size_t>(fill(begin + before) - begin);
    });
}

}  // namespace write_parts

/// `GET /path?query HTTP/1.1`. We speak 1.1 to servers whatever the client spoke (RFC 9110 section 2.5). A target in
/// absolute form is written in origin form (RFC 9112 section 3.2.1), "*" where OPTIONS had no path at all.
void append_request_line(std::string& out, const request_head& head);
/// With a method and target of our own (health checks).
void append_request_line(std::string& out, std::string_view method, std::string_view target);

/// `HTTP/1.1 200 OK`. Without a phrase, ours for that status.
void append_status_line(std::string& out, int status, std::string_view phrase = {});

void append_field(std::string& out, std::string_view name, std::string_view value);
/// With a literal as the name.
template <std::size_t terminated>
void append_field(std::string& out, const char (&name)[terminated], std::string_view value) {
    write_parts::extend(out, terminated + value.size() + 4,
                        [&](char* at) { return put(put(put(put(at, name), ": "), value), "\r\n"); });
}
void append_field(std::string& out, std::string_view name, std::uint64_t value);
/// `Content-Length: n`, `Transfer-Encoding: chunked`, or nothing (none, until_close).
void append_framing(std::string& out, const body_framing& framing);
/// The empty line.
inline void end_head(std::string& out) {
    write_parts::extend(out, 2, [](char* at) { return put(at, "\r\n"); });
}

/// The fields that may go on, in their order, as far as `keep` agrees.
template <std::predicate<const field&> F>
void append_forwardable(std::string& out, const request_head& head, F keep) {
    for (const field f : head.fields())
        if (head.forwardable(f) && keep(f)) append_field(out, f.name, f.value);
}
template <std::predicate<const field&> F>
void append_forwardable(std::string& out, const response_head& head, method asked, F keep) {
    for (const field f : head.fields())
        if (head.forwardable(f, asked) && keep(f)) append_field(out, f.name, f.value);
}
void append_forwardable(std::string& out, const request_head& head);
void append_forwardable(std::string& out, const response_head& head, method asked);

/// A whole interim response (103, or 100 from the server) for a client of HTTP/1.1: status line, fields, empty line.
void append_interim(std::string& out, const response_head& head);
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

/// "Not Found"; "Unknown" for a status that nobody registered.
std::string_view phrase_of(int status) noexcept;

/// Could it be written as a value: no control character but the tab, no white space at the ends?
bool is_field_value(std::string_view value) noexcept;

}  // namespace weir::http
