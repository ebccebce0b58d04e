#pragma once
/// Dates as HTTP writes them ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 section 5.6.7).
///
///     date_clock date;                              // one per worker; the text is computed once a second
///     append_field(out, "Date", date.at(unix_us));
///     parse_date("Sun, 06 Nov 1994 08:49:37 GMT")   // 784111777, seconds since 1970
///
/// A clock's view lives until the next call, and it belongs to one thread. Pure but for what that keeps.
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

class date_clock {
public:
    /// Microseconds since 1970.
    std::string_view at(std::int64_t unix_us) noexcept;

private:
    std::int64_t second_ = -1;
    char text_[30] = {};
};

/// Seconds since 1970, of a date in any of the three forms that a recipient must understand; nothing if it is in none, or no
/// such day exists. The name of the day is not compared with the date. Of the form with two digits for the year, 70 to 99
/// are of the last century.
std::optional<std::int64_t> parse_date(std::string_view text) noexcept;

}  // namespace weir::http
