#include "lib/telemetry/access_log.hpp"

#include <algorithm>
#include <cstring>

#include "lib/telemetry/clean_copy.hpp"
#include "lib/telemetry/put.hpp"

namespace weir {
namespace {

/// Text known at compile time, for use as a template argument: a key with all around it is one copy of a known size.
template <std::size_t n>
struct literal {
    static constexpr std::size_t size = n;
    char text[n]{};

    constexpr literal() = default;
    consteval literal(const char (&from)[n + 1]) { std::copy_n(from, n, text); }

    template <std::size_t m>
    consteval literal<n + m> operator+(const literal<m>& behind) const {
        literal<n + m> both;
        std::copy_n(behind.text, m, std::copy_n(text, n, both.text));
        return both;
    }
};
template <std::size_t terminated>
literal(const char (&)[terminated]) -> literal<terminated - 1>;

enum class style : bool { text, json };

/// The blank separates the fields of text; in JSON it is a character like others.
template <style how>
constexpr unsigned char lowest_clean = how == style::text ? 0x21 : 0x20;

template <literal what>
char* put(char* to) noexcept {
    std::memcpy(to, what.text, what.size);
    return to + what.size;
}

template <style how>
[[gnu::noinline]] char* put_escaped(char* to, std::string_view value, std::size_t bound) noexcept {
    static constexpr char hex[] = "0123456789abcdef";
    for (const char c : value.substr(0, bound)) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_clean<lowest_clean<how>>(c)) {
            *to++ = c;
            continue;
        }
        to = how == style::json ? put<"\\u00">(to) : put<"\\x">(to);
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    if (value.size() <= bound) return to;
    return how == style::json ? put<"\\u2026">(to) : put<"\\...">(to);
}

/// Not inlined: a line has eight of them.
template <style how>
[[gnu::noinline]] char* put_value(char* to, std::string_view value, std::size_t bound) noexcept {
    if (value.empty()) return how == style::json ? put<"null">(to) : put<"-">(to);
    if constexpr (how == style::json) *to++ = '"';
    if (value.size() > bound || !copy_clean<lowest_clean<how>>(to, value)) to = put_escaped<how>(to, value, bound);
    else if (how == style::text && value.size() == 1 && value[0] == '-')
        to = put<"\\x2d">(to);  // not to be taken for an absent one
    else to += value.size();
    if constexpr (how == style::json) *to++ = '"';
    return to;
}

/// Writes the fields of one line behind each other, into memory that is large enough for the worst record.
template <style how>
class line_writer {
public:
    explicit line_writer(char* to) noexcept : to_{to} {}
    char* end() const noexcept { return to_; }

    void time(std::int64_t unix_us, timestamp_writer& writer) noexcept {
        if constexpr (how == style::json) to_ = put<"{\"time\":\"">(to_);
        to_ = writer.write(unix_us, to_);
        if constexpr (how == style::json) to_ = put<"\"">(to_);
    }
    void finish() noexcept {
        if constexpr (how == style::json) to_ = put<"}">(to_);
        to_ = put<"\n">(to_);
    }

    template <literal name>
    void string(std::string_view value, std::size_t bound = access_formatter::max_value_bytes) noexcept {
        key<name>();
        to_ = put_value<how>(to_, value, bound);
    }
    template <literal name>
    void protocol(access_record::protocol spoken) noexcept {
        key<name>();
        quote();
        to_ = spoken == access_record::protocol::http ? put<"http">(to_) : put<"tcp">(to_);
        quote();
    }
    template <literal name>
    void why(reason why) noexcept {
        key<name>();
        quote();
        if (why == reason::none) {
            to_ = put<"none">(to_);
        } else {
            to_ = weir::put(to_, word(why));
        }
        quote();
    }
    template <literal name>
    void number(std::uint64_t value) noexcept {
        key<name>();
        to_ = put_number(to_, value);
    }
    /// Negative: absent.
    template <literal name>
    void optional_number(std::int64_t value) noexcept {
        key<name>();
        if (value < 0) return absent();
        to_ = put_number(to_, static_cast<std::uint64_t>(value));
    }
    template <literal... names>
    void all_absent() noexcept {
        ((key<names>(), absent()), ...);
    }
    template <literal name>
    void version(int http_minor) noexcept {
        key<name>();
        if (http_minor < 0) return absent();
        quote();
        to_ = put<"1.">(to_);
        to_ = put_number(to_, static_cast<std::uint64_t>(http_minor));
        quote();
    }
    template <literal name>
    void flag(bool value) noexcept {
        key<name>();
        if constexpr (how == style::json) to_ = value ? put<"true">(to_) : put<"false">(to_);
        else to_ = value ? put<"yes">(to_) : put<"no">(to_);
    }

private:
    template <literal name>
    void key() noexcept {
        if constexpr (how == style::json) to_ = put<literal{",\""} + name + literal{"\":"}>(to_);
        else to_ = put<literal{" "} + name + literal{"="}>(to_);
    }
    void absent() noexcept { to_ = how == style::json ? put<"null">(to_) : put<"-">(to_); }
    void quote() noexcept {
        if constexpr (how == style::json) *to_++ = '"';
    }

    char* to_;
};

constexpr std::size_t strings_but_target = 7, tls_strings_bytes = 16 + 1 + 64 + 1, longest_escape = 6,
                      all_keys_and_numbers = 768;
static_assert(longest_escape * (access_formatter::max_target_bytes + 1 +
                                strings_but_target * (access_formatter::max_value_bytes + 1) + tls_strings_bytes) +
                  all_keys_and_numbers <=
              access_formatter::max_line_bytes);

template <style how>
char* put_line(char* text, const access_record& r, timestamp_writer& time) noexcept {
    line_writer<how> to{text};
    to.time(r.unix_us, time);
    to.template string<"client">(r.client);
    to.template string<"listener">(r.listener);
    to.template protocol<"protocol">(r.spoken);
    to.template string<"method">(r.method);
    to.template string<"host">(r.host);
    to.template string<"target">(r.target, access_formatter::max_target_bytes);
    to.template version<"version">(r.http_minor);
    to.template optional_number<"status">(r.status > 0 ? r.status : -1);
    to.template why<"reason">(r.why);
    to.template number<"bytes_in">(r.bytes_in);
    to.template number<"bytes_out">(r.bytes_out);
    to.template optional_number<"header_us">(r.header_us);
    to.template optional_number<"connect_us">(r.connect_us);
    to.template optional_number<"first_byte_us">(r.first_byte_us);
    to.template optional_number<"total_us">(r.total_us);
    to.template string<"backend">(r.backend);
    to.template string<"server">(r.server);
    to.template number<"tries">(r.tries);
    to.template flag<"reused">(r.reused);
    if (r.tls_version.empty()) {
        to.template all_absent<"tls", "tls_cipher", "tls_us">();
    } else {
        to.template string<"tls">(r.tls_version, 16);
        to.template string<"tls_cipher">(r.tls_cipher, 64);
        to.template optional_number<"tls_us">(r.tls_us);
    }
    to.template string<"id">(r.request_id);
    to.finish();
    return to.end();
}

/// The room for the longest line is never wholly touched, and belongs to a string that its owner uses again.
template <style how>
void append(const access_record& r, timestamp_writer& time, std::string& line) {
    const auto before = line.size();
    line.resize_and_overwrite(before + access_formatter::max_line_bytes, [&](char* begin, std::size_t) {
        return static_cast<std::size_t>(put_line<how>(begin + before, r, time) - begin);
    });
}

}  // namespace

void access_formatter::append_text(const access_record& record, std::string& line) {
    append<style::text>(record, time_, line);
}

void access_formatter::append_json(const access_record& record, std::string& line) {
    append<style::json>(record, time_, line);
}

}  // namespace weir
