#pragma once
/// The request paths of one worker in virtual time: a configuration, a client, and servers that the test plays.
///
///     virtual_loop time;
///     proxy_world world{time, "listen 1 { route / web; } backend web { server 127.0.0.1:9001; }"};
///     world.client->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
///     running served{time, world.serve()};            // serve_http for the one client
///     REQUIRE(world.servers.size() == 1);             // a connection was made
///     world.servers[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
///     time.settle();
///     CHECK(world.client->received.ends_with("ok"));
///
/// `on_connect` may refuse (an errno value) or delay a connection; `played_by` is spawned for each that is made.
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>

#include "conf/load.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/virtual_loop.hpp"
#include "proxy/serve_http.hpp"
#include "proxy/serve_tcp.hpp"
#include "tests/support/fake_stream.hpp"

namespace weir::testing {

inline conf::config configured(std::string_view text) {
    auto loaded = conf::load("test.conf", text, conf::environment{});
    if (!loaded) throw std::runtime_error{conf::render(loaded.found, text)};
    return std::move(*loaded.value);
}

class proxy_world {
public:
    using peer_ptr = std::shared_ptr<fake_peer>;
    static constexpr std::string_view plain =
        "listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; }";

    explicit proxy_world(loop& clock, std::string_view configuration = plain)
        : time{clock}, config{configured(configuration)}, shared{config, 10, 7}, worker{clock, 0, shared, 42},
          view{config.listeners[0], "test", shared.listeners[0]}, plays{clock} {
        worker.connect = [this](stream_context& context, std::vector<address> to) {
            return connect(context, std::move(to));
        };
        // The lines go into a queue that nobody empties: a test reads them there.
        worker.access_lines = std::make_unique<log_writer>(clock, shared.disk, nullptr, 1000);
        auto made = fake_stream::make(worker.streams, *address::parse_ip("192.0.2.1", 5000));
        client_stream = std::move(made.first);
        client = made.second;
    }

    /// Everything the worker does for the one client, until it is gone.
    task<void> serve() { return serve_http(worker, view, admit()); }
    task<void> serve_as_tcp() { return serve_tcp(worker, view, admit()); }

    /// Nothing is held or counted that should not be.
    bool released() {
        for (auto& backend : shared.backends)
            for (auto& each : backend.servers())
                if (each.in_flight() != 0) return false;
        return worker.numbers.requests_open.value() == 0 && worker.numbers.connections_open.value() == 0 &&
               shared.connections.inside() == 0 && view.shared.gate.inside() == 0 && worker.pipes.in_use() == 0 &&
               worker.streams.buffers.held_bytes() == 0 && worker.idle_clients.empty() && client->closed;
    }
    std::size_t pooled(std::size_t server = 0) const { return worker.backends[0].pools[server]->size(); }

    loop& time;
    conf::config config;
    shared_state shared;
    worker_context worker;
    listener_view view;
    stream_ptr client_stream;
    peer_ptr client;
    std::deque<peer_ptr> servers;                   // one for each connection made
    std::function<int(const address&)> on_connect;  // 0: it succeeds
    nanoseconds connecting{};                       // how long it takes
    std::function<task<void>(proxy_world&, peer_ptr)> played_by;
    scope plays;  // last: they refer to the rest

private:
    admitted admit() {
        return {std::move(client_stream), shared.connections.try_enter(), view.shared.gate.try_enter(), worker.numbers};
    }
    task<io_result<connected>> connect(stream_context& context, std::vector<address> to) {
        if (connecting > 0ns) co_await time.sleep(connecting);
        if (on_connect)
            if (const int error = on_connect(to[0])) co_return io_failure(error);
        auto made = fake_stream::make(context, to[0]);
        servers.push_back(made.second);
        if (played_by) plays.spawn(played_by(*this, made.second));
        co_return connected{std::move(made.first), to[0]};
    }
};

}  // namespace weir::testing
