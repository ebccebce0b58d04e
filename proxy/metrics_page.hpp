#pragma once
/// The process as Prometheus reads it (GET /metrics); every metric is called `weir_...`.
///
///     append_metrics(out, status);
///
/// Labels come from the configuration and from closed lists, never from a client, so the number of series is bounded:
/// listener, worker, backend, server, and reason, class, kind and the like. A refusal's reason appears with the first
/// refusal. A server that stands twice in a backend is told apart as `address#2`. Pure.
#include <string>

#include "proxy/status.hpp"

namespace weir {

void append_metrics(std::string& out, const process_status& status);

}  // namespace weir
