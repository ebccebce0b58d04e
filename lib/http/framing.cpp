#include "lib/http/framing.hpp"

namespace weir::http {
namespace {

[[gnu::cold, gnu::noinline]] std::unexpected<error> fault(sender from, reason as_request, const char* what) {
    return fail(from == sender::client ? as_request : reason::bad_response, what);
}

/// `gzip, chunked`: well formed, and one could find its end, but we do not decode it.
bool is_other_coding_in_chunks(std::string_view value) noexcept {
    bool other = false, chunked_last = false;
    while (!value.empty()) {
        const auto member = next_member(value);
        if (chunked_last) return false;  // something behind it, or chunked twice
        chunked_last = equals_nocase(member, "chunked");
        if (!chunked_last && !is_token(member.substr(0, member.find(';')))) return false;
        other = other || !chunked_last;
    }
    return other && chunked_last;
}

}  // namespace

std::optional<std::uint64_t> parse_content_length(std::string_view value) noexcept {
    constexpr std::uint64_t largest = INT64_MAX;
    if (value.empty()) return std::nullopt;
    std::uint64_t n = 0;
    for (const char c : value) {
        if (c < '0' || c > '9') return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (n > (largest - digit) / 10) return std::nullopt;
        n = n * 10 + digit;
    }
    return n;
}

result<framing_fields> read_framing(const field_block& fields, int minor, sender from) {
    framing_fields found;
    if (fields.has(field_id::content_length)) {
        if (fields.count(field_id::content_length) > 1)
            return fault(from, reason::bad_framing, "Content-Length more than once");
        found.content_length = parse_content_length(*fields.find(field_id::content_length));
        if (!found.content_length)
            return fault(from, reason::bad_framing, "Content-Length is not a number up to 2^63-1");
    }
    if (!fields.has(field_id::transfer_encoding)) return found;

    if (found.content_length) return fault(from, reason::bad_framing, "Content-Length beside Transfer-Encoding");
    if (minor == 0) return fault(from, reason::bad_framing, "Transfer-Encoding in HTTP/1.0");
    if (fields.count(field_id::transfer_encoding) > 1)
        return fault(from, reason::bad_framing, "Transfer-Encoding more than once");
    const auto coding = *fields.find(field_id::transfer_encoding);
    found.chunked = equals_nocase(coding, "chunked");
    if (found.chunked) return found;
    if (is_other_coding_in_chunks(coding))
        return fault(from, reason::unsupported_encoding, "a Transfer-Encoding other than chunked");
    return fault(from, reason::bad_framing, "Transfer-Encoding does not end with a single chunked");
}

}  // namespace weir::http
