#include "proxy/status_page.hpp"

#include "lib/telemetry/json.hpp"

namespace weir {
namespace {

double ms(nanoseconds t) { return std::chrono::duration<double, std::milli>{t}.count(); }
double ms(std::uint64_t us) { return static_cast<double>(us) / 1e3; }

void spread(json_writer& json, std::string_view name, const latency_counts& of) {
    json.open_object(name);
    json.member("count", of.total());
    json.member("mean", of.total() == 0 ? 0.0 : ms(of.sum_us()) / static_cast<double>(of.total()));
    json.member("p50", ms(of.quantile_us(0.5)));
    json.member("p90", ms(of.quantile_us(0.9)));
    json.member("p99", ms(of.quantile_us(0.99)));
    json.member("p999", ms(of.quantile_us(0.999)));
    json.close_object();
}

/// An array as an object, its members named by `word_of(index)`.
void named(json_writer& json, std::string_view name, const auto& values, auto word_of) {
    json.open_object(name);
    for (std::size_t i = 0; i < values.size(); ++i) json.member(word_of(i), values[i]);
    json.close_object();
}

void reasons(json_writer& json, std::string_view name, const std::array<std::uint64_t, reason_count>& counts) {
    json.open_object(name);
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] > 0) json.member(word(static_cast<reason>(i)), counts[i]);
    json.close_object();
}

const auto class_word = [](std::size_t i) { return class_words[i]; };
const auto step_word = [](std::size_t i) { return word(static_cast<shed_step>(i)); };

void tell(json_writer& json, const listener_status& of) {
    json.open_object();
    json.member("address", of.address);
    json.member("protocol", of.protocol == conf::http_protocol::http ? "http" : "tcp");
    json.member("connections_open", of.open);
    json.member("connections_limit", of.limit);
    json.member("connections_total", of.total);
    json.member("connections_full_total", of.full_total);
    json.member("clients_refused_total", of.clients_refused_total);
    json.close_object();
}

void tell_strain(json_writer& json, const worker_status& of) {
    json.member("pressure", of.pressure);
    json.open_object("pressure_parts");
    json.member("loop_delay", of.parts.loop_delay);
    json.member("busy", of.parts.busy);
    json.member("offload", of.parts.offload);
    json.member("memory", of.parts.memory);
    json.member("descriptors", of.parts.descriptors);
    json.close_object();
    named(json, "shed_step_on", of.step_on, step_word);
    named(json, "shed_step_taken_total", of.step_taken, step_word);
    named(json, "shed_refused_total", of.shed_total, class_word);
    json.member("shed_normal_share", of.shed_share);
    json.open_object("loop");
    spread(json, "delay_ms", of.loop_delay);
    json.member("busy_share", of.busy_share);
    json.member("waited_ms", ms(of.waited));
    json.member("turns_total", of.turns);
    json.member("resumed_total", of.resumed);
    json.member("tasks_live", of.tasks_live);
    json.member("tasks_spawned_total", of.tasks_spawned);
    json.close_object();
}

void tell(json_writer& json, const worker_status& of) {
    json.open_object();
    json.member("answered", of.answered);
    json.member("connections_total", of.connections);
    json.member("connections_open", of.connections_open);
    json.member("connections_cut_total", of.cut);
    json.member("connections_idle_closed_total", of.idle_closed);
    json.member("accept_errors_total", of.accept_errors);
    json.member("requests_total", of.requests);
    json.member("requests_open", of.requests_open);
    named(json, "responses_total", of.responses_total, [](std::size_t i) { return status_words[i]; });
    reasons(json, "refused_total", of.refused_total);
    spread(json, "request_ms", of.total);
    json.member("access_lines_dropped_total", of.access_lines_dropped);
    json.member("error_lines_dropped_total", of.error_lines_dropped);
    json.member("buffers_held_bytes", of.buffers_held);
    json.member("pipes_in_use", of.pipes_in_use);
    tell_strain(json, of);
    json.close_object();
}

void tell(json_writer& json, const server_status& of, std::size_t idle) {
    json.open_object();
    json.member("name", of.name);
    json.member("verdict", of.verdict);
    json.member("healthy", of.healthy);
    json.member("backup", of.backup);
    json.open_object("breaker");
    json.member("state", of.breaker);
    json.member("cause", of.breaker_cause);
    json.member("in_state_ms", ms(of.in_state));
    json.member("generation", of.breaker_generation);
    json.member("opened_total", of.breaker_opened_total);
    json.member("probes_total", of.probes_total);
    json.close_object();
    json.member("ejections_total", of.ejections_total);
    json.member("in_flight", of.in_flight);
    json.member("limit", of.limit);
    json.member("weight", of.weight);
    json.member("share", of.share);
    json.member("base_ms", ms(of.base));
    json.member("latency_ms", ms(of.latency));
    json.member("connections_idle", idle);
    named(json, "tries", of.tries, [](std::size_t i) { return word(static_cast<try_kind>(i)); });
    named(json, "outcomes", of.outcomes, [](std::size_t i) { return outcome_words[i]; });
    spread(json, "first_byte_ms", of.first_byte);
    json.close_object();
}

void tell(json_writer& json, const process_status& whole, std::size_t which) {
    const auto& of = whole.backends[which];
    json.open_object();
    json.member("name", of.name);
    json.member("requests_total", of.requests_total);
    reasons(json, "refused_total", of.refused_total);
    json.member("in_flight", of.in_flight);
    json.member("limit", of.limit);
    json.member("usable", of.usable);
    json.member("panic", of.panic);
    named(json, "queued", of.queued, class_word);
    named(json, "late", of.late, class_word);
    json.member("queue_places", of.queue_places);
    json.member("patience_ms", ms(of.patience));
    spread(json, "queue_wait_ms", of.queue_wait);
    json.member("budget_tokens", of.budget_tokens);
    json.member("budget_refused_total", of.budget_refused_total);
    json.open_array("servers");
    for (std::size_t i = 0; i < of.servers.size(); ++i) tell(json, of.servers[i], whole.idle_connections(which, i));
    json.close_array();
    json.close_object();
}

void tell(json_writer& json, const pool_status& of) {
    json.open_object();
    json.member("name", of.name);
    json.member("queued", of.counts.queued);
    json.member("busy", of.counts.busy);
    json.member("threads", of.counts.threads);
    json.member("done_total", of.counts.done);
    json.member("refused_total", of.counts.refused);
    json.member("skipped_total", of.counts.skipped);
    json.member("waited_ms", ms(of.counts.waited));
    json.member("longest_wait_ms", ms(of.counts.longest_wait));
    json.close_object();
}

void list_of(json_writer& json, std::string_view name, const auto& items) {
    json.open_array(name);
    for (const auto& each : items) tell(json, each);
    json.close_array();
}

}  // namespace

void append_status(std::string& out, const process_status& status) {
    json_writer json{out};
    json.open_object();
    json.member("version", status.version);
    json.member("phase", word(status.phase));
    json.member("pid", status.pid);
    json.member("uptime_ms", ms(status.uptime));
    json.member("connections_open", status.connections_open);
    json.member("connections_limit", status.connections_limit);
    json.member("connections_full_total", status.connections_full_total);
    json.member("memory_used_bytes", status.memory_used);
    json.member("memory_limit_bytes", status.memory_limit);
    json.member("descriptors_open", status.descriptors_open);
    json.member("descriptors_limit", status.descriptors_limit);
    json.member("error_lines_dropped_total", status.error_lines_dropped);
    list_of(json, "listeners", status.listeners);
    list_of(json, "workers", status.workers);
    json.open_array("backends");
    for (std::size_t i = 0; i < status.backends.size(); ++i) tell(json, status, i);
    json.close_array();
    list_of(json, "offload_pools", status.pools);
    json.close_object();
    out.push_back('\n');
}

}  // namespace weir
