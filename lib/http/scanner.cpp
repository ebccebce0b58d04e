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

/// The first control character (tabs among them) from `p` on, or `end`. The bytes from `begin` on may be read as well.
[[gnu::always_inline]] inline const char* find_control(const char* begin, const char* p, const char* end) noexcept {
#ifdef __SSE2__
    constexpr std::ptrdiff_t width = 16;
    const auto controls = [](const char* at) {
        const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const auto low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        const auto del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
        return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, del)));
    };
    for (; end - p >= width; p += width)
        if (const auto hits = controls(p)) return p + __builtin_ctz(hits);
    if (end - begin >= width) {  // what is left is the end of a full load that starts earlier
        const auto hits = controls(end - width) >> (width - (end - p));
        return hits ? p + __builtin_ctz(hits) : end;
    }
#else
    static_cast<void>(begin);
#endif
    return std::find_if(p, end, is_control);
}

/// `HTTP/d.d`
bool is_version(std::string_view v) noexcept {
    return v.size() == version_sample.size() && v.starts_with("HTTP/") && is_digit(v[5]) && v[6] == '.' &&
           is_digit(v[7]);
}

bool could_be_response(std::string_view so_far) noexcept {
    constexpr std::string_view start = "HTTP/1.";
    return so_far.starts_with(start) || (so_far.size() < start.size() && start.starts_with(so_far));
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
    const char* const begin = input.data();
    std::size_t here = at_;
    while (here < window) {
        here = static_cast<std::size_t>(find_control(begin, begin + here, begin + window) - begin);
        const auto so_far = input.substr(start_, here - start_);
        if (here + 1 < window && begin[here] == '\r' && begin[here + 1] == '\n' && !so_far.empty()) {
            if (auto good = check_first_line(so_far, limits); !good) return good;
            first_end_ = static_cast<std::uint32_t>(here);
            at_ = line_start_ = first_end_ + 2;
            return {};
        }
        if (auto good = check_begun_line(so_far); !good) return good;
        if (here == window) break;
        if (begin[here] == '\t') {
            ++here;
            continue;
        }
        if (begin[here] != '\r') return fault_of_control(begin[here]);
        if (here + 1 == window) break;
        return fault(begin[here + 1] == '\n' ? "an empty line instead of the first line" : "bare CR");
    }
    at_ = static_cast<std::uint32_t>(here);
    if (input.size() < line_end) return {};
    if (line_end < head_end) return target_too_long();
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
        p = find_control(begin, p, window);
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

/// A line of which no end is in sight: could it still become good?
result<void> head_scanner::check_begun_line(std::string_view so_far) {
    if (from_ == sender::client) return read_method(so_far);
    if (!could_be_response(so_far)) return fault("no HTTP/1.x status line");
    return {};
}

result<void> head_scanner::check_first_line(std::string_view line, const head_limits& limits) {
    return from_ == sender::client ? check_request_line(line, limits) : check_status_line(line);
}

/// The method, or what is there of it: up to the first space.
result<void> head_scanner::read_method(std::string_view so_far) {
    const std::size_t most = std::min(so_far.size(), max_method_bytes + 1);
    std::size_t size = 0;
    while (size < most && is_token_char(so_far[size])) ++size;
    if (size > max_method_bytes) return fault("the method is too long");
    if (size < so_far.size() && so_far[size] != ' ') return fault("the method is not a token");
    method_size_ = static_cast<std::uint8_t>(size);
    return {};
}

result<void> head_scanner::check_request_line(std::string_view line, const head_limits& limits) {
    if (auto good = read_method(line); !good) return good;
    const std::size_t method = method_size_;
    const auto last = line.ends_with(" HTTP/1.1") ? line.size() - 9 : line.rfind(' ');
    if (last == line.npos || last <= method + 1) return fault("a malformed request line");
    const auto target = line.substr(method + 1, last - method - 1);
    if (target.size() > limits.max_target_bytes) return target_too_long();
    if (method == 0 || target.find(' ') != target.npos) return fault("a malformed request line");
    const auto version = line.substr(last + 1);
    if (version == "HTTP/1.1" || version == "HTTP/1.0") return {};
    if (!is_version(version)) return fault("a malformed HTTP version");
    return wrong_version(version);
}

result<void> head_scanner::check_status_line(std::string_view line) const {
    constexpr std::string_view sample = "HTTP/1.1 200";
    if (!could_be_response(line)) return fault("no HTTP/1.x status line");
    if (line.size() < sample.size()) return fault("a malformed status line");
    const bool digits = is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]);
    if (!digits || (line[7] != '0' && line[7] != '1') || line[8] != ' ') return fault("a malformed status line");
    if (line[9] < '1' || line[9] > '5') return fault("a status outside 100 to 599");
    if (line.size() > sample.size() && line[12] != ' ') return fault("a malformed status line");
    return {};
}

std::unexpected<error> head_scanner::target_too_long() {
    return fail(reason::target_too_long, "the target is too long");
}

std::unexpected<error> head_scanner::wrong_version(std::string_view version) {
    return fail(reason::unsupported_version, "version " + std::string{version});
}

std::unexpected<error> head_scanner::fault(const char* what) const {
    return fail(from_ == sender::client ? reason::bad_request : reason::bad_response, what);
}

}  // namespace weir::http
