/// The request paths, destroyed at each of their suspension points: as the drain deadline does it.
#include "tests/support/proxy_world.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using peer = proxy_world::peer_ptr;

/// What one run plays; the script runs beside the root and lives in the world's scope.
struct scenario {
    const char* name;
    const char* configuration;
    const char* from_client;             // sent at once
    task<void> (*client)(proxy_world&);  // null: nothing but that
    task<void> (*server)(proxy_world&, peer);
};

constexpr const char* two_servers =
    "listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; server 127.0.0.1:9002; retry 2; }";
constexpr const char* one_server = "listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; }";
constexpr const char* tcp =
    "listen 127.0.0.1:1 { protocol tcp; default_backend web; } backend web { server 127.0.0.1:9001; }";

task<void> answers_small(proxy_world& world, peer server) {
    while (true) {
        const bool asked = co_await server->heard("\r\n\r\n");
        if (!asked) co_return;
        server->received.clear();
        co_await world.time.sleep(5ms);
        server->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}
task<void> answers_in_pieces(proxy_world& world, peer server) {
    co_await server->heard("\r\n\r\n");
    for (const char* piece : {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Enc",
                              "oding: chunked\r\n\r\n5\r\nhel", "lo\r\n", "0\r\nX-Sum: 1\r\n", "\r\n"}) {
        co_await world.time.sleep(3ms);
        server->send(piece);
    }
}
task<void> answers_until_close(proxy_world& world, peer server) {
    co_await server->heard("\r\n\r\n");
    server->send("HTTP/1.1 200 OK\r\n\r\nabc");
    co_await world.time.sleep(3ms);
    server->send("def");
    server->finish();
}
task<void> breaks_off(proxy_world& world, peer server) {
    co_await server->heard("\r\n\r\n");
    co_await world.time.sleep(1ms);
    server->break_off(ECONNRESET);
}
task<void> takes_slowly(proxy_world& world, peer server) {
    server->window = 100;
    for (int i = 0; i < 6; ++i) {
        co_await world.time.sleep(2ms);
        server->open(30);
    }
    server->open();
    co_await server->heard("0\r\n\r\n");
    server->send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
}
task<void> answers_early(proxy_world&, peer server) {
    co_await server->heard("\r\n\r\n");
    server->send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}
task<void> switches(proxy_world& world, peer server) {
    co_await server->heard("\r\n\r\n");
    server->send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello");
    co_await server->heard("bye");
    co_await world.time.sleep(2ms);
    server->finish();
}
task<void> echoes(proxy_world& world, peer server) {
    co_await server->heard("ping");
    server->send("pong");
    co_await world.time.sleep(2ms);
    server->finish();
}
task<void> says_nothing(proxy_world&, peer) { co_return; }

task<void> leaves_after_two(proxy_world& world) {
    co_await world.client->heard("ok");
    world.client->received.clear();
    world.client->send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await world.client->heard("ok");
    world.client->finish();
}
task<void> reads_slowly(proxy_world& world) {
    world.client->window = 5;
    for (int i = 0; i < 60; ++i) {
        co_await world.time.sleep(1ms);
        world.client->open(10);
    }
    world.client->open();
    world.client->finish();
}
task<void> sends_slowly(proxy_world& world) {
    for (const char* piece : {"5\r\nhe", "llo\r\n", "a0\r\n"}) {
        co_await world.time.sleep(2ms);
        world.client->send(piece);
    }
    world.client->send(std::string(160, 'x') + "\r\n0\r\n\r\n");
    co_await world.client->heard("\r\n\r\n");
    world.client->finish();
}
task<void> leaves_soon(proxy_world& world) {
    co_await world.time.sleep(50ms);
    world.client->finish();
}
task<void> says_goodbye(proxy_world& world) {
    co_await world.client->heard("hello");
    world.client->send("bye");
    world.client->finish();
}
task<void> pings(proxy_world& world) {
    world.client->send("ping");
    co_await world.client->heard("pong");
    world.client->finish();
}

constexpr const char* get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr const char* post = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr const char* post_length = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345";

const scenario scenarios[] = {
    {"two requests on kept connections", one_server, get, leaves_after_two, answers_small},
    {"pipelined requests", one_server,
     "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", nullptr,
     answers_small},
    {"an answer in pieces to a slow client", one_server, get, reads_slowly, answers_in_pieces},
    {"an answer until the end of the connection", one_server, get, reads_slowly, answers_until_close},
    {"servers that break off", two_servers, get, leaves_soon, breaks_off},
    {"a body for a slow server", one_server, post, sends_slowly, takes_slowly},
    {"an answer before the request's end", one_server, post_length, nullptr, answers_early},
    {"a client that leaves during its body", one_server, post_length, leaves_soon, says_nothing},
    {"a client that leaves while a server thinks", one_server, get, leaves_soon, says_nothing},
    {"a head that never ends", one_server, "GET / HT", nullptr, says_nothing},
    {"bytes that are no request", one_server, "\x01\x02\r\n\r\n", nullptr, says_nothing},
    {"an upgrade", one_server, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
     says_goodbye, switches},
    {"tcp", tcp, "", pings, echoes},
};

struct played {
    played(virtual_loop& clock, const scenario* what) : what{*what}, world{clock, what->configuration} {
        world.connecting = 1ms;
        world.played_by = what->server;
        world.client->send(what->from_client);
        if (what->client) world.plays.spawn(what->client(world));
    }
    task<void> run() {
        const bool as_tcp = world.view.settings.protocol == conf::http_protocol::tcp;
        return as_tcp ? world.serve_as_tcp() : world.serve();
    }
    void check_released() {
        // Destroyed before its first step the root still owns the client.
        if (!world.client_stream) CHECK(world.released());
    }
    const scenario& what;
    proxy_world world;
};

}  // namespace

TEST_CASE("a request can be cut off at any point, and nothing of it is left", "[sweep]") {
    for (const auto& each : scenarios) {
        INFO(each.name);
        CHECK(sweep<played>(&each) > 0);
    }
}

TEST_CASE("the same, with every wake-up late", "[sweep]") {
    for (const auto& each : scenarios) {
        INFO(each.name);
        sweep_with_delays<played>(3, &each);
    }
}
