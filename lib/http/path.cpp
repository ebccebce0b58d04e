#include "lib/http/path.hpp"

#include <array>
#include <cstdint>

namespace weir::http {
namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The octet behind the percent sign at `at`; -1 if there is none.
int decoded(std::string_view path, std::size_t at) noexcept {
    if (at + 2 >= path.size()) return -1;
    const int high = hex_value(path[at + 1]), low = hex_value(path[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// Characters that mean the same encoded and plain: `pchar` of RFC 3986 section 3.3, but ';', which begins parameters.
constexpr std::array<bool, 256> make_plain_table() {
    std::array<bool, 256> is{};
    for (int c = '0'; c <= '9'; ++c) is[c] = true;
    for (int c = 'a'; c <= 'z'; ++c) is[c] = is[c - 32] = true;
    for (const char c : std::string_view{"-._~!$&'()*+,=:@"}) is[static_cast<unsigned char>(c)] = true;
    return is;
}
constexpr auto is_plain = make_plain_table();

/// What deserves a second look within a target; most characters do not.
enum class special : std::uint8_t { no, slash, odd, question_mark, not_allowed };

constexpr std::array<special, 256> make_target_table() {
    std::array<special, 256> is{};
    for (auto& each : is) each = special::not_allowed;
    for (int c = 0x21; c <= 0x7e; ++c) is[c] = special::no;
    is['#'] = special::not_allowed;
    is['/'] = special::slash;
    is['%'] = is['\\'] = special::odd;
    is['?'] = special::question_mark;
    return is;
}
constexpr auto target_table = make_target_table();

}  // namespace

/// Reads the path as the most generous server would, to find its dot-segments.
const char* fault_of_path(std::string_view path) noexcept {
    int dots = 0;  // of the segment so far; -1: it holds something else
    bool parameters = false;
    const auto is_dot_segment = [&] { return dots == 1 || dots == 2; };
    for (std::size_t i = 0; i < path.size(); ++i) {
        int c = static_cast<unsigned char>(path[i]);
        if (c == '\\') return "a backslash in the path";
        if (c == '%') {
            c = decoded(path, i);
            if (c < 0) return "a percent sign without two hexadecimal digits in the path";
            if (c == 0) return "%00 in the path";
            i += 2;
        }
        if (c == '/' || c == '\\') {
            if (is_dot_segment()) return "a dot-segment in the path";
            dots = 0;
            parameters = false;
        } else if (c == ';') {
            parameters = true;
        } else if (!parameters) {
            dots = c == '.' && dots >= 0 ? dots + 1 : -1;
        }
    }
    return is_dot_segment() ? "a dot-segment in the path" : nullptr;
}

target_shape shape_of_target(std::string_view target) noexcept {
    target_shape shape;
    const char *const begin = target.data(), *const end = begin + target.size();
    const char* path_end = nullptr;
    for (const char* p = begin; p < end; ++p) {
        const auto kind = target_table[static_cast<unsigned char>(*p)];
        if (kind == special::no) continue;
        if (kind == special::not_allowed) return {.allowed = false};
        if (path_end) continue;
        if (kind == special::question_mark) path_end = p;
        else if (kind == special::odd || (p + 1 < end && (p[1] == '/' || p[1] == '.'))) shape.plain = false;
    }
    shape.path_size = static_cast<std::size_t>((path_end ? path_end : end) - begin);
    return shape;
}

std::string comparable_path(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) {
        const char c = path[i];
        if (c == '/' && out.ends_with('/')) continue;
        if (c != '%') {
            out += c;
            continue;
        }
        const int octet = decoded(path, i);
        if (octet >= 0 && is_plain[static_cast<std::size_t>(octet)]) {
            out += static_cast<char>(octet);
            i += 2;
        } else {
            out += '%';
            // Both cases of a digit are the same octet (RFC 3986 section 6.2.2.1).
            for (int n = 0; n < 2 && octet >= 0; ++n) {
                const char digit = path[++i];
                out += digit >= 'a' ? static_cast<char>(digit - 32) : digit;
            }
        }
    }
    return out;
}

bool path_has_prefix(std::string_view path, std::string_view prefix) noexcept {
    if (!path.starts_with(prefix)) return false;
    return path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/' || prefix.empty();
}

}  // namespace weir::http
