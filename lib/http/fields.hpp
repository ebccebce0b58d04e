#pragma once
/// Header and trailer fields: their names, their storage, and the small grammar they share.
///
///     for (const http::field f : head.fields())
///         if (f.id == http::field_id::cookie) log(f.value);
///     auto date = head.fields().find(http::field_id::date);      // std::optional<std::string_view>
///
/// Names compare without regard to case (RFC 9110 section 5.1) and a value has no white space at its ends (5.5). A
/// field_block owns its bytes and hands out views: they live until it is cleared, assigned or destroyed. clear() keeps
/// the memory for the next message. Not for use by two threads at once.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

/// The fields that this proxy treats specially; every other name is `other`.
enum class field_id : std::uint8_t {
    other,
    // routing and framing
    host,
    content_length,
    transfer_encoding,
    // of one connection only (RFC 9110 section 7.6.1)
    connection,
    keep_alive,
    proxy_connection,
    te,
    upgrade,
    http2_settings,
    proxy_authenticate,
    proxy_authorization,
    // what proxies say to each other and to servers
    via,
    max_forwards,
    forwarded,
    x_forwarded_for,
    x_forwarded_proto,
    x_forwarded_host,
    x_request_id,
    traceparent,
    proxy_status,
    // CGI turns it into HTTP_PROXY, which many libraries obey ("httpoxy", 2016): never forwarded in a request
    proxy,
    // the rest
    expect,
    trailer,
    date,
    server,
    authorization,
    cookie,
    user_agent,
    referer,
    retry_after,
    location,
    content_type,
};
inline constexpr int field_id_count = static_cast<int>(field_id::content_type) + 1;
static_assert(field_id_count <= 64, "field_set keeps one bit for each");

/// Some of them.
class field_set {
public:
    constexpr field_set(std::initializer_list<field_id> members) noexcept {
        for (const auto id : members) bits_ |= bit(id);
    }
    constexpr bool has(field_id id) const noexcept { return (bits_ & bit(id)) != 0; }
    constexpr bool meets(field_set other) const noexcept { return (bits_ & other.bits_) != 0; }
    constexpr void add(field_id id) noexcept { bits_ |= bit(id); }

private:
    static constexpr std::uint64_t bit(field_id id) noexcept { return std::uint64_t{1} << static_cast<int>(id); }
    std::uint64_t bits_ = 0;
};

/// The field a name stands for. Case does not matter. No allocation, no hashing: the length decides between a few.
field_id id_of(std::string_view name) noexcept;

/// The name as we write it ("Content-Length"); empty for `other`.
std::string_view name_of(field_id id) noexcept;

/// Equal but for the case of ASCII letters.
bool equals_nocase(std::string_view a, std::string_view b) noexcept;

namespace fields_parts {
inline constexpr auto token_table = [] {
    std::array<bool, 256> is{};
    for (int c = '0'; c <= '9'; ++c) is[c] = true;
    for (int c = 'A'; c <= 'Z'; ++c) is[c] = is[c + 32] = true;
    for (const char c : std::string_view{"!#$%&'*+-.^_`|~"}) is[static_cast<unsigned char>(c)] = true;
    return is;
}();
}  // namespace fields_parts

/// `token` of RFC 9110 section 5.6.2: at least one character, none of them a separator.
bool is_token(std::string_view text) noexcept;
inline bool is_token_char(char c) noexcept { return fields_parts::token_table[static_cast<unsigned char>(c)]; }

/// Without the spaces and tabs at both ends.
inline std::string_view trim(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    const char *begin = text.data(), *end = begin + text.size();
    while (begin < end && blank(*begin)) ++begin;
    while (begin < end && blank(end[-1])) --end;
    return {begin, static_cast<std::size_t>(end - begin)};
}

/// Takes the next member off a comma-separated list (RFC 9110 section 5.6.1); empty members are skipped, an empty
/// result is the end. Meant for lists of tokens: a comma inside a quoted string is taken for a separator.
///     while (!(member = next_member(rest)).empty()) ...
std::string_view next_member(std::string_view& rest) noexcept;

/// One field, as views into its field_block.
struct field {
    std::string_view name;   // as received
    std::string_view value;  // trimmed
    field_id id = field_id::other;
    bool nominated = false;  // the Connection field of the same message names it: it is for us alone
    bool shadow = false;     // `X_Forwarded_For`: what CGI-like servers cannot tell from a field we vouch for
};

/// The fields of a head or of a trailer section, in the order received, with the bytes they lie in.
class field_block {
    struct entry {
        std::uint32_t name_at, value_at, value_size;
        std::uint16_t name_size;
        field_id id;
        std::uint8_t flags;
    };
    static constexpr std::uint8_t nominated_bit = 1, shadow_bit = 2;

public:
    class iterator {
    public:
        using value_type = field;
        using difference_type = std::ptrdiff_t;
        iterator() = default;
        field operator*() const noexcept { return in_->at(*here_); }
        iterator& operator++() noexcept {
            ++here_;
            return *this;
        }
        iterator operator++(int) noexcept {
            auto before = *this;
            ++here_;
            return before;
        }
        bool operator==(const iterator& o) const noexcept { return here_ == o.here_; }

    private:
        friend class field_block;
        iterator(const field_block* in, const entry* here) noexcept : in_{in}, here_{here} {}
        const field_block* in_ = nullptr;
        const entry* here_ = nullptr;
    };

    iterator begin() const noexcept { return {this, entries_.data()}; }
    iterator end() const noexcept { return {this, entries_.data() + entries_.size()}; }
    std::size_t size() const noexcept { return entries_.size(); }
    bool empty() const noexcept { return entries_.empty(); }
    field operator[](std::size_t i) const noexcept { return at(entries_[i]); }

    bool has(field_id id) const noexcept { return seen_.has(id); }
    bool has_any(field_set of) const noexcept { return seen_.meets(of); }
    std::size_t count(field_id id) const noexcept {
        if (!has(id)) return 0;
        std::size_t n = 0;
        for (const auto& e : entries_) n += e.id == id;
        return n;
    }
    /// The value of the first field of that name.
    std::optional<std::string_view> find(field_id id) const noexcept {
        if (has(id))
            for (const auto& e : entries_)
                if (e.id == id) return at(e).value;
        return std::nullopt;
    }
    std::optional<std::string_view> find(std::string_view name) const noexcept;

    /// The bytes everything lies in.
    std::string_view bytes() const noexcept { return bytes_; }

    // For the parsers -------------------------------------------------------------------------------------------

    void clear() noexcept {
        bytes_.clear();
        entries_.clear();
        seen_ = {};
    }
    /// Starts anew with a copy of these bytes, and no field yet.
    void assign(std::string_view bytes) {
        clear();
        bytes_.resize_and_overwrite(bytes.size(), [&](char* to, std::size_t) {
            std::memcpy(to, bytes.data(), bytes.size());
            return bytes.size();
        });
    }
    /// More bytes behind the others (a trailer section that arrives in pieces).
    void append(std::string_view bytes) { bytes_.append(bytes); }
    /// A field by the place of its name and value in bytes(). Trims the value. `name` must be shorter than 64 KiB.
    void add(std::string_view name, std::string_view value);
    /// Marks every field of that name as nominated.
    void nominate(std::string_view name) noexcept;

private:
    field at(const entry& e) const noexcept {
        return {{bytes_.data() + e.name_at, e.name_size},
                {bytes_.data() + e.value_at, e.value_size},
                e.id,
                (e.flags & nominated_bit) != 0,
                (e.flags & shadow_bit) != 0};
    }
    std::string bytes_;
    std::vector<entry> entries_;
    field_set seen_{};
};

}  // namespace weir::http
