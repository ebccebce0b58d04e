#pragma once
/// Writes points in time as `2026-11-23T21:00:00.123Z` (ISO 8601, UTC, milliseconds), quickly.
///
///     timestamp_writer clock_face;                     // one per worker
///     char text[timestamp_bytes];
///     clock_face.write(unix_us, text);                 // no terminating zero
///
/// Years 1970 to 9999; times outside are clamped. The calendar is computed once per second and kept, so a writer
/// belongs to one thread. No locale, no time zone data, no libc call.
#include <cstddef>
#include <cstdint>

namespace weir {

inline constexpr std::size_t timestamp_bytes = 24;

class timestamp_writer {
public:
    /// `to` has room for `timestamp_bytes`; returns the end of what was written.
    char* write(std::int64_t unix_us, char* to) noexcept;

private:
    void compute(std::int64_t second) noexcept;

    std::int64_t second_ = -1;
    char text_[timestamp_bytes] = {};
};

}  // namespace weir
