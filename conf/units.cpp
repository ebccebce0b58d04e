#include "conf/units.hpp"

#include <charconv>
#include <limits>
#include <span>

namespace weir::conf {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t worth;
};
constexpr unit times[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr unit sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

/// What people write out of habit, and the unit they mean.
struct habit {
    std::string_view written, meant;
};
constexpr habit habits[] = {
    {"sec", "s"},  {"secs", "s"},   {"second", "s"},  {"seconds", "s"}, {"S", "s"},       {"min", "m"},
    {"mins", "m"}, {"minute", "m"}, {"minutes", "m"}, {"hour", "h"},    {"hours", "h"},   {"H", "h"},
    {"day", "d"},  {"days", "d"},   {"D", "d"},       {"msec", "ms"},   {"millis", "ms"}, {"MS", "ms"},
    {"b", "B"},    {"bytes", "B"},  {"k", "KiB"},     {"K", "KiB"},     {"kb", "KiB"},    {"kB", "KiB"},
    {"KB", "KiB"}, {"kib", "KiB"},  {"kiB", "KiB"},   {"Ki", "KiB"},    {"m", "MiB"},     {"M", "MiB"},
    {"mb", "MiB"}, {"MB", "MiB"},   {"mib", "MiB"},   {"Mi", "MiB"},    {"g", "GiB"},     {"G", "GiB"},
    {"gb", "GiB"}, {"GB", "GiB"},   {"gib", "GiB"},   {"Gi", "GiB"},
};

reading<std::uint64_t> read(std::string_view text, std::span<const unit> units, std::string_view needs) {
    const auto digits = text.substr(0, text.find_first_not_of("0123456789"));
    const auto name = text.substr(digits.size());
    const auto count = read_number(digits);
    if (!count) return std::unexpected{std::string{}};
    for (const auto& each : units) {
        if (each.name != name) continue;
        if (*count > std::numeric_limits<std::uint64_t>::max() / each.worth) return std::unexpected{std::string{}};
        return *count * each.worth;
    }
    const std::string number{digits};
    if (name.empty())
        return std::unexpected{std::string{needs}
                                   .append(": ")
                                   .append(number)
                                   .append(units.end()[-2].name)
                                   .append(" or ")
                                   .append(number)
                                   .append(units.end()[-1].name)};
    for (const auto& each : habits) {
        if (each.written != name) continue;
        for (const auto& known : units)
            if (known.name == each.meant) return std::unexpected{"write " + number + std::string{known.name}};
    }
    if (name.starts_with('.')) return std::unexpected{std::string{"write a whole number of a smaller unit"}};
    return std::unexpected{std::string{}};
}

std::string write(std::uint64_t count, std::span<const unit> units) {
    for (const auto& each : units)
        if (count % each.worth == 0 && (count > 0 || each.worth == 1000 || each.name == "B"))
            return std::to_string(count / each.worth).append(each.name);
    return {};  // not reached: the smallest unit divides everything
}

}  // namespace

reading<std::uint64_t> read_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || problem != std::errc{} || end != text.data() + text.size())
        return std::unexpected{std::string{}};
    return value;
}

reading<std::uint64_t> read_milliseconds(std::string_view text) { return read(text, times, "a time needs a unit"); }
reading<std::uint64_t> read_bytes(std::string_view text) { return read(text, sizes, "a size needs a unit"); }
std::string write_milliseconds(std::uint64_t count) { return write(count, times); }
std::string write_bytes(std::uint64_t count) { return write(count, sizes); }

}  // namespace weir::conf
