/// The first of the two readers of parser.hpp: where a head ends, and what can be refused before it does.
///
/// Every fault belongs to one byte: the first after which no continuation could be accepted by this reader. The bytes
/// are examined in their order and never beyond that one, so that the slicing of the input cannot change the verdict.
#include <algorithm>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/http/parser.hpp"

namespace weir::http {
namespace {

/// The longest method known has 11 letters; some more make a better diagnosis (unsupported_method).
constexpr std::size_t max_method_bytes = 24;
constexpr std::string_view version_sample = "HTTP/1.1";

constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The first control character (tabs among them), or `end`.
const char* find_control(const char* p, const char* end) noexcept {
#ifdef __SSE2__
    const auto space = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f);
    for (; end - p >= 16; p += 16) {
        const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const auto low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, space), bytes);
        const int hits = _mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(bytes, del)));
        if (hits) return p + __builtin_ctz(static_cast<unsigned>(hits));
    }
#endif
    return std::find_if(p, end, is_control);
}

/// `HTTP/d.d`
bool is_version(std::string_view v) noexcept {
    return v.size() == version_sample.size() && v.starts_with("HTTP/") && is_digit(v[5]) && v[6] == '.' &&
           is_digit(v[7]);
}

}  // namespace

result<std::size_t> head_scanner::scan(std::string_view input, const head_limits& limits) {
    if (from_ == sender::client && at_ == 0 && start_ == 0 && input.starts_with('\r')) {
        if (input.size() < 2) return 0;
        if (input[1] != '\n') return fault("bare CR");
        at_ = start_ = 2;
    }
    if (first_end_ == 0) {
        auto found = scan_first_line(input, limits);
        if (!found) return std::unexpected{std::move(found.error())};
        if (first_end_ == 0) return 0;
    }
    return scan_fields(input, limits);
}

/// Its window ends with the head's or, for requests, where the target must be too long, whichever is nearer.
result<void> head_scanner::scan_first_line(std::string_view input, const head_limits& limits) {
    const std::size_t head_end = start_ + limits.max_head_bytes;
    const std::size_t around_target = max_method_bytes + 1 + 1 + version_sample.size() + 2;
    const std::size_t line_end =
        from_ == sender::client ? std::min(head_end, start_ + around_target + limits.max_target_bytes) : head_end;
    const auto window = std::min(input.size(), line_end);
    std::size_t here = at_;
    while (here < window) {
        here = static_cast<std::size_t>(find_control(input.data() + here, input.data() + window) - input.data());
        const auto so_far = input.substr(start_, here - start_);
        if (auto good = check_first_line(so_far, false, limits); !good) return good;
        if (here == window) break;
        if (input[here] == '\t') {
            ++here;
            continue;
        }
        if (input[here] != '\r') return fault_of_control(input[here]);
        if (here + 1 == window) break;
        if (input[here + 1] != '\n') return fault("bare CR");
        if (so_far.empty()) return fault("an empty line instead of the first line");
        if (auto good = check_first_line(so_far, true, limits); !good) return good;
        first_end_ = static_cast<std::uint32_t>(here);
        at_ = line_start_ = first_end_ + 2;
        return {};
    }
    at_ = static_cast<std::uint32_t>(here);
    if (input.size() < line_end) return {};
    if (line_end < head_end) return fail(reason::target_too_long, "the target is too long");
    return too_large("the head is too large");
}

result<std::size_t> head_scanner::scan_fields(std::string_view input, const head_limits& limits) {
    const std::size_t head_end = start_ + limits.max_head_bytes;
    const char* const begin = input.data();
    const char* const window = begin + std::min(input.size(), head_end);
    const char* p = begin + at_;
    const char* line = begin + line_start_;
    while (p < window) {
        if (p == line && *p != '\r') {
            if (*p == ' ' || *p == '\t') return fault("a folded line");
            if (fields_ == limits.max_headers) return too_many_fields();
        }
        p = find_control(p, window);
        if (p == window) break;
        if (*p == '\t') {
            ++p;
            continue;
        }
        if (*p != '\r') return fault_of_control(*p);
        if (p + 1 == window) break;
        if (p[1] != '\n') return fault("bare CR");
        p += 2;
        if (p - 2 == line) return static_cast<std::size_t>(p - begin);
        line = p;
        ++fields_;
    }
    at_ = static_cast<std::uint32_t>(p - begin);
    line_start_ = static_cast<std::uint32_t>(line - begin);
    if (input.size() >= head_end) return too_large("the head is too large");
    return 0;
}

std::unexpected<error> head_scanner::fault_of_control(char c) const {
    return fault(c == '\n' ? "bare LF" : c == 0 ? "NUL" : "a control character");
}

std::unexpected<error> head_scanner::too_large(const char* what) const {
    return fail(from_ == sender::client ? reason::head_too_large : reason::response_head_too_large, what);
}

std::unexpected<error> head_scanner::too_many_fields() const {
    if (from_ == sender::client) return fail(reason::too_many_headers, "too many fields");
    return too_large("too many fields");
}

result<void> head_scanner::check_first_line(std::string_view so_far, bool complete, const head_limits& limits) const {
    if (from_ == sender::server) {
        constexpr std::string_view start = "HTTP/1.";
        if (so_far.substr(0, start.size()) != start.substr(0, so_far.size())) return fault("no HTTP/1.x status line");
        if (!complete) return {};
        const bool digits = so_far.size() >= 12 && is_digit(so_far[9]) && is_digit(so_far[10]) && is_digit(so_far[11]);
        if (!digits || (so_far[7] != '0' && so_far[7] != '1') || so_far[8] != ' ')
            return fault("a malformed status line");
        if (so_far[9] < '1' || so_far[9] > '5') return fault("a status outside 100 to 599");
        if (so_far.size() > 12 && so_far[12] != ' ') return fault("a malformed status line");
        return {};
    }
    std::size_t method = 0;
    while (method < so_far.size() && so_far[method] != ' ') {
        if (method == max_method_bytes) return fault("the method is too long");
        if (!is_token_char(so_far[method])) return fault("the method is not a token");
        ++method;
    }
    if (!complete) return {};

    const auto last = so_far.rfind(' ');
    if (last == so_far.npos || last <= method + 1) return fault("a malformed request line");
    const auto target = so_far.substr(method + 1, last - method - 1);
    if (target.size() > limits.max_target_bytes) return fail(reason::target_too_long, "the target is too long");
    if (method == 0 || target.find(' ') != target.npos) return fault("a malformed request line");
    const auto version = so_far.substr(last + 1);
    if (!is_version(version)) return fault("a malformed HTTP version");
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return fail(reason::unsupported_version, "version " + std::string{version});
    return {};
}

std::unexpected<error> head_scanner::fault(const char* what) const {
    return fail(from_ == sender::client ? reason::bad_request : reason::bad_response, what);
}

}  // namespace weir::http
