#include "lib/telemetry/error_log.hpp"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;

/// Five characters, so that what follows stands in one column.
std::string_view padded_word(log_level level) noexcept {
    switch (level) {
    case log_level::debug: return "debug";
    case log_level::info: return "info ";
    case log_level::warn: return "warn ";
    case log_level::error: return "error";
    }
    std::unreachable();
}

void append_printable(std::string& out, std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && byte != '\\') out += c;
        else out.append("\\x").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
    }
}

bool is_over(std::int64_t second_began_us, std::int64_t now_us) noexcept {
    return now_us < second_began_us || now_us - second_began_us >= us_per_second;
}

}  // namespace

error_log::error_log(line_sink& sink, log_level least, std::string who, unsigned same_per_second)
    : sink_{sink}, least_{least}, who_{std::move(who)}, same_per_second_{same_per_second} {}

void error_log::write(log_level level, std::string_view message, std::int64_t unix_us) {
    if (!wants(level)) return;
    auto& entry = find(level, message, unix_us);
    if (is_over(entry.second_began_us, unix_us)) {
        tell_unwritten(entry, unix_us);
        entry.second_began_us = unix_us;
        entry.written = 0;
    }
    if (entry.written == same_per_second_) {
        ++entry.unwritten;
        return;
    }
    ++entry.written;
    emit(level, message, 0, unix_us);
}

void error_log::summarise(std::int64_t unix_us, bool everything) {
    for (auto& entry : recent_)
        if (everything || is_over(entry.second_began_us, unix_us)) tell_unwritten(entry, unix_us);
}

error_log::repeated& error_log::find(log_level level, std::string_view message, std::int64_t unix_us) {
    const auto kept = message.substr(0, max_message_bytes);
    const auto same = [&](const repeated& r) { return r.level == level && r.message == kept; };
    if (const auto known = std::find_if(recent_.begin(), recent_.end(), same); known != recent_.end()) return *known;
    if (recent_.size() < tracked) return recent_.emplace_back(repeated{std::string{kept}, level, unix_us, 0, 0});

    auto& oldest = *std::min_element(recent_.begin(), recent_.end(), [](const repeated& a, const repeated& b) {
        return a.second_began_us < b.second_began_us;
    });
    tell_unwritten(oldest, unix_us);
    oldest.message.assign(kept);
    oldest.level = level;
    oldest.second_began_us = unix_us;
    oldest.written = 0;
    return oldest;
}

void error_log::tell_unwritten(repeated& entry, std::int64_t unix_us) {
    if (const auto more = std::exchange(entry.unwritten, 0)) emit(entry.level, entry.message, more, unix_us);
}

void error_log::emit(log_level level, std::string_view message, std::uint64_t more, std::int64_t unix_us) {
    char time[timestamp_bytes];
    line_.assign(time, time_.write(unix_us, time));
    line_.append(1, ' ').append(padded_word(level)).append(1, ' ').append(who_).append(": ");
    append_printable(line_, message.substr(0, max_message_bytes));
    if (message.size() > max_message_bytes) line_ += "\\...";
    if (more > 0) line_.append(" (").append(std::to_string(more)).append(" more like this)");
    line_ += '\n';
    sink_.append(line_);
}

}  // namespace weir
