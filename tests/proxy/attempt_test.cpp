#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view post_chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct session {
    explicit session(std::string_view configuration = proxy_world::plain) : world{time, configuration} {}
    void begin() {
        served.emplace(time, world.serve());
        time.settle();
    }
    fake_peer& client() { return *world.client; }
    fake_peer& server(std::size_t i = 0) { return *world.servers.at(i); }
    virtual_loop time;
    proxy_world world;
    std::optional<running<void>> served;
};

}  // namespace

TEST_CASE("attempt: one request and its answer, and the connection goes into the pool") {
    session s;
    s.client().send(get);
    s.begin();
    REQUIRE(s.world.servers.size() == 1);
    CHECK(has(s.server().received, "GET / HTTP/1.1\r\nHost: a\r\n"));
    s.server().send(ok);
    s.time.settle();
    CHECK(s.client().received.ends_with("\r\n\r\nok"));
    CHECK(s.world.pooled() == 1);
    CHECK_FALSE(s.served->done());  // keep-alive

    SECTION("the next request takes it from there") {
        s.client().send(get);
        s.time.settle();
        CHECK(s.world.servers.size() == 1);
        CHECK(s.world.pooled() == 0);
    }
    SECTION("unless the server has closed it") {
        s.server().finish();
        CHECK(s.world.pooled() == 0);
        s.client().send(get);
        s.time.settle();
        CHECK(s.world.servers.size() == 2);
    }
    SECTION("or has said something that nobody asked for") {
        s.server().send("HTTP/1.1 200 OK\r\n");
        CHECK(s.world.pooled() == 0);
        CHECK(s.server().closed);
    }
    SECTION("when the client leaves, nothing is left of it") {
        s.client().finish();
        s.time.settle();
        CHECK(s.served->done());
        CHECK(s.world.released());
    }
}

TEST_CASE("attempt: an answer with something behind it is not a connection to keep") {
    session s;
    s.client().send(get);
    s.begin();
    s.server().send(std::string{ok} + "HTTP/1.1 200 OK\r\n");
    s.time.settle();
    CHECK(s.client().received.ends_with("ok"));
    CHECK(s.world.pooled() == 0);
    CHECK(s.server().closed);
}

TEST_CASE("attempt: bad chunks that come with the head are refused at once, although the server says nothing") {
    session s;
    s.client().send(std::string{post_chunked} + "zz\r\n");
    s.begin();
    s.time.settle();
    CHECK(s.client().received.starts_with("HTTP/1.1 400"));
}

TEST_CASE("attempt: chunks that come while the server is busy taking others are sent when it is done") {
    session s;
    s.client().send(post_chunked);
    s.begin();
    s.server().window = s.server().received.size();  // it has the head, and takes no more
    s.client().send("3\r\nabc\r\n");
    s.time.settle();
    s.client().send("3\r\ndef\r\n0\r\n\r\n");  // there already when the first piece is through
    s.time.settle();
    s.server().open();
    s.time.settle();
    CHECK(has(s.server().received, "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
    s.server().send(ok);
    s.time.settle();
    CHECK(s.client().received.ends_with("ok"));
}

TEST_CASE("attempt: a server that neither takes the body nor answers costs bounded time") {
    session s;
    s.client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    s.begin();
    s.server().window = s.server().received.size();
    s.client().send(std::string(100'000, 'x'));
    s.time.advance(5min);
    CHECK(s.client().received.starts_with("HTTP/1.1 50"));
    CHECK(s.served->done());
    CHECK(s.world.released());
}

TEST_CASE("attempt: a server that breaks off during the body, but answers, is heard") {
    session s;
    s.client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345");
    s.begin();
    s.server().write_error = EPIPE;
    s.client().send("67890");
    s.time.settle();
    s.server().send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    s.time.settle();
    CHECK(s.client().received.starts_with("HTTP/1.1 413"));
    s.time.advance(2s);
    CHECK(s.served->done());  // the rest of the body was never read: no further request
    CHECK(s.server().closed);
}

TEST_CASE("attempt: the time budget holds while connecting, too") {
    session s{
        "listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; timeout connect=10s total=2s; }"};
    s.world.connecting = 1h;
    s.client().send(get);
    s.begin();
    s.time.advance(1999ms);
    CHECK(s.client().received.empty());
    s.time.advance(2ms);
    CHECK(s.client().received.starts_with("HTTP/1.1 504"));
}

TEST_CASE("attempt: what a server may have processed is sent twice only if it is idempotent") {
    session s;
    SECTION("GET on a connection that dies: once more") {
        s.client().send(get);
        s.begin();
        s.server().break_off(ECONNRESET);
        s.time.advance(30ms);  // the longest first backoff
        REQUIRE(s.world.servers.size() == 2);
        s.server(1).send(ok);
        s.time.settle();
        CHECK(s.client().received.ends_with("ok"));
    }
    SECTION("POST: never") {
        s.client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        s.begin();
        s.server().break_off(ECONNRESET);
        s.time.settle();
        CHECK(s.world.servers.size() == 1);
        CHECK(s.client().received.starts_with("HTTP/1.1 502"));
    }
    SECTION("POST, part of which the kernel had taken before the connection broke: never") {
        s.world.played_by = [](proxy_world& world, proxy_world::peer_ptr server) -> task<void> {
            server->window = 10;
            co_await world.time.sleep(1s);
            server->break_off(EPIPE);
        };
        s.client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        s.begin();
        s.time.advance(2s);
        CHECK(s.world.servers.size() == 1);
        CHECK(s.client().received.starts_with("HTTP/1.1 502"));
    }
    SECTION("POST, of which the kernel took nothing: on a new connection") {
        s.world.played_by = [](proxy_world& world, proxy_world::peer_ptr server) -> task<void> {
            if (world.servers.size() == 1) server->write_error = EPIPE;
            co_return;
        };
        s.client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        s.begin();
        s.time.advance(30ms);
        REQUIRE(s.world.servers.size() == 2);
        CHECK(s.server(1).received.ends_with("hi"));
    }
    SECTION("nor after a byte of the answer went to the client") {
        s.client().send(get);
        s.begin();
        s.server().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
        s.time.settle();
        s.server().break_off(ECONNRESET);
        s.time.settle();
        CHECK(s.world.servers.size() == 1);
        CHECK(s.client().received.ends_with("12345"));
        CHECK(s.client().was_reset);
    }
}

TEST_CASE("attempt: refused connections are tried elsewhere, as often as the configuration says") {
    session s{"listen 127.0.0.1:1 { route / web; }"
              "backend web { server 127.0.0.1:9001; server 127.0.0.1:9002; retry 2; }"};
    unsigned refused = 0;
    s.world.on_connect = [&](const address& to) { return to.port() == 9001 ? (++refused, ECONNREFUSED) : 0; };
    for (int i = 0; i < 8; ++i) {
        s.client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        if (i == 0) s.begin();
        s.time.settle();
        s.world.servers.back()->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        s.time.settle();
    }
    CHECK(refused > 0);
    CHECK(s.world.servers.size() == 8);
    CHECK_FALSE(has(s.client().received, "HTTP/1.1 5"));
}

TEST_CASE("attempt: one that failed gives its place to others before the wait for the next") {
    session s{"listen 127.0.0.1:1 { route / web; }"
              "backend web { server 127.0.0.1:9001; limit 1; retry 1 backoff=10s..10s; }"};
    bool up = false;
    s.world.on_connect = [&](const address&) { return std::exchange(up, true) ? 0 : ECONNREFUSED; };
    s.client().send(get);
    s.begin();
    const auto in_flight = [&] { return s.world.shared.backends[0].servers()[0].in_flight(); };
    CHECK(up);
    CHECK(in_flight() == 0);
    s.time.advance(10s);
    REQUIRE(s.world.servers.size() == 1);
    CHECK(in_flight() == 1);
    s.server().send(ok);
    s.time.settle();
    CHECK(s.client().received.starts_with("HTTP/1.1 200"));
}

TEST_CASE("attempt: interim responses go on, but not without end") {
    session s;
    s.client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    s.begin();
    s.server().send("HTTP/1.1 100 Continue\r\n\r\n");
    s.time.settle();
    CHECK(s.client().received == "HTTP/1.1 100 Continue\r\n\r\n");
    SECTION("the body follows") {
        s.client().send("hi");
        s.time.settle();
        CHECK(s.server().received.ends_with("\r\n\r\nhi"));
        s.server().send(ok);
        s.time.settle();
        CHECK(s.client().received.ends_with("ok"));
    }
    SECTION("a server that goes on for ever") {
        for (int i = 0; i < 40; ++i) s.server().send("HTTP/1.1 103 Early Hints\r\n\r\n");
        s.time.settle();
        CHECK(has(s.client().received, "HTTP/1.1 502"));
    }
}

TEST_CASE("attempt: a client that leaves while we wait takes the server's connection along") {
    session s;
    s.client().send(get);
    s.begin();
    s.time.advance(1s);
    s.client().finish();
    s.time.settle();
    CHECK(s.server().closed);
    CHECK(s.served->done());
    CHECK(s.world.released());
}

TEST_CASE("attempt: while the process goes down, an answer says so and is the last one") {
    session s;
    s.client().send(get);
    s.begin();
    s.world.worker.closing = true;  // after the request had come
    s.server().send(ok);
    s.time.settle();
    CHECK(has(s.client().received, "Connection: close\r\n"));
    s.time.advance(2s);
    CHECK(s.served->done());
}

TEST_CASE("attempt: a server's Keep-Alive hint bounds how long its connection lies idle") {
    session s{"listen 127.0.0.1:1 { route / web; timeout keep_alive=60s; } backend web { server 127.0.0.1:9001; }"};
    s.client().send(get);
    s.begin();
    s.server().send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=100\r\nContent-Length: 0\r\n\r\n");
    s.time.settle();
    CHECK(s.world.pooled() == 1);
    s.time.advance(900ms);
    s.world.worker.backends[0].pools[0]->sweep();
    CHECK(s.world.pooled() == 0);
}

TEST_CASE("attempt: an upgrade that was asked for becomes a tunnel, one that was not is a bad answer") {
    session s;
    const std::string asked = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    const std::string switched =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    SECTION("asked for") {
        s.client().send(asked);
        s.begin();
        s.server().send(switched + "hello");
        s.time.settle();
        CHECK(s.client().received.ends_with("hello"));
        s.client().send("there");
        s.time.settle();
        CHECK(s.server().received.ends_with("there"));
        SECTION("both ends") {
            s.client().finish();
            s.time.settle();
            CHECK(s.server().half_closed);
            s.server().finish();
            s.time.settle();
            CHECK(s.served->done());
            CHECK_FALSE(s.client().was_reset);
        }
        SECTION("the server breaks off") {
            s.server().break_off(ECONNRESET);
            s.time.settle();
            CHECK(s.served->done());
            CHECK(s.client().was_reset);
            CHECK_FALSE(s.client().half_closed);  // an orderly end would look whole
        }
    }
    SECTION("not asked for") {
        s.client().send(get);
        s.begin();
        s.server().send(switched);
        s.time.settle();
        CHECK(s.client().received.starts_with("HTTP/1.1 502"));
    }
    CHECK((s.served->cancel(), s.world.released()));
}
