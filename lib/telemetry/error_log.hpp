#pragma once
/// What went wrong and what the operator should know, as leveled lines; a flood of the same line is counted, not
/// written.
///
///     error_log log{sink, log_level::info, "worker 0"};
///     log.write(log_level::warn, "backend web: 127.0.0.1:9001 refused", now_us);
///     // 2026-11-23T21:00:00.123Z warn  worker 0: backend web: 127.0.0.1:9001 refused
///     log.summarise(now_us);                           // every second or so, from a timer
///     // 2026-11-23T21:00:01.200Z warn  worker 0: backend web: 127.0.0.1:9001 refused (1234 more like this)
///
/// Identical messages: `same_per_second` of them are written, the rest of that second only counted; the count is told
/// when the second is over, by the next write of that message or by `summarise`. The last `tracked` different messages
/// are watched. Bytes that are not printable ASCII, and `\`, become `\xNN`, so no message can forge a line; a message
/// over `max_message_bytes` is cut and ends in `\...`. Where lines go is the sink's business. Belongs to one thread;
/// the sink must outlive it. Time is an argument: microseconds since 1970; it may stand still and may jump either way
/// (a second that begins in the future is over).
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/telemetry/timestamp.hpp"

namespace weir {

enum class log_level : std::uint8_t { debug, info, warn, error };

/// Takes whole lines, each with its '\n'. Must not block and must not throw; what it cannot take it counts.
class line_sink {
public:
    virtual ~line_sink() = default;
    virtual void append(std::string_view line) = 0;
};

class error_log {
public:
    static constexpr unsigned default_same_per_second = 5;
    static constexpr std::size_t tracked = 64;
    static constexpr std::size_t max_message_bytes = 2048;

    error_log(line_sink& sink, log_level least, std::string who, unsigned same_per_second = default_same_per_second);

    void write(log_level level, std::string_view message, std::int64_t unix_us);
    /// Asked first, it spares composing a message that nobody reads.
    bool wants(log_level level) const noexcept { return level >= least_; }

    /// Tells the counts of the seconds that are over; `everything` tells those of the running one too (at the end).
    void summarise(std::int64_t unix_us, bool everything = false);

private:
    struct repeated {
        std::string message;
        log_level level;
        std::int64_t second_began_us;
        unsigned written;
        std::uint64_t unwritten;
    };
    repeated& find(log_level level, std::string_view message, std::int64_t unix_us);
    void tell_unwritten(repeated& entry, std::int64_t unix_us);
    void emit(log_level level, std::string_view message, std::uint64_t more, std::int64_t unix_us);

    line_sink& sink_;
    log_level least_;
    std::string who_;
    unsigned same_per_second_;
    std::vector<repeated> recent_;
    timestamp_writer time_;
    std::string line_;
};

}  // namespace weir
