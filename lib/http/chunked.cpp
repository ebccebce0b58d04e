#include "lib/http/chunked.hpp"

#include <algorithm>

namespace weir::http {
namespace {

constexpr int max_size_digits = 16;

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// RFC 9110 section 6.5.1: nothing that frames, routes, authenticates, modifies the request or says how to read the
/// content belongs into a trailer section. Fields that describe a connection go the same way.
bool may_be_trailer(const field& f) noexcept {
    switch (f.id) {
    case field_id::other:
    case field_id::proxy_status:
    case field_id::date:
    case field_id::server:
    case field_id::via:
    case field_id::traceparent: break;
    default: return false;
    }
    for (const std::string_view never : {"content-encoding", "content-range", "cache-control", "set-cookie",
                                         "www-authenticate", "range", "pragma", "expires", "age", "vary"})
        if (equals_nocase(f.name, never)) return false;
    return !equals_nocase(f.name.substr(0, 3), "if-");
}

}  // namespace

result<chunked_decoder::step> chunked_decoder::feed(std::string_view input) {
    step done;
    while (done.consumed < input.size() && state_ != state::done) {
        const auto rest = input.substr(done.consumed);
        if (state_ == state::data) {
            if (!done.data.empty()) break;  // one piece at a time
            done.data = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
            left_ -= done.data.size();
            if (left_ == 0) state_ = state::data_cr;
            done.consumed += done.data.size();
        } else if (state_ == state::trailer) {
            auto used = feed_trailer(rest);
            if (!used) return std::unexpected{std::move(used.error())};
            done.consumed += *used;
        } else {
            if (auto good = frame(rest.front()); !good) return std::unexpected{std::move(good.error())};
            ++done.consumed;
        }
    }
    return done;
}

/// One byte of what is around the data.
result<void> chunked_decoder::frame(char c) {
    switch (state_) {
    case state::size: return size_digit(c);
    case state::extension:
        if (c == '\r') {
            state_ = state::size_lf;
            return {};
        }
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
            return fault("a control character in a chunk extension");
        if (++extension_bytes_ > max_extension_bytes) return fault("a chunk extension is too long");
        return {};
    case state::size_lf:
        if (c != '\n') return fault("no LF behind a chunk size");
        state_ = left_ > 0 ? state::data : state::trailer;
        digits_ = 0;
        extension_bytes_ = 0;
        return {};
    case state::data_cr:
        if (c != '\r') return fault("chunk data longer than its size");
        state_ = state::data_lf;
        return {};
    case state::data_lf:
        if (c != '\n') return fault("chunk data longer than its size");
        state_ = state::size;
        return {};
    case state::data:
    case state::trailer:
    case state::done: break;  // not ours: feed() sees to them
    }
    return {};
}

result<void> chunked_decoder::size_digit(char c) {
    if (const int digit = hex_value(c); digit >= 0) {
        if (++digits_ > max_size_digits) return fault("a chunk size is too long");
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return {};
    }
    if (digits_ == 0) return fault("no chunk size");
    if (left_ > static_cast<std::uint64_t>(INT64_MAX)) return fault("a chunk size over 2^63-1");
    if (c == '\r') state_ = state::size_lf;
    else if (c == ';') state_ = state::extension;
    else return fault("something else than digits in a chunk size");
    return {};
}

/// Collects lines until the empty one; the input may end anywhere.
result<std::size_t> chunked_decoder::feed_trailer(std::string_view input) {
    std::size_t used = 0;
    while (used < input.size() && state_ == state::trailer) {
        const auto before = trailers_.bytes();
        const auto line_end = input.find('\n', used);
        const auto stop = line_end == input.npos ? input.size() : line_end + 1;
        const auto room = max_trailer_bytes - before.size();
        if (stop - used > room) return fault("the trailer section is too long");
        trailers_.append(input.substr(used, stop - used));
        used = stop;
        if (line_end == input.npos) break;
        const auto all = trailers_.bytes();
        if (all.size() < 2 || all[all.size() - 2] != '\r') return fault("bare LF in a trailer section");
        if (all == "\r\n" || all.ends_with("\r\n\r\n"))
            if (auto good = parse_trailers(); !good) return std::unexpected{std::move(good.error())};
    }
    return used;
}

result<void> chunked_decoder::parse_trailers() {
    state_ = state::done;
    auto rest = trailers_.bytes();
    std::size_t lines = 0;
    while (rest.size() > 2) {
        const auto line = rest.substr(0, rest.find('\n') - 1);
        if (++lines > max_trailer_fields) return fault("too many trailer fields");
        const auto colon = line.find(':');
        const auto name = line.substr(0, colon);
        if (colon == line.npos || !is_token(name)) return fault("a trailer field without a proper name");
        const auto value = line.substr(colon + 1);
        for (const char c : value)
            if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
                return fault("a control character in a trailer field");
        if (may_be_trailer({name, value, id_of(name)})) trailers_.add(name, value);
        rest.remove_prefix(line.size() + 2);
    }
    return {};
}

std::unexpected<error> chunked_decoder::fault(const char* what) const {
    return fail(from_ == sender::client ? reason::bad_framing : reason::bad_response, what);
}

std::size_t write_chunk_head(char (&out)[18], std::uint64_t size) noexcept {
    constexpr char digits[] = "0123456789abcdef";
    const int used = size == 0 ? 1 : (67 - __builtin_clzll(size)) / 4;
    for (int i = used; i-- > 0; size >>= 4) out[i] = digits[size & 15];
    out[used] = '\r';
    out[used + 1] = '\n';
    return static_cast<std::size_t>(used) + 2;
}

void append_chunk_head(std::string& out, std::uint64_t size) {
    char text[18];
    out.append(text, write_chunk_head(text, size));
}

void append_last_chunk(std::string& out, const field_block& trailers) {
    out.append("0\r\n");
    for (const field f : trailers)
        if (!f.shadow) out.append(f.name).append(": ").append(f.value).append("\r\n");
    out.append("\r\n");
}

}  // namespace weir::http
