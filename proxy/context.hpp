#pragma once
/// What the request paths of one worker have at hand: the loop, the logs, the backends, chance; passed, never reached for.
///
/// `shared_state` exists once per process and outlives the workers; `worker_context` once per worker, on its thread.
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "lib/async/event.hpp"
#include "lib/async/offload.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/semaphore.hpp"
#include "lib/http/date.hpp"
#include "lib/http/head.hpp"
#include "lib/net/network.hpp"
#include "lib/net/socket.hpp"
#include "lib/net/splice.hpp"
#include "lib/resilience/client_counts.hpp"
#include "lib/resilience/keyed_limit.hpp"
#include "lib/resilience/random.hpp"
#include "lib/resilience/shed_ladder.hpp"
#include "lib/telemetry/access_log.hpp"
#include "lib/telemetry/counter.hpp"
#include "lib/telemetry/error_log.hpp"
#include "lib/telemetry/histogram.hpp"
#include "lib/telemetry/journal.hpp"
#include "lib/telemetry/request_id.hpp"
#include "lib/tls/handshake.hpp"
#include "proxy/backend.hpp"
#include "proxy/gate.hpp"
#include "proxy/log_writer.hpp"
#include "proxy/pool.hpp"
#include "proxy/replay.hpp"
#include "proxy/route.hpp"
#include "proxy/tls_contexts.hpp"

namespace weir {

/// What the whole process knows about the TLS of one listener.
struct listener_tls {
    explicit listener_tls(const conf::server_tls& settings) : gate{settings.handshakes} {}
    context_slot<tls::server_context> context;
    connection_gate gate;  // of handshakes in progress
    std::mutex mutex;      // of `rate`
    token_bucket rate;     // of new ones
};

/// What the whole process knows about one listener.
struct listener_state {
    /// `seed`: drawn at random, so that nobody outside knows which clients share a place of a table.
    listener_state(const conf::listener& settings, std::uint64_t seed)
        : gate{settings.max_connections}, routes{settings, seed},
          clients{settings.max_connections_per_client > 0 ? settings.max_connections : 1,
                  settings.max_connections_per_client},
          tls{settings.tls ? std::make_unique<listener_tls>(*settings.tls) : nullptr} {
        const auto& each = settings.connection_rate;
        if (each.requests > 0) rate.emplace(token_rate{each.requests, each.per, each.burst}, clients_remembered, seed);
    }
    connection_gate gate;
    route_table routes;
    std::mutex mutex;                   // of the next two
    client_counts clients;              // connections by client address
    std::optional<keyed_limit> rate;    // of new ones, the same way
    std::unique_ptr<listener_tls> tls;  // null: plain
    std::atomic<std::uint64_t> connections_total{0}, clients_refused_total{0};
};

/// What the process as a whole contributes to the pressure; written by its sampler, read by all workers.
struct process_load {
    std::atomic<std::uint64_t> memory_used{0}, memory_limit{0};  // bytes; a limit of 0 is not known
    std::atomic<unsigned> descriptors_open{0}, descriptors_limit{0};
};

struct shared_state {
    shared_state(const conf::config& settings, unsigned max_connections, std::uint64_t seed);
    /// Contexts for new handshakes; from one thread.
    void take(tls_contexts contexts);

    const conf::config& config;
    connection_gate connections;           // over all listeners
    std::deque<listener_state> listeners;  // in the order of config.listeners
    process_load load;
    journal events{4096};
    replay_memory replays;
    std::deque<backend> backends;                               // in the order of config.backends
    std::deque<context_slot<tls::client_context>> backend_tls;  // likewise; without a context: plain
    std::shared_ptr<log_target> access_log;                     // null: off
    std::shared_ptr<log_target> error_log;
    offload_pool disk{"weir-log", 1, 1024};
    offload_pool dns{"weir-dns", 2, 256};
    std::unique_ptr<offload_pool> handshakes;  // null: nobody speaks TLS
};

/// Why a connection broke: what the peer did, unless we gave it up ourselves.
inline reason broken_by(const io_error& how, reason by_peer) noexcept {
    return how.code == io_error::given_up ? reason::overloaded : by_peer;
}

/// Heads between two uses: a request needs one of each kind, and their memory is worth keeping.
template <class Head>
class head_store {
public:
    std::unique_ptr<Head> take() {
        if (kept_.empty()) return std::make_unique<Head>();
        auto head = std::move(kept_.back());
        kept_.pop_back();
        return head;
    }
    void give_back(std::unique_ptr<Head> head) {
        if (kept_.size() >= most) return;
        head->clear();
        kept_.push_back(std::move(head));
    }

private:
    static constexpr std::size_t most = 64;
    std::vector<std::unique_ptr<Head>> kept_;
};

/// A worker's view of a backend: its own pools beside what is shared.
struct backend_view {
    backend_view(backend& of, const context_slot<tls::client_context>& tls, loop& time, random_source& chance);
    backend& shared;
    const context_slot<tls::client_context>& tls;
    std::vector<std::unique_ptr<connection_pool>> pools;  // one per server
    std::vector<std::unique_ptr<semaphore>>
        connecting;                           // connects under way, one per server: no storm on one that restarts
    std::deque<tls::session_store> sessions;  // one per server
};

/// A worker's view of a listener.
struct listener_view {
    listener_view(const conf::listener& settings, std::string name, listener_state& shared);
    const conf::listener& settings;
    std::string name;  // the address as bound, for the logs
    listener_state& shared;
    network_set trusted;
    bool tells_tls_facts;
};

/// A client connection that waits for its next request.
struct idle_client : list_node {
    explicit idle_client(byte_stream& whose) noexcept : stream{whose}, since{whose.time().now()} {}
    byte_stream& stream;
    time_point since;
};

/// Written by its worker, read by the process.
struct worker_numbers {
    counter connections_total;
    gauge connections_open;
    counter requests_total;
    gauge requests_open;
    counter cut_total;  // connections ended by the drain deadline
    counter accept_errors_total;
    counter idle_closed_total;    // connections that waited for their next request, closed to ease the pressure
    counter given_up_total;       // streams that held too much when memory ran out
    counter hedges_wasted_total;  // connections of tries that were not needed in the end
    std::array<counter, reason_count> refused_total;  // by reason, before a backend was asked
    std::array<counter, 6> responses_total;           // by the first digit of the status
    latency_histogram total;                          // requests, first byte to last
    counter handshakes_full, handshakes_resumed;      // with clients; those that failed are in refused_total
    counter kernel_tls_total;                         // of them, whose records the kernel came to seal
    counter server_handshakes_full, server_handshakes_resumed, server_handshakes_failed;
    latency_histogram handshake_time;  // with clients, from a whole ClientHello on
    latency_histogram loop_delay;
};

struct worker_context {
    worker_context(loop& time, unsigned number, shared_state& shared, std::uint64_t seed);

    loop& time;
    const unsigned number;
    shared_state& shared;
    stream_context streams;
    /// How connections to servers are made; tests have their own transport.
    std::function<task<io_result<connected>>(stream_context&, std::vector<address>)> connect = connect_any;
    pipe_pool pipes;
    random_source chance;
    request_id_source request_ids;
    std::deque<backend_view> backends;
    std::unique_ptr<offload_pool> handshake_turns;    // on a single core; null: threads do it
    std::unique_ptr<tls::handshake_desk> handshakes;  // null: nobody speaks TLS
    worker_numbers numbers;

    std::unique_ptr<log_writer> access_lines;  // null: off
    log_writer error_lines;
    error_log errors;
    access_formatter format;
    http::date_clock date;

    /// For composing heads and small messages: filled and written without a suspension between (see byte_stream).
    std::string scratch;
    std::string log_line;
    head_store<http::request_head> request_heads;
    head_store<http::response_head> response_heads;

    /// The process is going down: say `Connection: close` wherever possible.
    bool closing = false;
    /// Further down: close connections as soon as they have no request.
    bool closing_idle = false;
    list<idle_client> idle_clients;  // longest idle first

    shed_ladder ladder;
    /// A wait in which nothing has to happen: under pressure it is cut short.
    nanoseconds idle_wait(nanoseconds configured) const noexcept {
        if (!ladder.close_idle()) return configured;
        return nanoseconds{
            static_cast<std::int64_t>(static_cast<double>(configured.count()) * ladder.idle_timeout_scale())};
    }

    void log(log_level level, std::string_view message) { errors.write(level, message, time.wall_us()); }
    void log_access(const access_record& record);
    std::string_view date_now() { return date.at(time.wall_us()); }

    /// Tries that were overtaken, and may still leave a connection worth keeping (leftover.hpp). Last: they refer to the rest.
    scope leftovers;
};

}  // namespace weir
