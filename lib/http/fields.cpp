#include "lib/http/fields.hpp"

#include <array>
#include <cassert>
#include <cstring>

namespace weir::http {
namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Compares `text`, of the same length, with a literal of lower case letters, digits and '-', a machine word at a time.
/// Setting 0x20 folds letters and leaves digits and '-' alone; what else it could make equal are control characters,
/// which no name contains.
template <std::size_t N>
bool same(const char* text, const char (&literal)[N]) noexcept {
    constexpr std::size_t size = N - 1;
    const auto differs = [&]<class Word>(Word, std::size_t at) {
        Word a, b;
        std::memcpy(&a, text + at, sizeof a);
        std::memcpy(&b, literal + at, sizeof b);
        constexpr auto fold = static_cast<Word>(0x2020202020202020ull);
        return static_cast<Word>(a | fold) != b;
    };
    if constexpr (size > 16) {
        return !differs(std::uint64_t{}, 0) && !differs(std::uint64_t{}, 8) && !differs(std::uint64_t{}, size - 8);
    } else if constexpr (size >= 8) {
        return !differs(std::uint64_t{}, 0) && !differs(std::uint64_t{}, size - 8);
    } else if constexpr (size >= 4) {
        return !differs(std::uint32_t{}, 0) && !differs(std::uint32_t{}, size - 4);
    } else {
        static_assert(size >= 2);
        return !differs(std::uint16_t{}, 0) && !differs(std::uint16_t{}, size - 2);
    }
}

/// Is there an underscore among `name`'s 8 to 24 characters? Three loads that overlap cover them all.
bool has_underscore(std::string_view name) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    const auto in_word = [&](std::size_t at) {
        std::uint64_t word;
        std::memcpy(&word, name.data() + at, sizeof word);
        word ^= ones * '_';  // a zero byte for each; the test may take other bytes behind one for zeros too
        return (word - ones) & ~word & tops;
    };
    return (in_word(0) | in_word((name.size() - 8) / 2) | in_word(name.size() - 8)) != 0;
}

/// A name that becomes one of the special ones once a CGI-like server has made HTTP_X_FORWARDED_FOR of it.
bool is_shadow(std::string_view name) noexcept {
    constexpr std::size_t shortest = 10, longest = 19;  // of the special names with a dash; none has 13 letters
    if (name.size() < shortest || name.size() > longest || name.size() == 13) return false;
    if (!has_underscore(name)) return false;
    std::array<char, longest> dashed{};
    for (std::size_t i = 0; i < name.size(); ++i) dashed[i] = name[i] == '_' ? '-' : name[i];
    return id_of({dashed.data(), name.size()}) != field_id::other;
}

}  // namespace

field_id id_of(std::string_view name) noexcept {
    const char* n = name.data();
    using enum field_id;
    switch (name.size()) {
    case 2: return same(n, "te") ? te : other;
    case 3: return same(n, "via") ? via : other;
    case 4: return same(n, "host") ? host : same(n, "date") ? date : other;
    case 5: return same(n, "proxy") ? proxy : other;
    case 6: return same(n, "cookie") ? cookie : same(n, "expect") ? expect : same(n, "server") ? server : other;
    case 7: return same(n, "referer") ? referer : same(n, "upgrade") ? upgrade : same(n, "trailer") ? trailer : other;
    case 8: return same(n, "location") ? location : other;
    case 9: return same(n, "forwarded") ? forwarded : other;
    case 10:
        return same(n, "connection")   ? connection
               : same(n, "user-agent") ? user_agent
               : same(n, "keep-alive") ? keep_alive
                                       : other;
    case 11: return same(n, "traceparent") ? traceparent : same(n, "retry-after") ? retry_after : other;
    case 12:
        return same(n, "content-type")   ? content_type
               : same(n, "x-request-id") ? x_request_id
               : same(n, "max-forwards") ? max_forwards
               : same(n, "proxy-status") ? proxy_status
                                         : other;
    case 13: return same(n, "authorization") ? authorization : other;
    case 14: return same(n, "content-length") ? content_length : same(n, "http2-settings") ? http2_settings : other;
    case 15: return same(n, "x-forwarded-for") ? x_forwarded_for : other;
    case 16:
        return same(n, "proxy-connection") ? proxy_connection : same(n, "x-forwarded-host") ? x_forwarded_host : other;
    case 17:
        return same(n, "transfer-encoding")   ? transfer_encoding
               : same(n, "x-forwarded-proto") ? x_forwarded_proto
                                              : other;
    case 18: return same(n, "proxy-authenticate") ? proxy_authenticate : other;
    case 19: return same(n, "proxy-authorization") ? proxy_authorization : other;
    default: return other;
    }
}

std::string_view name_of(field_id id) noexcept {
    switch (id) {
    case field_id::other: return "";
    case field_id::host: return "Host";
    case field_id::content_length: return "Content-Length";
    case field_id::transfer_encoding: return "Transfer-Encoding";
    case field_id::connection: return "Connection";
    case field_id::keep_alive: return "Keep-Alive";
    case field_id::proxy_connection: return "Proxy-Connection";
    case field_id::te: return "TE";
    case field_id::upgrade: return "Upgrade";
    case field_id::http2_settings: return "HTTP2-Settings";
    case field_id::proxy_authenticate: return "Proxy-Authenticate";
    case field_id::proxy_authorization: return "Proxy-Authorization";
    case field_id::via: return "Via";
    case field_id::max_forwards: return "Max-Forwards";
    case field_id::forwarded: return "Forwarded";
    case field_id::x_forwarded_for: return "X-Forwarded-For";
    case field_id::x_forwarded_proto: return "X-Forwarded-Proto";
    case field_id::x_forwarded_host: return "X-Forwarded-Host";
    case field_id::x_request_id: return "X-Request-Id";
    case field_id::traceparent: return "traceparent";
    case field_id::proxy_status: return "Proxy-Status";
    case field_id::proxy: return "Proxy";
    case field_id::expect: return "Expect";
    case field_id::trailer: return "Trailer";
    case field_id::date: return "Date";
    case field_id::server: return "Server";
    case field_id::authorization: return "Authorization";
    case field_id::cookie: return "Cookie";
    case field_id::user_agent: return "User-Agent";
    case field_id::referer: return "Referer";
    case field_id::retry_after: return "Retry-After";
    case field_id::location: return "Location";
    case field_id::content_type: return "Content-Type";
    }
    return "";
}

bool equals_nocase(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

bool is_token(std::string_view text) noexcept {
    for (const char c : text)
        if (!is_token_char(c)) return false;
    return !text.empty();
}

std::string_view next_member(std::string_view& rest) noexcept {
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const auto member = trim(rest.substr(0, comma));
        rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
        if (!member.empty()) return member;
    }
    return {};
}

std::optional<std::string_view> field_block::find(std::string_view name) const noexcept {
    for (const auto& e : entries_)
        if (e.name_size == name.size() && equals_nocase(at(e).name, name)) return at(e).value;
    return std::nullopt;
}

void field_block::add(std::string_view name, std::string_view value) {
    assert(name.size() <= UINT16_MAX);
    value = trim(value);
    const auto id = id_of(name);
    const auto name_at = static_cast<std::uint32_t>(name.data() - bytes_.data());
    // A value of which nothing is left may be a view of nothing.
    const auto value_at = value.empty() ? name_at : static_cast<std::uint32_t>(value.data() - bytes_.data());
    if (entries_.capacity() == 0) entries_.reserve(24);  // what browsers send, in one step
    const bool shadow = id == field_id::other && is_shadow(name);
    entries_.push_back({name_at, value_at, static_cast<std::uint32_t>(value.size()),
                        static_cast<std::uint16_t>(name.size()), id, shadow ? shadow_bit : std::uint8_t{0}});
    seen_.add(id);
}

void field_block::nominate(std::string_view name) noexcept {
    for (auto& e : entries_)
        if (e.name_size == name.size() && equals_nocase(at(e).name, name)) e.flags |= nominated_bit;
}

}  // namespace weir::http
