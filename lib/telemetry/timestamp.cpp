#include "lib/telemetry/timestamp.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace weir {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
constexpr std::int64_t last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z

void put_digits(char* to, int digits, unsigned n) noexcept {
    for (int i = digits; i-- > 0; n /= 10) to[i] = static_cast<char>('0' + n % 10);
}

}  // namespace

char* timestamp_writer::write(std::int64_t unix_us, char* to) noexcept {
    unix_us = std::clamp<std::int64_t>(unix_us, 0, last_second * us_per_second + us_per_second - 1);
    const auto second = unix_us / us_per_second;
    if (second != second_) compute(second);
    std::memcpy(to, text_, timestamp_bytes);
    put_digits(to + 20, 3, static_cast<unsigned>(unix_us % us_per_second / 1000));
    return to + timestamp_bytes;
}

void timestamp_writer::compute(std::int64_t second) noexcept {
    using namespace std::chrono;
    const sys_seconds at{seconds{second}};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss time{at - day};
    std::memcpy(text_, "0000-00-00T00:00:00.000Z", timestamp_bytes);
    put_digits(text_, 4, static_cast<unsigned>(static_cast<int>(date.year())));
    put_digits(text_ + 5, 2, static_cast<unsigned>(date.month()));
    put_digits(text_ + 8, 2, static_cast<unsigned>(date.day()));
    put_digits(text_ + 11, 2, static_cast<unsigned>(time.hours().count()));
    put_digits(text_ + 14, 2, static_cast<unsigned>(time.minutes().count()));
    put_digits(text_ + 17, 2, static_cast<unsigned>(time.seconds().count()));
    second_ = second;
}

}  // namespace weir
