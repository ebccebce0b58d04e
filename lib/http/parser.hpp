#pragma once
/// From bytes to heads: strict, and the same however the bytes are sliced.
///
///     http::request_parser parser;                         // at the first byte of a request; 20 bytes, no allocation
///     for (;;) {
///         auto used = parser.parse(buffer.readable(), limits, head);
///         if (!used) co_return answer(used.error().why);   // and close: what follows cannot be understood
///         if (*used > 0) { buffer.consume(*used); break; } // the head is complete and owns its bytes
///         ... read more behind what is there ...
///     }
///
/// `input` starts with the same byte at each call until a head is complete, and only grows; it may move in memory. What
/// was seen is not looked at again. After a head or an error the parser is as new.
///
/// Two readers must agree. The first goes through the bytes as they arrive: it finds the end of the head, and refuses
/// at once control characters, bare CR or LF, folded lines, a first line that is none, and what is over a limit. The
/// second takes a complete head apart: a field is a token, a colon and text. Where Transfer-Encoding, Connection, Upgrade
/// or Proxy-Connection has a say in where the message or its connection ends, the lines that bear on that go through
/// llhttp too (strict; 8.1 and 9.x alike), and both must take them. Nothing else does: our rules for it are the stricter
/// ones (tests hold the two together), and byte by byte it would be most of the cost. An empty line (CRLF) before a request
/// line is skipped, one at most (RFC 9112 section 2.2).
///
/// Errors: requests  bad_request, bad_framing, bad_host, unsupported_version, unsupported_encoding, unsupported_method,
///                   unsupported_expectation, target_too_long, head_too_large, too_many_headers;
///         responses bad_response, response_head_too_large.
/// `doing` names the fault in words ("parse request: bare CR").
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/http/head.hpp"
#include "lib/net/error.hpp"

namespace weir::http {

/// Finds the end of a head in bytes that arrive piecemeal. Part of the parsers; not for use by others.
class head_scanner {
public:
    explicit head_scanner(sender from) noexcept : from_{from} {}
    /// The size of the complete head with its empty lines before and behind; 0: more bytes are needed.
    result<std::size_t> scan(std::string_view input, const head_limits& limits);

    std::size_t skipped() const noexcept { return start_; }            // empty line before the head: 0 or 2
    std::size_t method_size() const noexcept { return method_size_; }  // requests only
    std::size_t first_line_end() const noexcept { return first_end_; }
    unsigned fields() const noexcept { return fields_; }

private:
    result<void> scan_first_line(std::string_view input, const head_limits& limits);
    result<std::size_t> scan_fields(std::string_view input, const head_limits& limits);
    result<void> check_begun_line(std::string_view so_far);
    result<void> check_first_line(std::string_view line, const head_limits& limits);
    result<void> check_request_line(std::string_view line, const head_limits& limits);
    result<void> check_status_line(std::string_view line) const;
    result<void> read_method(std::string_view so_far);
    [[gnu::cold]] std::unexpected<error> fault(const char* what) const;
    [[gnu::cold]] std::unexpected<error> fault_of_control(char c) const;
    [[gnu::cold]] std::unexpected<error> too_large(const char* what) const;
    [[gnu::cold]] std::unexpected<error> too_many_fields() const;
    [[gnu::cold]] static std::unexpected<error> target_too_long();
    [[gnu::cold]] static std::unexpected<error> wrong_version(std::string_view version);

    std::uint32_t at_ = 0;          // everything before was seen
    std::uint32_t line_start_ = 0;  // of the field line that is being read
    std::uint32_t first_end_ = 0;   // where the CRLF of the first line is; 0: not seen yet
    std::uint32_t fields_ = 0;      // complete field lines
    std::uint8_t start_ = 0;
    std::uint8_t method_size_ = 0;
    sender from_;
};

class request_parser {
public:
    /// The bytes of the head, or 0: `input` does not hold all of it yet. `out` is valid only after a number over 0.
    result<std::size_t> parse(std::string_view input, const head_limits& limits, request_head& out);

private:
    head_scanner scanner_{sender::client};
};

class response_parser {
public:
    result<std::size_t> parse(std::string_view input, const head_limits& limits, response_head& out);

private:
    head_scanner scanner_{sender::server};
};

}  // namespace weir::http
