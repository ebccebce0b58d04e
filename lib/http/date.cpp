#include "lib/http/date.hpp"

#include <chrono>
#include <cstdio>

namespace weir::http {

std::string_view date_clock::at(std::int64_t unix_us) noexcept {
    using namespace std::chrono;
    const auto second = unix_us / 1'000'000;
    if (second != second_) {
        second_ = second;
        static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const sys_seconds when{seconds{second}};
        const auto midnight = floor<std::chrono::days>(when);
        const year_month_day date{midnight};
        const hh_mm_ss time{when - midnight};
        std::snprintf(text_, sizeof text_, "%s, %02u %s %04d %02d:%02d:%02d GMT", days[weekday{midnight}.c_encoding()],
                      static_cast<unsigned>(date.day()) % 100, months[static_cast<unsigned>(date.month()) - 1],
                      static_cast<int>(date.year()) % 10000, static_cast<int>(time.hours().count()),
                      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    }
    return {text_, 29};
}

}  // namespace weir::http
