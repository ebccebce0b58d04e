#pragma once
/// How a client's connection ends that brought nothing we could serve.
#include "lib/async/task.hpp"
#include "lib/telemetry/reason.hpp"
#include "proxy/context.hpp"

namespace weir {

/// Closing a socket with unread bytes resets it, and the reset may overtake our answer; so let the client finish speaking, for
/// a second and 64 KiB at most.
task<void> close_politely(byte_stream& client);

/// Counts it and says so in the error log, without the client's port: the same trouble of the same client is the same line.
void note_turned_away(worker_context& w, log_level level, reason why, std::string_view what, const byte_stream& client);

}  // namespace weir
