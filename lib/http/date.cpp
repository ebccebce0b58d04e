#include "lib/http/date.hpp"

#include <chrono>
#include <cstdio>

namespace weir::http {
namespace {

constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* long_days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// What is left of a text, read from the front; once something was not there, all is wrong.
class reader {
public:
    explicit reader(std::string_view text) noexcept : rest_{text} {}
    bool skip(std::string_view what) noexcept {
        const bool there = rest_.starts_with(what);
        if (there) rest_.remove_prefix(what.size());
        return there;
    }
    void expect(std::string_view what) noexcept { good_ = good_ && skip(what); }
    /// The index of the word that comes.
    template <std::size_t n>
    std::optional<unsigned> one_of(const char* const (&words)[n]) noexcept {
        for (unsigned i = 0; i < n; ++i)
            if (skip(words[i])) return i;
        return std::nullopt;
    }
    unsigned month() noexcept {
        const auto found = one_of(months);
        good_ = good_ && found;
        return found.value_or(0) + 1;
    }
    unsigned digits(std::size_t count) noexcept {
        unsigned value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            good_ = good_ && i < rest_.size() && rest_[i] >= '0' && rest_[i] <= '9';
            if (good_) value = 10 * value + static_cast<unsigned>(rest_[i] - '0');
        }
        if (good_) rest_.remove_prefix(count);
        return value;
    }
    bool done() const noexcept { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

struct moment {
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;

    void read_time(reader& from) noexcept {
        hour = from.digits(2);
        from.expect(":");
        minute = from.digits(2);
        from.expect(":");
        second = from.digits(2);
    }
    std::optional<std::int64_t> since_1970() const noexcept {
        using namespace std::chrono;
        const year_month_day date{std::chrono::year{static_cast<int>(year)}, std::chrono::month{month},
                                  std::chrono::day{day}};
        if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;  // 60: a leap second
        return sys_seconds{sys_days{date} + hours{hour} + minutes{minute} + seconds{second}}.time_since_epoch().count();
    }
};

}  // namespace

std::optional<std::int64_t> parse_date(std::string_view text) noexcept {
    reader from{text};
    moment when;
    if (from.one_of(long_days) && from.skip(", ")) {  // Sunday, 06-Nov-94 08:49:37 GMT
        when.day = from.digits(2);
        from.expect("-");
        when.month = from.month();
        from.expect("-");
        const auto year = from.digits(2);
        when.year = year + (year < 70 ? 2000 : 1900);
        from.expect(" ");
        when.read_time(from);
        from.expect(" GMT");
    } else if (from = reader{text}; from.one_of(days) && from.skip(", ")) {  // Sun, 06 Nov 1994 08:49:37 GMT
        when.day = from.digits(2);
        from.expect(" ");
        when.month = from.month();
        from.expect(" ");
        when.year = from.digits(4);
        from.expect(" ");
        when.read_time(from);
        from.expect(" GMT");
    } else if (from = reader{text}; from.one_of(days) && from.skip(" ")) {  // Sun Nov  6 08:49:37 1994
        when.month = from.month();
        from.expect(" ");
        when.day = from.skip(" ") ? from.digits(1) : from.digits(2);
        from.expect(" ");
        when.read_time(from);
        from.expect(" ");
        when.year = from.digits(4);
    }
    return from.done() ? when.since_1970() : std::nullopt;
}

std::string_view date_clock::at(std::int64_t unix_us) noexcept {
    using namespace std::chrono;
    const auto second = unix_us / 1'000'000;
    if (second != second_) {
        second_ = second;
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
