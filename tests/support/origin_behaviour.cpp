#include "tests/support/origin_behaviour.hpp"

#include <charconv>

#include "tests/support/origin_digest.hpp"

namespace origin {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& into) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), into);
    return problem == std::errc{} && end == text.data() + text.size();
}

bool read_flag(std::string_view value, bool& into) {
    into = value != "0";
    return value.empty() || value == "0" || value == "1";
}

bool read_duration(std::string_view value, std::chrono::microseconds& into) {
    into = duration_of(value);
    return into.count() >= 0;
}

bool read_bytes(std::optional<std::string> decoded, std::string& into) {
    if (!decoded) return false;
    into += *decoded;
    return true;
}

bool read_failure(std::string_view value, behaviour::failure& into) {
    into = value == "reset"   ? behaviour::failure::reset
           : value == "close" ? behaviour::failure::close
                              : behaviour::failure::none;
    return into != behaviour::failure::none || value == "none";
}

enum class outcome { good, bad_value, unknown };

outcome apply_one(std::string_view key, std::string_view value, behaviour& how) {
    const auto is = [](bool good) { return good ? outcome::good : outcome::bad_value; };
    if (key == "delay") return is(read_duration(value, how.delay));
    if (key == "flap") return is(read_duration(value, how.flap));
    if (key == "keepalive_timeout") return is(read_duration(value, how.keepalive_timeout));
    if (key == "status") return is(read_number(value, how.status) && how.status >= 100 && how.status <= 999);
    if (key == "fail") return is(read_failure(value, how.fail));
    if (key == "silent") return is(read_flag(value, how.silent));
    if (key == "noread") return is(read_flag(value, how.no_read));
    if (key == "nocontinue") return is(read_flag(value, how.no_continue));
    if (key == "chunked") return is(read_flag(value, how.chunked));
    if (key == "trailers") return is(read_flag(value, how.trailers));
    if (key == "close") return is(read_flag(value, how.close));
    if (key == "hard") return is(read_flag(value, how.hard));
    if (key == "keep") return is(read_flag(value, how.keep));
    if (key == "quick") return is(read_flag(value, how.quick));
    if (key == "unasked101") return is(read_flag(value, how.unasked_101));
    if (key == "cut") return is(read_number(value, how.cut));
    if (key == "stall") return is(read_number(value, how.stall));
    if (key == "slow") return is(read_number(value, how.slow));
    if (key == "slice") return is(read_number(value, how.slice));
    if (key == "chunk") return is(read_number(value, how.chunk) && how.chunk > 0);
    if (key == "share") return is(read_number(value, how.share) && how.share >= 0 && how.share <= 1);
    if (key == "hex") return is(read_bytes(hex_decoded(value), how.raw));
    if (key == "base64") return is(read_bytes(base64_decoded(value), how.raw));
    if (key == "text") return is(read_bytes(percent_decoded(value), how.raw));
    if (key == "version") {
        how.version_1_0 = value == "1.0";
        return is(value == "1.0" || value == "1.1");
    }
    if (key == "interim") {
        int status = 0;
        if (!read_number(value, status) || status < 100 || status > 199) return outcome::bad_value;
        how.interim.push_back(status);
        return outcome::good;
    }
    if (key == "header" || key == "accept") {
        auto decoded = percent_decoded(value);
        if (!decoded) return outcome::bad_value;
        if (key == "header") how.headers.push_back(std::move(*decoded));
        else how.accept = std::move(*decoded);
        return outcome::good;
    }
    return outcome::unknown;
}

}  // namespace

std::string apply_query(std::string_view query, behaviour& how) {
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const auto key = pair.substr(0, equals);
        const auto value = equals == pair.npos ? std::string_view{} : pair.substr(equals + 1);
        switch (apply_one(key, value, how)) {
        case outcome::good: break;
        case outcome::bad_value: return "bad value in '" + std::string{pair} + "'";
        case outcome::unknown: return "unknown option '" + std::string{key} + "'";
        }
    }
    return {};
}

std::chrono::microseconds duration_of(std::string_view text) {
    double number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const double scale = unit == "us"                   ? 1
                         : unit == "ms" || unit.empty() ? 1e3
                         : unit == "s"                  ? 1e6
                         : unit == "m"                  ? 6e7
                                                        : -1;
    if (problem != std::errc{} || scale < 0 || !(number >= 0 && number * scale < 1e15))
        return std::chrono::microseconds{-1};
    return std::chrono::microseconds{static_cast<std::int64_t>(number * scale)};
}

}  // namespace origin
