/// Every wait has an end, and the log names the one that it was.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

const std::string websocket = "GET /upgrade HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

}  // namespace

TEST_CASE("client_header: a head that does not come to its end", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "timeout client_header=100ms;")};
    raw_client client{weir.address()};
    client.send("GET /id HTTP/1.1\r\nHost: t\r\n");
    const auto answer = client.answer();
    CHECK(answer.status == 408);
    CHECK(answer.why() == "client_header_timeout");
    CHECK(client.ended());
    CHECK(weir.logged("client_header_timeout")["status"] == "408");
}

TEST_CASE("client_header: a client that says nothing is let go", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "timeout client_header=100ms; defer_accept off;")};
    raw_client client{weir.address()};
    CHECK(client.ended());
}

TEST_CASE("client_body: a body that stands still", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "timeout client_body=100ms;")};
    for (const auto* framing : {"Content-Length: 10\r\n\r\nabc", "Content-Length: 1000000\r\n\r\nabc",
                                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
        INFO(framing);
        raw_client client{weir.address()};
        const auto answer = client.ask("POST /upload HTTP/1.1\r\nHost: t\r\n" + std::string{framing});
        CHECK(answer.status == 408);
        CHECK(answer.why() == "client_body_timeout");
        CHECK(client.ended());
        CHECK(weir.logged(answer.field("X-Request-Id").value())["reason"] == "client_body_timeout");
    }
    CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 0; }));
}

TEST_CASE("keep_alive: an idle connection ends in order", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "timeout keep_alive=100ms;")};
    raw_client client{weir.address()};
    CHECK(client.get("/id").status == 200);
    CHECK(client.ended());
}

TEST_CASE("connect: a server that does not accept", "[e2e]") {
    raw_server full{0};
    raw_client occupies_the_backlog{full.address()};
    proxy weir{simple({full.address()}, "", "timeout connect=100ms; retry 0;")};
    const auto answer = get(weir.address(), "/id");
    CHECK(answer.status == 504);
    CHECK(answer.why() == "connect_timeout");
    CHECK(weir.logged("/id")["reason"] == "connect_timeout");
}

TEST_CASE("first_byte: a server that does not answer, and no second try", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "timeout first_byte=100ms;")};
    raw_client client{weir.address()};
    const auto answer = client.get("/id?silent");
    CHECK(answer.status == 504);
    CHECK(answer.why() == "first_byte_timeout");
    CHECK(weir.logged("/id?silent")["tries"] == "1");
    CHECK(client.get("/id").status == 200);
    CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 0; }));
}

TEST_CASE("first_byte: counts from the end of the body", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "timeout first_byte=100ms;")};
    raw_client client{weir.address()}, other{web.address()};
    client.send("POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\na");
    other.get("/id?delay=300ms");
    client.send("b");
    CHECK(client.answer().status == 200);
    CHECK(client.ask("POST /upload?silent HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").why() ==
          "first_byte_timeout");
}

TEST_CASE("idle: a body that stands still breaks the transfer", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "timeout idle=100ms;")};
    for (const auto* target :
         {"/bytes/500?stall=200", "/bytes/500?chunked&stall=200", "/bytes/3000000?stall=1000000"}) {
        INFO(target);
        const auto answer = get(weir.address(), target);
        CHECK(answer.status == 200);
        CHECK_FALSE(answer.whole);
        CHECK(weir.logged(target)["reason"] == "idle_timeout");
    }
}

TEST_CASE("idle: a server that takes no body and says nothing", "[e2e]") {
    raw_server server;
    proxy weir{simple({server.address()}, "", "timeout idle=100ms first_byte=100ms;")};
    raw_client client{weir.address()};
    const bool in_chunks = GENERATE(false, true);
    client.send("POST /stuck HTTP/1.1\r\nHost: t\r\n" +
                std::string{in_chunks ? "Transfer-Encoding: chunked" : "Content-Length: 500000000"} + "\r\n\r\n");
    if (in_chunks) client.send("1dcd6500\r\n");
    const std::string piece(1 << 20, 'x');
    while (client.send(piece)) {}  // until weir gives up and closes
    CHECK(weir.logged("/stuck")["reason"] == "idle_timeout");
}

TEST_CASE("idle: a client that does not read its answer", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "timeout idle=100ms;")};
    const auto* framing = GENERATE("", "?chunked");
    raw_client client{weir.address(), 4096};
    client.send("GET /bytes/300000000" + std::string{framing} + " HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(weir.logged("/bytes")["reason"] == "client_idle_timeout");
    CHECK(eventually([&] { return origin_count(web.address(), "aborted") == 1; }));
}

TEST_CASE("total: all tries together", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "timeout total=100ms;")};
    const auto answer = get(weir.address(), "/id?silent");
    CHECK(answer.status == 504);
    CHECK(answer.why() == "total_timeout");
    CHECK(weir.logged("/id?silent")["reason"] == "total_timeout");
    CHECK(get(weir.address(), "/bytes/200?slow=400").body.size() == 200);  // the body may take longer
}

TEST_CASE("tunnel_idle: an upgraded connection in which nothing moves", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "timeout tunnel_idle=100ms;")};
    raw_client client{weir.address()};
    REQUIRE(client.ask(websocket).status == 101);
    client.send("x");
    CHECK(client.read_exactly(1) == "x");
    client.read_all();
    CHECK(weir.logged("/upgrade")["reason"] == "tunnel_idle_timeout");
}

TEST_CASE("tunnel_idle in tcp mode: nothing moves either way", "[e2e]") {
    origin_process echo{{"--tcp-echo"}};
    proxy weir{
        "listen 127.0.0.1:0 { protocol tcp; default_backend echo; }\nbackend echo { timeout tunnel_idle=100ms; server " +
        echo.address() + "; }"};
    raw_client client{weir.address()};
    client.send("x");
    CHECK(client.read_exactly(1) == "x");
    client.read_all();
    CHECK(weir.logged("tcp")["reason"] == "tunnel_idle_timeout");
}
