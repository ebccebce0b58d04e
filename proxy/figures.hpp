#pragma once
/// Every figure that weir tells of itself, once: its name, its meaning, and where it is read.
///
///     struct teller { void gauge(name, help, read); void counter(name, help, read); ... };
///     figures_of_server(teller);         // calls it for one figure after the other
///
/// The pages are tellers: metrics_page.cpp makes samples for Prometheus of them, status_page.cpp members of JSON objects. A name
/// says neither whose figure it is nor the unit; each page adds these in its own way, after the type of what is read:
///
///                      /metrics, of a server             /status
///     nanoseconds      weir_server_latency_seconds       "latency_ms"
///     latency_counts   ..._seconds, a histogram          "..._ms": count, mean and percentiles
///     anything else    weir_server_in_flight             "in_flight"
///
/// What a teller is asked for:
///     counter, gauge  a number, a truth (1 or 0) or a duration, or one of these by a word of a closed list, from an array
///     spread          a latency_counts
///     state           a word of a closed list; for Prometheus a gauge for each, 1 for the one that is
///     detail          what is of no use as a time series; not in /metrics
///
/// Figures are told of many things at once in /metrics and of one in /status; `read` is given one. Those of
/// sums_of_worker() are added up over the workers in /metrics, where only the sum is of interest.
#include <array>
#include <span>
#include <string_view>

#include "proxy/status.hpp"

namespace weir {

/// The members of an array, by name: the label that Prometheus needs, and its values.
struct by_words {
    std::string_view label;
    std::span<const std::string_view> words;
    bool all = true;  // else only those that are not 0
};

/// The words of an enumeration that has `word()`.
template <class Enum, std::size_t count>
std::span<const std::string_view> words_of() {
    static const auto all = [] {
        std::array<std::string_view, count> words;
        for (std::size_t i = 0; i < count; ++i) words[i] = word(static_cast<Enum>(i));
        return words;
    }();
    return all;
}

inline by_words by_reason() { return {"reason", words_of<reason, reason_count>(), false}; }
inline by_words by_class() { return {"class", class_words}; }
inline by_words by_step() { return {"step", words_of<shed_step, shed_steps>()}; }

template <class Teller>
void figures_of_process(Teller& tell) {
    using of = process_status;
    tell.detail("version", &of::version);
    tell.detail("pid", &of::pid);
    tell.gauge("uptime", "Since the process began.", &of::uptime);
    tell.state("phase", "1 for what the process is doing.", [](const of& s) { return word(s.phase); },
               by_words{"phase", words_of<run_phase, 3>()});
    tell.gauge("connections_open", "Client connections.", &of::connections_open);
    tell.gauge("connections_limit", "Client connections that there may be.", &of::connections_limit);
    tell.counter("connections_full_total", "How often a client had to wait because there were that many.",
                 &of::connections_full_total);
    tell.gauge("memory_used_bytes", "Resident memory of the process.", &of::memory_used);
    tell.gauge("memory_limit_bytes", "What it may use; 0: not known.", &of::memory_limit);
    tell.gauge("replay_held_bytes", "Request bodies kept for another try.", &of::replay_held);
    tell.gauge("replay_limit_bytes", "What may be kept of them.", &of::replay_limit);
    tell.counter("replay_refused_total", "Bodies that could not be kept because there were so many.",
                 &of::replay_refused);
    tell.gauge("descriptors_open", "Open descriptors.", &of::descriptors_open);
    tell.gauge("descriptors_limit", "Descriptors that may be open.", &of::descriptors_limit);
    tell.counter("events_total", "Decisions of breakers, health checks and the like; /events tells the latest.",
                 &of::events);
    tell.counter("error_lines_dropped_total", "Lines of the error log that found its queue full.",
                 &of::error_lines_dropped);
}

template <class Teller>
void figures_of_listener(Teller& tell) {
    using of = listener_status;
    tell.detail("address", &of::address);
    tell.detail("protocol", [](const of& l) { return l.protocol == conf::http_protocol::http ? "http" : "tcp"; });
    tell.counter("connections_total", "Client connections that were accepted.", &of::total);
    tell.gauge("connections_open", "Client connections.", &of::open);
    tell.gauge("connections_limit", "Client connections that there may be.", &of::limit);
    tell.counter("connections_full_total", "How often a client had to wait because there were that many.",
                 &of::full_total);
    tell.gauge("clients", "Clients that have a connection; counted only where there is a limit for each.",
               &of::clients);
    tell.gauge("tls_handshakes_open", "TLS handshakes in progress.", &of::handshakes_open);
    tell.gauge("tls_certificate_not_after_seconds",
               "When the first of its certificates expires, in Unix time; 0: plain.", &of::certificate_not_after);
    tell.counter("clients_refused_total", "Connections that were one too many of their client's, or came too soon.",
                 &of::clients_refused_total);
}

/// What all workers do together.
template <class Teller>
void sums_of_worker(Teller& tell) {
    using of = worker_status;
    tell.counter("connections_total", "Client connections that were accepted.", &of::connections);
    tell.counter("connections_cut_total", "Client connections ended by the deadline of a drain.", &of::cut);
    tell.counter("connections_idle_closed_total", "Client connections without a request, closed to ease the pressure.",
                 &of::idle_closed);
    tell.counter("connections_given_up_total", "Connections that held the most when memory ran out, and were reset.",
                 &of::given_up);
    tell.counter("accept_errors_total", "Clients that could not be accepted for want of descriptors or memory.",
                 &of::accept_errors);
    tell.counter("requests_total", "Requests that were begun.", &of::requests);
    tell.gauge("requests_open", "Requests in progress.", &of::requests_open);
    tell.counter("responses_total", "Requests that have ended, by what the client was answered.", &of::responses_total,
                 by_words{"class", status_words});
    tell.counter("refused_total", "Refused before a backend was asked.", &of::refused_total, by_reason());
    tell.counter("shed_refused_total", "Requests refused because of the pressure.", &of::shed_total, by_class());
    tell.counter("hedge_wasted_connections_total",
                 "Connections to servers closed because another try of a hedge or a race was faster.",
                 &of::hedges_wasted);
    tell.counter("tls_handshakes_total", "TLS handshakes with clients; those that failed are in refused_total.",
                 &of::handshakes, by_words{"kind", handshake_words});
    tell.spread("tls_handshake", "From a whole ClientHello to the end of the handshake.", &of::handshake_time);
    tell.counter("tls_kernel_connections_total", "Connections to clients whose records the kernel came to seal.",
                 &of::kernel_tls);
    tell.counter("tls_server_handshakes_total", "TLS handshakes with servers.", &of::server_handshakes,
                 by_words{"kind", handshake_words});
    tell.counter("tls_server_handshakes_failed_total", "Those that failed.", &of::server_handshakes_failed);
    tell.counter("tls_costly_steps_total", "Costly steps of handshakes, by where they ran.", &of::costly_steps,
                 by_words{"where", placement_words});
    tell.spread("request", "From the first byte of a request to the last of its response.", &of::total);
    tell.counter("access_lines_dropped_total", "Lines of the access log that found its queue full.",
                 &of::access_lines_dropped);
}

template <class Teller>
void figures_of_worker(Teller& tell) {
    using of = worker_status;
    tell.gauge("answered", "0: too busy to answer in time; its other figures are of the last time.", &of::answered);
    tell.detail("connections_open", &of::connections_open);
    tell.gauge("pressure_ratio", "How short it is of something: 0, at ease, to 1.", &of::pressure);
    tell.gauge("pressure_part_ratio", "Of what it is short.", [](const of& w) { return w.parts.values(); },
               by_words{"part", pressure_parts::words});
    tell.gauge("shed_step_on", "1: given up at present.", &of::step_on, by_step());
    tell.counter("shed_step_taken_total", "How often it was given up anew.", &of::step_taken, by_step());
    tell.gauge("shed_normal_ratio", "Share of the normal requests that is refused.", &of::shed_share);
    tell.spread("loop_delay", "How late the loop did what was due.", &of::loop_delay);
    tell.gauge("loop_busy_ratio", "Share of the last 50 ms in which the loop had something to do.", &of::busy_share);
    tell.counter("loop_waited", "Time in which the loop had nothing to do.", &of::waited);
    tell.counter("loop_turns_total", "Turns of the loop.", &of::turns);
    tell.counter("coroutines_resumed_total", "Coroutines resumed by the loop.", &of::resumed);
    tell.gauge("tasks_live", "Tasks that run in a scope: connections and their like.", &of::tasks_live);
    tell.counter("tasks_spawned_total", "Tasks begun in a scope.", &of::tasks_spawned);
    tell.gauge("buffers_held_bytes", "Memory for bytes on their way.", &of::buffers_held);
    tell.gauge("pipes_in_use", "Pipes through which bulk is spliced.", &of::pipes_in_use);
}

template <class Teller>
void figures_of_pool(Teller& tell) {
    using of = pool_status;
    const auto count = [](auto member) { return [member](const of& p) { return p.counts.*member; }; };
    using counts = offload_pool::counts;
    tell.detail("name", &of::name);
    tell.gauge("queued", "Jobs that wait.", count(&counts::queued));
    tell.gauge("busy", "Threads at work.", count(&counts::busy));
    tell.gauge("threads", "Threads that there are; 0: a worker does its jobs in turns.", count(&counts::threads));
    tell.counter("done_total", "Jobs done.", count(&counts::done));
    tell.counter("spared_total", "Of these, with processor time that nobody else wanted.", count(&counts::spared));
    tell.counter("refused_total", "Jobs that found the queue full.", count(&counts::refused));
    tell.counter("skipped_total", "Jobs that nobody waited for any more.", count(&counts::skipped));
    tell.counter("expired_total", "Jobs that waited for too long.", count(&counts::expired));
    tell.counter("wait", "Time in the queue, of all jobs together.", count(&counts::waited));
    tell.gauge("longest_wait", "The longest time in the queue so far.", count(&counts::longest_wait));
    tell.counter("work", "Time at work, on all jobs together.", count(&counts::worked));
}

template <class Teller>
void figures_of_backend(Teller& tell) {
    using of = backend_status;
    tell.detail("name", &of::name);
    tell.counter("requests_total", "Requests for the backend.", &of::requests_total);
    tell.counter("refused_total", "Requests that the backend did not get, or get an answer from.", &of::refused_total,
                 by_reason());
    tell.gauge("in_flight", "Tries in flight.", &of::in_flight);
    tell.gauge("limit", "Tries that may be in flight; absent: each server has its own limit.", &of::limit);
    tell.gauge("usable_servers", "Servers that may be used.", &of::usable);
    tell.gauge("panic", "1: so few are usable that all are used that are not known to be dead.", &of::panic);
    tell.gauge("retry_budget_tokens", "Further tries that the budget would pay for now.", &of::budget_tokens);
    tell.counter("retry_budget_refused_total", "Further tries that the budget did not pay for.",
                 &of::budget_refused_total);
    tell.gauge("queued", "Tries that wait for a place.", &of::queued, by_class());
    tell.gauge("queue_late", "1: the queue has been standing; who waits too long is refused early.", &of::late,
               by_class());
    tell.gauge("queue_places", "Tries that may wait.", &of::queue_places);
    tell.gauge("queue_patience", "How long a try may wait.", &of::patience);
    tell.spread("queue_wait", "How long tries waited for their place.", &of::queue_wait);
    tell.gauge("recent_p50", "Median time to the head of a response, of the last ten seconds.",
               [](const of& b) { return b.recent.p50; });
    tell.gauge("recent_p95", "95th percentile of these.", [](const of& b) { return b.recent.p95; });
    tell.gauge("recent_p99", "99th percentile of these.", [](const of& b) { return b.recent.p99; });
}

template <class Teller>
void figures_of_breaker(Teller& tell) {
    using of = breaker_status;
    tell.state("breaker", "1 for the state of the circuit breaker.", &of::breaker,
               by_words{"state", words_of<circuit_breaker::state, breaker_states>()});
    tell.detail("breaker_cause", &of::breaker_cause);
    tell.detail("breaker_generation", &of::breaker_generation);
    tell.gauge("breaker_state", "How long it has been in that state.", &of::in_state);
    tell.gauge("breaker_open_for", "What is left of the time for which it is open.", &of::open_for);
    tell.counter("breaker_changes_total", "Changes of the breaker's state, by cause.", &of::breaker_changes,
                 by_words{"cause", words_of<circuit_breaker::cause, breaker_causes>(), false});
    tell.counter("breaker_results_ignored_total", "Results from before its last change, which have no say any more.",
                 &of::results_ignored);
    tell.counter("breaker_opened_total", "How often the breaker opened.", &of::breaker_opened_total);
    tell.counter("breaker_probes_total", "Tries that were to find out whether it works again.", &of::probes_total);
}

template <class Teller>
void figures_of_route(Teller& tell) {
    using of = route_status;
    tell.detail("name", &of::name);
    tell.gauge("in_flight", "Tries in flight on a route that has a limit or breakers of its own.", &of::in_flight);
    tell.gauge("limit", "Tries that may be in flight on it; absent: no limit of its own.", &of::limit);
}

template <class Teller>
void figures_of_server(Teller& tell) {
    using of = server_status;
    tell.detail("name", &of::name);
    tell.detail("verdict", &of::verdict);
    tell.detail("backup", &of::backup);
    tell.gauge("up", "1: neither down nor ejected, its breaker closed.", [](const of& s) { return s.verdict == "up"; });
    tell.gauge("healthy", "0: the active checks say that it is down.", &of::healthy);
    tell.counter("ejections_total", "How often it was ejected as an outlier.", &of::ejections_total);
    tell.gauge("ejected_for", "How long it will still be ejected.", &of::ejected_for);
    figures_of_breaker(tell);
    tell.gauge("in_flight", "Tries in flight.", &of::in_flight);
    tell.gauge("limit", "Tries that may be in flight; absent: the backend has a limit.", &of::limit);
    tell.gauge("weight", "Its weight in the configuration.", &of::weight);
    tell.gauge("weight_ratio", "Share of the weight that it has now: slow start, slowness.", &of::share);
    tell.detail("limit_state", &of::limit_state);
    tell.detail("limit_verdict", &of::limit_verdict);
    tell.counter("limit_experiments_total", "How often the limit was cut or raised to see whether there is a queue.",
                 &of::limit_experiments);
    tell.gauge("median", "Median response time of the limit's last window.", &of::median);
    tell.gauge("base", "Response time without a queue, as the limit has learned it.", &of::base);
    tell.gauge("latency", "Moving average of the response time that follows its peaks.", &of::latency);
    tell.gauge("connections_idle", "Connections kept for the next request.", &of::connections_idle);
    tell.counter("tries_total", "Tries, by why they were made.", &of::tries,
                 by_words{"kind", words_of<try_kind, try_kind_count>()});
    tell.counter("outcomes_total", "Tries that have ended, by how.", &of::outcomes, by_words{"outcome", outcome_words});
    tell.spread("first_byte", "From the dispatch of a try to the head of its response.", &of::first_byte);
}

}  // namespace weir
