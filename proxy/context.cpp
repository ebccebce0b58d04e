#include "proxy/context.hpp"

#include "proxy/tls_facts.hpp"

namespace weir {
namespace {

constexpr std::size_t most_pipes = 256;        // per worker; beyond that bulk is copied
constexpr std::size_t connects_at_once = 128;  // to one server, per worker
constexpr std::size_t error_lines_waiting = 1024;
constexpr std::size_t handshakes_waiting = 4096;  // for a thread; the pool's patience is the narrower bound

log_level level_of(conf::log_level level) {
    switch (level) {
    case conf::log_level::debug: return log_level::debug;
    case conf::log_level::info: return log_level::info;
    case conf::log_level::warn: return log_level::warn;
    case conf::log_level::error: return log_level::error;
    }
    std::unreachable();
}

}  // namespace

shared_state::shared_state(const conf::config& settings, unsigned max_connections, std::uint64_t seed)
    : config{settings}, connections{max_connections} {
    random_source seeds{seed};
    bool any_tls = false;
    for (const auto& each : settings.backends) {
        backends.emplace_back(each, seeds(), events);
        backend_tls.emplace_back();
        any_tls |= each.tls.has_value();
    }
    for (const auto& each : settings.listeners) {
        auto& made = listeners.emplace_back(each, seeds());
        any_tls |= each.tls.has_value();
        for (auto& way : made.routes.routes())
            if (way.settings.backend) backends[*way.settings.backend].prepare(way);
    }
    if (!any_tls) return;
    handshakes = std::make_unique<offload_pool>("weir-tls", settings.handshakes.threads, handshakes_waiting,
                                                offload_options{settings.handshakes.patience, spare_time_policy{}});
}

void shared_state::take(tls_contexts contexts) {
    for (std::size_t i = 0; i < listeners.size(); ++i)
        if (auto& to = listeners[i].tls) to->context.replace(std::move(contexts.listeners[i]));
    for (std::size_t i = 0; i < backends.size(); ++i) backend_tls[i].replace(std::move(contexts.backends[i]));
}

backend_view::backend_view(backend& of, const context_slot<tls::client_context>& tls, loop& time, random_source& chance)
    : shared{of}, tls{tls}, sessions(of.servers().size()) {
    for (std::size_t i = 0; i < of.servers().size(); ++i) {
        pools.push_back(std::make_unique<connection_pool>(time, of.settings(), chance));
        connecting.push_back(std::make_unique<semaphore>(time, connects_at_once));
    }
}

listener_view::listener_view(const conf::listener& settings, std::string name, listener_state& shared)
    : settings{settings}, name{std::move(name)}, shared{shared}, tells_tls_facts{weir::tells_tls_facts(settings)} {
    for (const auto& network : settings.trusted) {
        if (network.unix_socket) trusted.add_unix();
        else trusted.add(network.bytes, network.prefix);
    }
}

worker_context::worker_context(loop& time, unsigned number, shared_state& shared, std::uint64_t seed)
    : time{time}, number{number}, shared{shared}, streams{time}, pipes{most_pipes}, chance{seed},
      request_ids{chance(), chance()}, error_lines{time, shared.disk, shared.error_log, error_lines_waiting},
      errors{error_lines, level_of(shared.config.error_level), "worker " + std::to_string(number)}, leftovers{time} {
    for (std::size_t i = 0; i < shared.backends.size(); ++i)
        backends.emplace_back(shared.backends[i], shared.backend_tls[i], time, chance);
    if (shared.handshakes && shared.config.cores == 1)
        handshake_turns = std::make_unique<offload_pool>("tls-turns-" + std::to_string(number), 0, handshakes_waiting,
                                                         offload_options{shared.config.handshakes.patience});
    if (shared.handshakes)
        handshakes = std::make_unique<tls::handshake_desk>(*shared.handshakes, handshake_turns.get());
    if (shared.access_log)
        access_lines = std::make_unique<log_writer>(time, shared.disk, shared.access_log, shared.config.access_queue);
}

void worker_context::log_access(const access_record& record) {
    if (!access_lines) return;
    log_line.clear();
    if (shared.config.access_format == conf::log_format::json) format.append_json(record, log_line);
    else format.append_text(record, log_line);
    access_lines->append(log_line);
}

}  // namespace weir
