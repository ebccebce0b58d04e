#pragma once
/// What the process's state machines have decided of late (GET /events): one JSON object a line, oldest first.
///
///     append_events(out, entries, now, time.wall_us());
///
///     {"number":17,"time":"2026-11-27T10:03:53.123Z","kind":"breaker","backend":"web","server":"10.0.0.1:80",
///      "from":"closed","to":"open","why":"streak"}
///
/// `worker`, `backend` and `server` stand only where they say something. Pure.
#include <span>
#include <string>

#include "lib/telemetry/journal.hpp"

namespace weir {

/// `now` and `wall_us`, in microseconds since 1970, are the same moment.
void append_events(std::string& out, std::span<const journal_entry> entries, time_point now, std::int64_t wall_us);

}  // namespace weir
