#pragma once
/// The Date field's text ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 section 5.6.7), computed once a second.
///
///     date_clock date;                              // one per worker
///     append_field(out, "Date", date.at(unix_us));
///
/// The view lives until the next call. Belongs to one thread. Pure but for what it keeps.
#include <cstdint>
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

}  // namespace weir::http
