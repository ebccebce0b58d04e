#pragma once
/// A process_status in which everything that a page shows has a value of its own.
#include "proxy/status.hpp"

namespace weir::testing {

inline latency_counts some_times() {
    latency_histogram measured;
    for (const std::uint64_t us : {900u, 2'000u, 40'000u}) measured.record_us(us);
    latency_counts counts;
    measured.add_to(counts);
    return counts;
}

inline process_status sample_status() {
    process_status all;
    all.version = "weir 1.2";
    all.phase = run_phase::serving;
    all.pid = 4711;
    all.uptime = 90s;
    all.connections_open = 3;
    all.connections_limit = 1000;
    all.connections_full_total = 2;
    all.memory_used = 12'345'678;
    all.memory_limit = 99'999'999;
    all.descriptors_open = 41;
    all.descriptors_limit = 1024;
    all.listeners.push_back({"127.0.0.1:8080", conf::http_protocol::http, 3, 900, 77, 5, 6});
    all.listeners.push_back({"127.0.0.1:8081", conf::http_protocol::tcp, 0, 900, 0, 0, 0});
    for (unsigned i = 0; i < 2; ++i) {
        auto& w = all.workers.emplace_back();
        w.connections = 40 + i;
        w.requests = 100 + i;
        w.requests_open = 1;
        w.responses_total = {1, 0, 90, 3, 4, 5};
        w.refused_total[static_cast<std::size_t>(reason::no_route)] = 4;
        w.total = some_times();
        w.loop_delay = some_times();
        w.pressure = 0.5;
        w.parts.memory = 0.5;
        w.step_on[static_cast<std::size_t>(shed_step::no_hedges)] = true;
        w.step_taken[static_cast<std::size_t>(shed_step::no_hedges)] = 7;
        w.waited = 3s;
    }
    all.workers[1].answered = false;
    auto& web = all.backends.emplace_back();
    web.name = "web";
    web.in_flight = 5;
    web.limit = 64;
    web.patience = 100ms;
    web.refused_total[static_cast<std::size_t>(reason::queue_full)] = 9;
    web.queued = {0, 6, 0};
    web.late = {false, true, false};
    web.queue_wait = some_times();
    for (const char* name : {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.2:80"}) {
        auto& s = web.servers.emplace_back();
        s.name = name;
        s.verdict = "up";
        s.breaker = "closed";
        s.breaker_cause = "none";
        s.in_flight = 2;
        s.latency = 3ms;
        s.tries = {50, 3, 2, 1};
        s.outcomes = {40, 5, 1, 9, 1};
        s.first_byte = some_times();
        s.connections_idle = 2;
    }
    web.servers[1].verdict = web.servers[1].breaker = "open";
    web.servers[1].breaker_cause = "streak";
    auto& way = web.routes.emplace_back();
    way.name = "/api@12:5";
    way.in_flight = 3;
    way.limit = 8;
    for (const char* name : {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.2:80"}) {
        auto& breaker = way.breakers.emplace_back();
        breaker.server = name;
        breaker.breaker = "closed";
        breaker.breaker_cause = "none";
    }
    way.breakers[2].breaker = "half_open";
    way.breakers[2].breaker_cause = "share";
    way.breakers[2].open_for = 2s;
    auto& odd = all.backends.emplace_back();
    odd.name = "odd \"name\\";
    odd.servers.emplace_back().name = "unix:/run/a";
    all.pools.push_back({"weir-log", {}});
    all.pools[0].counts.done = 12;
    return all;
}

}  // namespace weir::testing
