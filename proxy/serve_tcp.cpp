#include "proxy/serve_tcp.hpp"

#include "lib/async/race.hpp"
#include "proxy/dial.hpp"
#include "proxy/pick.hpp"
#include "proxy/serve_http.hpp"
#include "proxy/tunnel.hpp"

namespace weir {
namespace {

/// What the access log will say, which it does when this dies: a session that the drain deadline cuts has a line too.
struct tcp_session {
    tcp_session(worker_context& w, const listener_view& listener, const byte_stream& client,
                const backend_view& backend)
        : w{w}, listener{listener}, client{client}, backend{backend}, began{w.time.now()}, id{w.request_ids.next()} {
        moved.why = reason::draining;  // until it has ended by itself
    }
    tcp_session(const tcp_session&) = delete;
    tcp_session& operator=(const tcp_session&) = delete;
    ~tcp_session() { log(); }
    void log() const;

    worker_context& w;
    const listener_view& listener;
    const byte_stream& client;
    const backend_view& backend;
    time_point began;
    request_id id;
    nanoseconds connecting{-1};
    tunnel_result moved;
    const server* chosen = nullptr;
    unsigned tries = 0;
};

void tcp_session::log() const {
    if (!w.access_lines) return;
    const auto us = [](nanoseconds d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); };
    access_record line;
    line.unix_us = w.time.wall_us();
    line.spoken = access_record::protocol::tcp;
    line.client = w.text_of(client.peer(), true);
    line.listener = listener.name;
    line.why = moved.why;
    line.bytes_in = moved.from_client;
    line.bytes_out = moved.from_server;
    if (connecting >= 0ns) line.connect_us = us(connecting);
    line.total_us = us(w.time.now() - began);
    line.backend = backend.shared.name();
    if (chosen) line.server = chosen->name();
    line.tries = tries;
    line.request_id = id.text();
    w.log_access(line);
}

/// One server after the other until one accepts, as often as `retry` allows.
task<std::unique_ptr<server_connection>> connect_to_some_server(worker_context& w, backend_view& backend,
                                                                byte_stream& client, tcp_session& session,
                                                                server::permit& busy) {
    auto& servers = backend.shared.servers();
    auto failed = reason::no_server;
    tried_servers tried;
    for (unsigned left = backend.shared.settings().retries + 1; left > 0; --left) {
        const auto picked = pick_server(backend, tried, w.chance);
        if (!picked) break;
        tried.add(*picked);
        ++session.tries;
        session.chosen = &servers[*picked];
        busy = servers[*picked].begin();
        const auto began = w.time.now();
        auto made = co_await dial(w, backend, *picked, client);
        if (made) {
            session.connecting = w.time.now() - began;
            co_return std::move(*made);
        }
        failed = made.error().why;
        w.log(log_level::warn, std::string{word(made.error().why)} + ": " + made.error().doing);
    }
    busy.reset();
    session.moved.why = failed;
    co_return nullptr;
}

}  // namespace

task<void> serve_tcp(worker_context& w, listener_view& listener, admitted admission) {
    auto& client = *admission.stream;
    if (listener.settings.accept_proxy && !co_await accept_proxy_header(w, listener, client)) co_return;
    auto& backend = w.backends[*listener.settings.default_backend];
    tcp_session session{w, listener, client, backend};
    server::permit busy;
    auto server = co_await connect_to_some_server(w, backend, client, session, busy);
    if (server) {
        session.moved = co_await tunnel(w, client, *server->stream, backend.shared.settings().timeout.tunnel_idle);
    } else {
        client.reset_on_close();
    }
}

}  // namespace weir
