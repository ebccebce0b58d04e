#pragma once
/// What an operator may see of the process: plain values, a copy as of one moment.
///
/// Gathered on the process's loop (process.cpp) from the workers, each of which answers for itself, from the backends and
/// from what all share; told by the pages of the admin listener (metrics_page.hpp, status_page.hpp). Totals count since
/// the start and never fall: a worker that is too busy to answer in time stands there as it last was.
#include <array>
#include <string>
#include <vector>

#include "lib/async/offload.hpp"
#include "lib/resilience/pressure.hpp"
#include "lib/resilience/shed_ladder.hpp"
#include "lib/telemetry/histogram.hpp"
#include "lib/telemetry/reason.hpp"
#include "proxy/backend.hpp"

namespace weir {

enum class run_phase : std::uint8_t { starting, serving, draining };

constexpr std::string_view word(run_phase phase) noexcept {
    switch (phase) {
    case run_phase::starting: return "starting";
    case run_phase::serving: return "serving";
    case run_phase::draining: return "draining";
    }
    return "";
}

// In the order of their enumerations
inline constexpr std::array<std::string_view, outcome_count> outcome_words{"good", "alive", "limited", "bad",
                                                                           "ignored"};
inline constexpr std::array<std::string_view, priority_classes> class_words{"critical", "normal", "sheddable"};
/// Of worker_status::responses_total. `none`: the client left before there was anything to answer.
inline constexpr std::array<std::string_view, 6> status_words{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

/// Of worker_status::handshakes and costly_steps.
inline constexpr std::array<std::string_view, 2> handshake_words{"full", "resumed"};
inline constexpr std::array<std::string_view, 2> placement_words{"loop", "pool"};

struct pool_status {
    std::string name;
    offload_pool::counts counts;
};

struct worker_status {
    bool answered = true;  // false: as it was some time ago

    std::uint64_t connections = 0, requests = 0, cut = 0, accept_errors = 0, idle_closed = 0, given_up = 0,
                  hedges_wasted = 0;
    std::int64_t connections_open = 0, requests_open = 0;
    std::uint64_t access_lines_dropped = 0, error_lines_dropped = 0;
    std::array<std::uint64_t, reason_count> refused_total{};
    std::array<std::uint64_t, status_words.size()> responses_total{};
    latency_counts total;
    std::array<std::uint64_t, 2> handshakes{}, server_handshakes{}, costly_steps{};
    std::uint64_t server_handshakes_failed = 0, kernel_tls = 0;
    latency_counts handshake_time;
    std::optional<pool_status> handshake_turns;  // none: threads do it

    double pressure = 0, busy_share = 0;
    pressure_parts parts;
    std::array<bool, shed_steps> step_on{};
    std::array<std::uint64_t, shed_steps> step_taken{};
    std::array<std::uint64_t, priority_classes> shed_total{};
    double shed_share = 0;  // of the normal class
    latency_counts loop_delay;
    nanoseconds waited{};
    std::uint64_t turns = 0, resumed = 0, tasks_live = 0, tasks_spawned = 0;
    std::uint64_t buffers_held = 0, pipes_in_use = 0;
    std::vector<std::vector<std::size_t>> idle_connections;  // by backend and server
};

struct listener_status {
    std::string address;  // as bound
    conf::http_protocol protocol = conf::http_protocol::http;
    unsigned open = 0, limit = 0;
    std::uint64_t total = 0, full_total = 0, clients_refused_total = 0;
    std::size_t clients = 0;
    unsigned handshakes_open = 0;
    std::int64_t certificate_not_after = 0;  // of the first to expire, Unix time; 0: plain
};

struct process_status {
    std::string version;
    run_phase phase = run_phase::starting;
    int pid = 0;
    nanoseconds uptime{};
    unsigned connections_open = 0, connections_limit = 0;
    std::uint64_t connections_full_total = 0;
    std::uint64_t memory_used = 0, memory_limit = 0;
    std::uint64_t replay_held = 0, replay_limit = 0, replay_refused = 0;
    unsigned descriptors_open = 0, descriptors_limit = 0;
    std::uint64_t error_lines_dropped = 0;  // by all
    std::uint64_t events = 0;               // in the journal, ever
    std::vector<listener_status> listeners;
    std::vector<worker_status> workers;
    std::vector<backend_status> backends;
    std::vector<pool_status> pools;
};

}  // namespace weir
