#include "proxy/serve_tcp.hpp"

#include <algorithm>

#include "lib/async/race.hpp"
#include "lib/http/host.hpp"
#include "proxy/dial.hpp"
#include "proxy/serve_http.hpp"
#include "proxy/standing.hpp"
#include "proxy/tls_accept.hpp"
#include "proxy/tls_facts.hpp"
#include "proxy/tunnel.hpp"
#include "proxy/turn_away.hpp"

namespace weir {
namespace {

/// What the access log will say, which it does when this dies: a session that the drain deadline cuts has a line too.
struct tcp_session {
    tcp_session(worker_context& w, const listener_view& listener, const byte_stream& client,
                const backend_view& backend)
        : w{w}, listener{listener}, client{client}, backend{&backend}, began{w.time.now()}, id{w.request_ids.next()} {
        moved.why = reason::draining;  // until it has ended by itself
    }
    tcp_session(const tcp_session&) = delete;
    tcp_session& operator=(const tcp_session&) = delete;
    ~tcp_session() { log(); }
    void log() const;

    worker_context& w;
    const listener_view& listener;
    const byte_stream& client;
    const backend_view* backend;
    time_point began;
    request_id id;
    nanoseconds connecting{-1};
    tunnel_result moved;
    const server* chosen = nullptr;
    unsigned tries = 0;
    place on;
};

void tcp_session::log() const {
    if (!w.access_lines) return;
    const auto us = [](nanoseconds d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); };
    access_record line;
    line.unix_us = w.time.wall_us();
    line.spoken = access_record::protocol::tcp;
    line.client = client.peer_text();
    line.listener = listener.name;
    line.why = moved.why;
    line.bytes_in = moved.from_client;
    line.bytes_out = moved.from_server;
    if (connecting >= 0ns) line.connect_us = us(connecting);
    line.total_us = us(w.time.now() - began);
    line.backend = backend->shared.name();
    if (chosen) line.server = chosen->name();
    line.tries = tries;
    tell_tls(line, client);
    line.request_id = id.text();
    w.log_access(line);
}

/// A place on a server, after a wait in the queue if need be.
task<result<place>> find_place(worker_context& w, backend_view& backend, byte_stream& client,
                               const wanted_place& wanted) {
    auto& group = backend.shared;
    auto first = co_await timeout(w.time, group.patience(), race(group.enter(wanted), client.closed()));
    if (!first) co_return fail(reason::queue_timeout, "find a server");
    if (first->index() == 1) co_return fail(reason::client_closed, "find a server");
    auto& entered = std::get<0>(*first);
    if (!entered) co_return fail(entered.error(), "find a server");
    co_return std::move(*entered);
}

/// One server after the other until one accepts, as often as `retry` and its budget allow.
task<std::unique_ptr<server_connection>> connect_to_some_server(worker_context& w, backend_view& backend,
                                                                byte_stream& client, tcp_session& session) {
    auto& group = backend.shared;
    auto failed = reason::no_server;
    tried_servers tried;
    wanted_place wanted{w.time};
    wanted.tried = &tried;
    wanted.fair_key = key_of(client.peer());
    wanted.hash = wanted.fair_key;
    wanted.measured = false;  // how long a session takes says nothing about the server
    for (unsigned left = group.settings().retry.times + 1; left > 0; --left) {
        if (wanted.kind == try_kind::retry &&
            !group.pay_for(try_kind::retry, nullptr, w.time.now(), !w.ladder.retry_reserve_off()))
            break;
        auto found = co_await find_place(w, backend, client, wanted);
        wanted.is_new = false;
        if (!found) {
            if (wanted.kind == try_kind::first) failed = found.error().why;
            break;
        }
        wanted.kind = try_kind::retry;
        session.on = std::move(*found);
        tried.add(session.on.index());
        ++session.tries;
        session.chosen = &session.on.at();
        const auto began = w.time.now();
        auto made = co_await dial(w, backend, session.on.index(), client);
        if (made) {
            session.connecting = w.time.now() - began;
            session.on.report(outcome::good, session.connecting);
            session.on.tell_now();
            co_return std::move(*made);
        }
        failed = made.error().why;
        session.on.report(outcome::bad, w.time.now() - began, failed);
        session.on.leave();
        w.log(log_level::warn, std::string{word(made.error().why)} + ": " + made.error().doing);
    }
    group.refused(failed);
    session.moved.why = failed;
    co_return nullptr;
}

bool matches(const conf::sni_route& route, const tls::client_hello& hello) {
    const auto named = [&](const std::string& pattern) { return http::host_matches(pattern, hello.server_name); };
    const auto offered = [&](const std::string& protocol) {
        return std::ranges::find(hello.alpn, protocol) != hello.alpn.end();
    };
    return (route.names.empty() || std::ranges::any_of(route.names, named)) &&
           (route.alpn.empty() || std::ranges::any_of(route.alpn, offered));
}

/// The backend that the client's ClientHello leads to.
std::optional<std::size_t> backend_for(const conf::listener& settings, const tls::client_hello& hello) {
    const auto found = std::ranges::find_if(settings.sni, [&](const auto& each) { return matches(each, hello); });
    return found == settings.sni.end() ? settings.default_backend : found->backend;
}

/// Looks at the ClientHello where the listener does, and shakes hands where it speaks TLS. The backend; nothing: the client
/// was turned away.
task<std::optional<std::size_t>> begin(worker_context& w, listener_view& listener, byte_stream& client) {
    const auto& settings = listener.settings;
    if (!settings.tls && settings.sni.empty()) co_return settings.default_backend;
    const auto until = w.time.after(settings.timeout.tls);
    const auto hello = co_await read_client_hello(w, listener, client, until);
    if (!hello) co_return std::nullopt;
    const auto backend = backend_for(settings, *hello);
    if (!backend) {
        co_await refuse_name(w, client, hello->server_name);
        co_return std::nullopt;
    }
    if (settings.tls && !co_await accept_tls(w, listener, client, *hello, until)) co_return std::nullopt;
    co_return backend;
}

}  // namespace

task<void> serve_tcp(worker_context& w, listener_view& listener, admitted admission) {
    auto& client = *admission.stream;
    if (listener.settings.accept_proxy) {
        if (!co_await accept_proxy_header(w, listener, client)) co_return;
        if (!enter_as_client(w, listener, admission)) co_return;
    }
    const auto goes_to = co_await begin(w, listener, client);
    if (!goes_to) co_return;
    auto* backend = &w.backends[*goes_to];
    tcp_session session{w, listener, client, *backend};
    if (w.ladder.refuses_some() && w.ladder.refuse(priority_class::normal, key_of(client.peer()), w.time.now())) {
        w.numbers.refused_total[static_cast<std::size_t>(reason::overloaded)].add();
        session.moved.why = reason::overloaded;
        client.reset_on_close();
        co_return;
    }
    auto server = co_await connect_to_some_server(w, *backend, client, session);
    for (unsigned hops = 0; !server && session.moved.why != reason::client_closed; ++hops) {
        const auto& fallback = backend->shared.settings().fallback;
        if (fallback.how != conf::fallback::kind::backend || hops == w.backends.size()) break;
        backend = &w.backends[fallback.backend];
        session.backend = backend;
        server = co_await connect_to_some_server(w, *backend, client, session);
    }
    if (server) {
        session.moved = co_await tunnel(w, client, *server->stream, backend->shared.settings().timeout.tunnel_idle);
    } else {
        client.reset_on_close();
    }
}

}  // namespace weir
