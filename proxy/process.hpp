#pragma once
/// The whole program once the configuration is known: start, serve, drain, report.
///
/// TERM and QUIT drain: for `lame_duck` everything goes on but responses ask clients to leave; then no more is accepted
/// (the backlog first), what runs may finish, and at `deadline` the rest is cut. A second TERM, QUIT or INT stops at once. INT
/// drains without the lame duck and for two seconds at most. USR1 opens the logs anew. HUP reads the
/// TLS files again.
#include "conf/config.hpp"
#include "proxy/tls_contexts.hpp"

namespace weir {

/// The process's exit status: 0, 1 (could not start) or 4 (connections were cut).
int run_process(const conf::config& config, tls_contexts tls);

}  // namespace weir
