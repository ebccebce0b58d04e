#pragma once
/// The process as people and scripts read it (GET /status): one JSON object with all that process_status holds.
///
///     append_status(out, status);
///
/// Members are called as in process_status, durations end in `_ms`, sizes in `_bytes`. What took time is told by count,
/// mean and percentiles. Lists by reason, kind and the like are objects; reasons that have not occurred are left out. Pure.
#include <string>

#include "proxy/status.hpp"

namespace weir {

void append_status(std::string& out, const process_status& status);

}  // namespace weir
