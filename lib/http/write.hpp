#pragma once
/// Heads, written anew, behind what a string of the caller's holds; nothing else is allocated.
///
///     head_writer out{text};
///     append_request_line(out, head);
///     append_field(out, "Host", head.authority());
///     append_forwardable(out, head, [&](const field& f) { return !removed(f); });   // header actions in between
///     append_forwarding(out, head, hop);                                            // forwarded.hpp
///     append_framing(out, head.framing());
///     end_head(out);
///
/// Names and values must be clean: from a parsed head, or of our own making. What an operator configured is checked when
/// the configuration is (is_field_value).
#include <cassert>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/fields.hpp"
#include "lib/http/framing.hpp"
#include "lib/http/head.hpp"
#include "lib/telemetry/put.hpp"

namespace weir::http {

/// Appends to a string, which is the writer's until that is gone: only then its size is right. A head is a score of short
/// lines; the bookkeeping of a string, once for each, costs more than writing them. Here a line costs one comparison.
class head_writer {
public:
    explicit head_writer(std::string& into) : into_{into} { use_all(into.size()); }
    ~head_writer() { into_.resize(written()); }
    head_writer(const head_writer&) = delete;
    head_writer& operator=(const head_writer&) = delete;

    /// Lets `fill(where)` write up to `most` bytes; it returns where it stopped.
    template <class Fill>
    [[gnu::always_inline]] void write(std::size_t most, Fill fill) {
        if (static_cast<std::size_t>(end_ - at_) < most) [[unlikely]]
            grow(most);
        char* const stop = fill(at_);
        assert(static_cast<std::size_t>(stop - at_) <= most);
        at_ = stop;
    }
    void append(std::string_view text) {
        write(text.size(), [&](char* at) { return put(at, text); });
    }

private:
    std::size_t written() const noexcept { return static_cast<std::size_t>(at_ - into_.data()); }
    /// Makes the string as long as its memory, of which the first `used` bytes are written.
    void use_all(std::size_t used) {
        into_.resize_and_overwrite(into_.capacity(), [](char*, std::size_t all) { return all; });
        at_ = into_.data() + used;
        end_ = into_.data() + into_.size();
    }
    [[gnu::noinline]] void grow(std::size_t by) {
        const auto used = written();
        into_.reserve(used + by);
        use_all(used);
    }

    std::string& into_;
    char *at_ = nullptr, *end_ = nullptr;
};

/// `GET /path?query HTTP/1.1`. We speak 1.1 to servers whatever the client spoke (RFC 9110 section 2.5). A target in
/// absolute form is written in origin form (RFC 9112 section 3.2.1), "*" where OPTIONS had no path at all.
void append_request_line(head_writer& out, const request_head& head);
/// With a method and target of our own (health checks).
inline void append_request_line(head_writer& out, std::string_view method, std::string_view target) {
    out.write(method.size() + target.size() + sizeof "  HTTP/1.1\r\n",
              [&](char* at) { return put(put(put(put(at, method), " "), target), " HTTP/1.1\r\n"); });
}

/// `HTTP/1.1 200 OK`. Without a phrase, ours for that status.
void append_status_line(head_writer& out, int status, std::string_view phrase = {});

void append_field(head_writer& out, std::string_view name, std::string_view value);
/// With a literal as the name.
template <std::size_t terminated>
void append_field(head_writer& out, const char (&name)[terminated], std::string_view value) {
    out.write(terminated + value.size() + 4,
              [&](char* at) { return put(put(put(put(at, name), ": "), value), "\r\n"); });
}
void append_field(head_writer& out, std::string_view name, std::uint64_t value);
template <std::size_t terminated>
void append_field(head_writer& out, const char (&name)[terminated], std::uint64_t value) {
    constexpr std::size_t most_digits = 20;
    out.write(terminated + most_digits + 4,
              [&](char* at) { return put(put_number(put(put(at, name), ": "), value), "\r\n"); });
}
/// `Content-Length: n`, `Transfer-Encoding: chunked`, or nothing (none, until_close).
void append_framing(head_writer& out, const body_framing& framing);
/// The empty line.
inline void end_head(head_writer& out) {
    out.write(2, [](char* at) { return put(at, "\r\n"); });
}

/// The fields that may go on, in their order, as far as `keep` agrees.
template <std::predicate<const field&> F>
void append_forwardable(head_writer& out, const request_head& head, F keep) {
    for (const field f : head.fields())
        if (head.forwardable(f) && keep(f)) append_field(out, f.name, f.value);
}
template <std::predicate<const field&> F>
void append_forwardable(head_writer& out, const response_head& head, method asked, F keep) {
    for (const field f : head.fields())
        if (head.forwardable(f, asked) && keep(f)) append_field(out, f.name, f.value);
}
void append_forwardable(head_writer& out, const request_head& head);
void append_forwardable(head_writer& out, const response_head& head, method asked);

/// A whole interim response (103, or 100 from the server) for a client of HTTP/1.1: status line, fields, empty line.
void append_interim(std::string& text, const response_head& head);
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

/// "Not Found"; "Unknown" for a status that nobody registered.
std::string_view phrase_of(int status) noexcept;

/// Could it be written as a value: no control character but the tab, no white space at the ends?
bool is_field_value(std::string_view value) noexcept;

}  // namespace weir::http
