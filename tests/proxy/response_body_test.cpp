#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

/// A client that takes nothing yet, and a server that has sent the first part of its answer.
struct slow_client {
    explicit slow_client(std::string_view head_and_part, std::string_view asked = "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        : world{time} {
        client().window = 1;
        client().send(asked);
        served.emplace(time, world.serve());
        time.settle();
        server().send(head_and_part);
        time.settle();
    }
    fake_peer& client() { return *world.client; }
    fake_peer& server() { return *world.servers.at(0); }
    virtual_loop time;
    proxy_world world;
    std::optional<running<void>> served;
};

}  // namespace

TEST_CASE("response body: what came while the client was slow is not waited for again") {
    const std::string part(20'000, 'x');  // more than goes out in one small write
    SECTION("with a length") {
        slow_client s{"HTTP/1.1 200 OK\r\nContent-Length: 20005\r\n\r\n"};
        s.server().send("12345");
        s.time.settle();
        s.server().send(part);
        s.time.settle();
        s.client().open();
        s.time.settle();
        CHECK(s.client().received.ends_with("\r\n\r\n12345" + part));
        CHECK(s.world.pooled() == 1);
    }
    SECTION("chunked, the last chunk among it") {
        slow_client s{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"};
        s.server().send("3\r\ndef\r\n0\r\n\r\n");
        s.time.settle();
        s.client().open();
        s.time.settle();
        CHECK(s.client().received.ends_with("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
        CHECK(s.world.pooled() == 1);
    }
    SECTION("until the end of the connection: no byte is lost") {
        slow_client s{"HTTP/1.1 200 OK\r\n\r\nabc"};
        s.server().send("def");
        s.server().finish();
        s.time.settle();
        s.client().open();
        s.time.settle();
        CHECK(s.client().received.ends_with("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
    }
}

TEST_CASE("response body: a cut body never looks whole") {
    const auto answer = GENERATE(std::string{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"},
                                 std::string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"},
                                 std::string{"HTTP/1.1 200 OK\r\n\r\n12345"});
    const auto asked = GENERATE(std::string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
                                std::string{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"});
    slow_client s{answer, asked};
    s.client().open();
    s.time.settle();
    SECTION("because the server's connection broke") { s.server().break_off(ECONNRESET); }
    SECTION("because the server stood still") {}
    s.time.advance(5min);
    CHECK(s.served->done());
    CHECK(has(s.client().received, "12345"));
    CHECK(s.client().was_reset);
    CHECK_FALSE(s.client().half_closed);
    CHECK_FALSE(s.client().received.ends_with("0\r\n\r\n"));
    CHECK(s.world.released());
}

TEST_CASE("response body: closed before its length is truncated, not complete") {
    slow_client s{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"};
    s.client().open();
    s.server().finish();
    s.time.settle();
    CHECK(s.client().was_reset);
    CHECK(s.served->done());
}

TEST_CASE("response body: a client that does not read is cut off, and costs bounded memory until then") {
    slow_client s{"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"};
    s.server().send(std::string(1'000'000, 'x'));
    s.time.settle();
    CHECK(s.world.worker.streams.buffers.held_bytes() <= 128 * 1024);
    s.time.advance(5min);
    CHECK(s.served->done());
    CHECK(s.client().was_reset);
    CHECK(s.world.released());
}

TEST_CASE("response body: chunked becomes plain for HTTP/1.0, and ends with the connection") {
    slow_client s{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};
    s.client().open();
    s.time.advance(2s);
    CHECK(s.client().received.ends_with("\r\n\r\nabc"));
    CHECK(s.served->done());
    CHECK_FALSE(s.client().was_reset);
}

TEST_CASE("response body: HEAD, 204 and 304 have none, whatever their fields say") {
    const auto status = GENERATE(std::string{"204 No Content"}, std::string{"304 Not Modified"});
    slow_client s{"HTTP/1.1 " + status + "\r\n\r\n"};
    s.client().open();
    s.time.settle();
    CHECK(s.client().received.ends_with("\r\n\r\n"));
    CHECK(s.world.pooled() == 1);
}

TEST_CASE("response body: trailers arrive behind the last chunk") {
    slow_client s{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"};
    s.client().open();
    s.time.settle();
    CHECK(s.client().received.ends_with("0\r\nX-Sum: 7\r\n\r\n"));
}
