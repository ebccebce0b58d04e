#include "proxy/metrics_page.hpp"

#include <algorithm>
#include <functional>

#include "lib/telemetry/prometheus.hpp"

namespace weir {
namespace {

constexpr auto counted = metric_kind::counter;
constexpr auto gauged = metric_kind::gauge;
constexpr auto spread = metric_kind::histogram;

double seconds(nanoseconds t) { return std::chrono::duration<double>{t}.count(); }

/// In base units; what is not there has no sample.
void put(prometheus_page& page, prometheus_page::labels whose, const auto& value) {
    using value_type = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<value_type, nanoseconds>) page.add(whose, seconds(value));
    else if constexpr (std::is_same_v<value_type, std::optional<unsigned>>) {
        if (value) page.add(whose, *value);
    } else page.add(whose, value);
}

/// The sum over the workers.
auto sum_of(const process_status& s, auto of_one) {
    std::remove_cvref_t<std::invoke_result_t<decltype(of_one), const worker_status&>> sum{};
    for (const auto& each : s.workers) {
        if constexpr (std::is_same_v<decltype(sum), latency_counts>) sum.merge(std::invoke(of_one, each));
        else sum += std::invoke(of_one, each);
    }
    return sum;
}

/// The metrics of one kind of thing: what they are read from is named once, and each metric is a line.
class writer {
public:
    writer(std::string& out, const process_status& status) : page_{out}, s_{status} {
        for (std::size_t i = 0; i < s_.workers.size(); ++i) worker_names_.push_back(std::to_string(i));
        for (const auto& each : s_.backends) server_names_.push_back(unique_names(each));
    }
    void process();
    void requests();
    void listeners();
    void workers();
    void shedding();
    void offload();
    void backends();
    void queues();
    void servers();
    void tries();

private:
    static std::vector<std::string> unique_names(const backend_status& of) {
        std::vector<std::string> names;
        for (const auto& each : of.servers) {
            const auto before = std::ranges::count(of.servers.begin(), of.servers.begin() + std::ssize(names),
                                                   each.name, &server_status::name);
            names.push_back(before == 0 ? each.name : each.name + "#" + std::to_string(before + 1));
        }
        return names;
    }

    void one(std::string_view name, metric_kind kind, std::string_view help, const auto& value) {
        page_.begin(name, kind, help);
        put(page_, {}, value);
    }
    void each_listener(std::string_view name, metric_kind kind, std::string_view help, auto of_one) {
        page_.begin(name, kind, help);
        for (const auto& l : s_.listeners) put(page_, {{"listener", l.address}}, std::invoke(of_one, l));
    }
    void each_worker(std::string_view name, metric_kind kind, std::string_view help, auto of_one) {
        page_.begin(name, kind, help);
        for (std::size_t i = 0; i < s_.workers.size(); ++i)
            put(page_, {{"worker", worker_names_[i]}}, std::invoke(of_one, s_.workers[i]));
    }
    void each_pool(std::string_view name, metric_kind kind, std::string_view help, auto of_counts) {
        page_.begin(name, kind, help);
        for (const auto& p : s_.pools) put(page_, {{"pool", p.name}}, std::invoke(of_counts, p.counts));
    }
    void each_backend(std::string_view name, metric_kind kind, std::string_view help, auto of_one) {
        page_.begin(name, kind, help);
        for (const auto& b : s_.backends) put(page_, {{"backend", b.name}}, std::invoke(of_one, b));
    }
    void each_class(std::string_view name, std::string_view help, auto array_of) {
        page_.begin(name, gauged, help);
        for (const auto& b : s_.backends)
            for (std::size_t i = 0; i < priority_classes; ++i)
                put(page_, {{"backend", b.name}, {"class", class_words[i]}}, std::invoke(array_of, b)[i]);
    }
    /// `then` gets backend and server by number, and their labels.
    void over_servers(auto then) {
        for (std::size_t b = 0; b < s_.backends.size(); ++b)
            for (std::size_t i = 0; i < s_.backends[b].servers.size(); ++i)
                then(b, i, metric_label{"backend", s_.backends[b].name}, metric_label{"server", server_names_[b][i]});
    }
    void each_server(std::string_view name, metric_kind kind, std::string_view help, auto of_one) {
        page_.begin(name, kind, help);
        over_servers([&](std::size_t b, std::size_t i, metric_label backend, metric_label server) {
            put(page_, {backend, server}, std::invoke(of_one, s_.backends[b].servers[i]));
        });
    }
    /// Those that there have been.
    void reasons(prometheus_page::labels whose, const std::array<std::uint64_t, reason_count>& counts);

    prometheus_page page_;
    const process_status& s_;
    std::vector<std::string> worker_names_;
    std::vector<std::vector<std::string>> server_names_;  // by backend
};

void writer::reasons(prometheus_page::labels whose, const std::array<std::uint64_t, reason_count>& counts) {
    for (int i = 0; i < reason_count; ++i) {
        const auto n = counts[static_cast<std::size_t>(i)];
        if (n == 0) continue;
        const metric_label why{"reason", word(static_cast<reason>(i))};
        if (whose.size() == 0) page_.add({why}, n);
        else page_.add({*whose.begin(), why}, n);
    }
}

void writer::process() {
    page_.begin("weir_build_info", gauged, "Always 1; what is running.");
    page_.add({{"version", s_.version}}, 1);
    one("weir_uptime_seconds", gauged, "Since the process began.", s_.uptime);
    page_.begin("weir_phase", gauged, "1 for what the process is doing.");
    for (const auto each : {run_phase::starting, run_phase::serving, run_phase::draining})
        page_.add({{"phase", word(each)}}, s_.phase == each ? 1 : 0);
    one("weir_connections_open", gauged, "Client connections.", s_.connections_open);
    one("weir_connections_limit", gauged, "Client connections that there may be.", s_.connections_limit);
    one("weir_connections_full_total", counted, "How often a client had to wait because there were that many.",
        s_.connections_full_total);
    one("weir_memory_used_bytes", gauged, "Resident memory of the process.", s_.memory_used);
    one("weir_memory_limit_bytes", gauged, "What it may use; 0: not known.", s_.memory_limit);
    one("weir_descriptors_open", gauged, "Open descriptors.", s_.descriptors_open);
    one("weir_descriptors_limit", gauged, "Descriptors that may be open.", s_.descriptors_limit);
    page_.begin("weir_log_lines_dropped_total", counted, "Log lines that found their queue full.");
    page_.add({{"log", "access"}}, sum_of(s_, &worker_status::access_lines_dropped));
    page_.add({{"log", "error"}}, sum_of(s_, &worker_status::error_lines_dropped) + s_.error_lines_dropped);
}

void writer::requests() {
    one("weir_connections_total", counted, "Client connections that were accepted.",
        sum_of(s_, &worker_status::connections));
    one("weir_connections_cut_total", counted, "Client connections ended by the deadline of a drain.",
        sum_of(s_, &worker_status::cut));
    one("weir_connections_idle_closed_total", counted,
        "Client connections without a request, closed to ease the pressure.", sum_of(s_, &worker_status::idle_closed));
    one("weir_accept_errors_total", counted, "Clients that could not be accepted for want of descriptors or memory.",
        sum_of(s_, &worker_status::accept_errors));
    one("weir_requests_total", counted, "Requests that were begun.", sum_of(s_, &worker_status::requests));
    one("weir_requests_open", gauged, "Requests in progress.", sum_of(s_, &worker_status::requests_open));
    page_.begin("weir_responses_total", counted, "Requests that have ended, by what the client was answered.");
    for (std::size_t i = 0; i < status_words.size(); ++i)
        page_.add({{"class", status_words[i]}},
                  sum_of(s_, [i](const worker_status& w) { return w.responses_total[i]; }));
    one("weir_request_seconds", spread, "From the first byte of a request to the last of its response.",
        sum_of(s_, &worker_status::total));
    page_.begin("weir_refused_total", counted, "Refused before a backend was asked.");
    std::array<std::uint64_t, reason_count> refused{};
    for (const auto& each : s_.workers)
        std::ranges::transform(refused, each.refused_total, refused.begin(), std::plus{});
    reasons({}, refused);
}

void writer::listeners() {
    each_listener("weir_listener_connections_total", counted, "Client connections that were accepted.",
                  &listener_status::total);
    each_listener("weir_listener_connections_open", gauged, "Client connections.", &listener_status::open);
    each_listener("weir_listener_connections_limit", gauged, "Client connections that there may be.",
                  &listener_status::limit);
    each_listener("weir_listener_connections_full_total", counted,
                  "How often a client had to wait because there were that many.", &listener_status::full_total);
    each_listener("weir_listener_clients_refused_total", counted,
                  "Connections that were one too many of their client's.", &listener_status::clients_refused_total);
}

void writer::workers() {
    each_worker("weir_worker_answered", gauged,
                "0: too busy to answer in time; its other figures are of the last time.",
                [](const worker_status& w) { return w.answered ? 1 : 0; });
    each_worker("weir_loop_delay_seconds", spread, "How late the loop did what was due.", &worker_status::loop_delay);
    each_worker("weir_loop_turns_total", counted, "Turns of the loop.", &worker_status::turns);
    each_worker("weir_loop_waited_seconds_total", counted, "Time in which the loop had nothing to do.",
                &worker_status::waited);
    each_worker("weir_loop_busy_ratio", gauged, "Share of the last 50 ms in which it had.", &worker_status::busy_share);
    each_worker("weir_coroutines_resumed_total", counted, "Coroutines resumed by the loop.", &worker_status::resumed);
    each_worker("weir_tasks_live", gauged, "Tasks that run in a scope: connections and their like.",
                &worker_status::tasks_live);
    each_worker("weir_tasks_spawned_total", counted, "Tasks begun in a scope.", &worker_status::tasks_spawned);
    each_worker("weir_buffers_held_bytes", gauged, "Memory for bytes on their way.", &worker_status::buffers_held);
    each_worker("weir_pipes_in_use", gauged, "Pipes through which bulk is spliced.", &worker_status::pipes_in_use);
}

void writer::shedding() {
    each_worker("weir_pressure_ratio", gauged, "How short weir is of something: 0, at ease, to 1.",
                &worker_status::pressure);
    page_.begin("weir_pressure_part_ratio", gauged, "Of what it is short.");
    for (std::size_t i = 0; i < s_.workers.size(); ++i) {
        const auto& parts = s_.workers[i].parts;
        const auto add = [&](std::string_view part, double value) {
            page_.add({{"worker", worker_names_[i]}, {"part", part}}, value);
        };
        add("loop_delay", parts.loop_delay);
        add("busy", parts.busy);
        add("offload", parts.offload);
        add("memory", parts.memory);
        add("descriptors", parts.descriptors);
    }
    const auto steps = [this](std::string_view name, metric_kind kind, std::string_view help, auto array_of) {
        page_.begin(name, kind, help);
        for (std::size_t i = 0; i < s_.workers.size(); ++i)
            for (std::size_t step = 0; step < shed_steps; ++step)
                put(page_, {{"worker", worker_names_[i]}, {"step", word(static_cast<shed_step>(step))}},
                    static_cast<std::uint64_t>(std::invoke(array_of, s_.workers[i])[step]));
    };
    steps("weir_shed_step_on", gauged, "1: given up at present.", &worker_status::step_on);
    steps("weir_shed_step_taken_total", counted, "How often it was given up anew.", &worker_status::step_taken);
    page_.begin("weir_shed_refused_total", counted, "Requests refused because of the pressure.");
    for (std::size_t i = 0; i < priority_classes; ++i)
        page_.add({{"class", class_words[i]}}, sum_of(s_, [i](const worker_status& w) { return w.shed_total[i]; }));
    each_worker("weir_shed_normal_ratio", gauged, "Share of the normal requests that is refused.",
                &worker_status::shed_share);
}

void writer::offload() {
    using counts = offload_pool::counts;
    each_pool("weir_offload_queued", gauged, "Jobs that wait for a thread.", &counts::queued);
    each_pool("weir_offload_busy", gauged, "Threads at work.", &counts::busy);
    each_pool("weir_offload_threads", gauged, "Threads that there are.", &counts::threads);
    each_pool("weir_offload_done_total", counted, "Jobs done.", &counts::done);
    each_pool("weir_offload_refused_total", counted, "Jobs that found the queue full.", &counts::refused);
    each_pool("weir_offload_skipped_total", counted, "Jobs that nobody waited for any more.", &counts::skipped);
    each_pool("weir_offload_wait_seconds_total", counted, "Time in the queue, of all jobs together.", &counts::waited);
    each_pool("weir_offload_longest_wait_seconds", gauged, "The longest time in the queue so far.",
              &counts::longest_wait);
}

void writer::backends() {
    each_backend("weir_backend_requests_total", counted, "Requests for the backend.", &backend_status::requests_total);
    page_.begin("weir_backend_refused_total", counted, "Requests that the backend did not get, or get an answer from.");
    for (const auto& b : s_.backends) reasons({{"backend", b.name}}, b.refused_total);
    each_backend("weir_backend_in_flight", gauged, "Tries in flight.", &backend_status::in_flight);
    each_backend("weir_backend_limit", gauged, "Tries that may be in flight; absent: each server has its own limit.",
                 &backend_status::limit);
    each_backend("weir_backend_usable_servers", gauged, "Servers that may be used.", &backend_status::usable);
    each_backend("weir_backend_panic", gauged, "1: so few are usable that all are used that are not known to be dead.",
                 [](const backend_status& b) { return b.panic ? 1 : 0; });
    each_backend("weir_backend_retry_budget_tokens", gauged, "Further tries that the budget would pay for now.",
                 &backend_status::budget_tokens);
    each_backend("weir_backend_retry_budget_refused_total", counted, "Further tries that the budget did not pay for.",
                 &backend_status::budget_refused_total);
}

void writer::queues() {
    each_class("weir_backend_queued", "Tries that wait for a place.", &backend_status::queued);
    each_class("weir_backend_queue_late", "1: the queue has been standing; who waits too long is refused early.",
               [](const backend_status& b) {
        std::array<int, priority_classes> late{};
        std::ranges::copy(b.late, late.begin());
        return late;
    });
    each_backend("weir_backend_queue_places", gauged, "Tries that may wait.", &backend_status::queue_places);
    each_backend("weir_backend_queue_patience_seconds", gauged, "How long a try may wait.", &backend_status::patience);
    each_backend("weir_backend_queue_wait_seconds", spread, "How long tries waited for their place.",
                 &backend_status::queue_wait);
}

void writer::servers() {
    each_server("weir_server_up", gauged, "1: neither down nor ejected, its breaker closed.",
                [](const server_status& s) { return s.verdict == "up" ? 1 : 0; });
    each_server("weir_server_healthy", gauged, "0: the active checks say that it is down.",
                [](const server_status& s) { return s.healthy ? 1 : 0; });
    each_server("weir_server_ejections_total", counted, "How often it was ejected as an outlier.",
                &server_status::ejections_total);
    page_.begin("weir_server_breaker", gauged, "1 for the state of the circuit breaker.");
    over_servers([&](std::size_t b, std::size_t i, metric_label backend, metric_label server) {
        for (int state = 0; state <= static_cast<int>(circuit_breaker::state::forced_closed); ++state) {
            const auto name = word(static_cast<circuit_breaker::state>(state));
            page_.add({backend, server, {"state", name}}, s_.backends[b].servers[i].breaker == name ? 1 : 0);
        }
    });
    each_server("weir_server_breaker_state_seconds", gauged, "How long it has been in that state.",
                &server_status::in_state);
    each_server("weir_server_breaker_opened_total", counted, "How often the breaker opened.",
                &server_status::breaker_opened_total);
    each_server("weir_server_breaker_probes_total", counted, "Tries that were to find out whether it works again.",
                &server_status::probes_total);
    each_server("weir_server_in_flight", gauged, "Tries in flight.", &server_status::in_flight);
    each_server("weir_server_limit", gauged, "Tries that may be in flight; absent: the backend has a limit.",
                &server_status::limit);
    each_server("weir_server_weight", gauged, "Its weight in the configuration.", &server_status::weight);
    each_server("weir_server_weight_ratio", gauged, "Share of the weight that it has now: slow start, slowness.",
                &server_status::share);
    each_server("weir_server_base_seconds", gauged, "Response time without a queue, as the limit has learned it.",
                &server_status::base);
    each_server("weir_server_latency_seconds", gauged, "Moving average of the response time that follows its peaks.",
                &server_status::latency);
    page_.begin("weir_server_connections_idle", gauged, "Connections kept for the next request.");
    over_servers([&](std::size_t b, std::size_t i, metric_label backend, metric_label server) {
        page_.add({backend, server}, s_.idle_connections(b, i));
    });
}

void writer::tries() {
    page_.begin("weir_server_tries_total", counted, "Tries, by why they were made.");
    over_servers([&](std::size_t b, std::size_t i, metric_label backend, metric_label server) {
        for (int kind = 0; kind < try_kind_count; ++kind)
            page_.add({backend, server, {"kind", word(static_cast<try_kind>(kind))}},
                      s_.backends[b].servers[i].tries[static_cast<std::size_t>(kind)]);
    });
    page_.begin("weir_server_outcomes_total", counted, "Tries that have ended, by how.");
    over_servers([&](std::size_t b, std::size_t i, metric_label backend, metric_label server) {
        for (std::size_t how = 0; how < outcome_count; ++how)
            page_.add({backend, server, {"outcome", outcome_words[how]}}, s_.backends[b].servers[i].outcomes[how]);
    });
    each_server("weir_server_first_byte_seconds", spread, "From the dispatch of a try to the head of its response.",
                &server_status::first_byte);
}

}  // namespace

void append_metrics(std::string& out, const process_status& status) {
    writer page{out, status};
    page.process();
    page.requests();
    page.listeners();
    page.workers();
    page.shedding();
    page.offload();
    page.backends();
    page.queues();
    page.servers();
    page.tries();
}

}  // namespace weir
