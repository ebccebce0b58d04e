/// Switching protocols: only to what the client offered and the operator allowed.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

using namespace weir::testing;

namespace {

std::string asking(const std::string& target, const std::string& protocol = "websocket") {
    return "GET " + target + " HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, Upgrade\r\nUpgrade: " + protocol +
           "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

}  // namespace

TEST_CASE("WebSocket: a tunnel both ways, ended by half-close", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    const auto answer = client.ask(asking("/upgrade"));
    REQUIRE(answer.status == 101);
    CHECK(answer.field("Upgrade") == "websocket");
    CHECK(answer.field("Connection") == "upgrade");
    CHECK(answer.field("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for (int i = 0; i < 10; ++i) {
        client.send("\x81\x05hello");
        CHECK(client.read_exactly(7) == "\x81\x05hello");
    }
    client.send("last words");
    client.finish_sending();
    CHECK(client.read_all() == "last words");
    CHECK_FALSE(client.was_reset());
    const auto line = weir.logged("/upgrade");
    CHECK(line["status"] == "101");
    CHECK(line["reason"] == "none");
}

TEST_CASE("WebSocket: what is sent behind the request, and bulk, goes through the tunnel", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    client.send(asking("/upgrade") + "early");
    CHECK(client.answer().status == 101);
    CHECK(client.read_exactly(5) == "early");
    const auto piece = origin::known_bytes(0, 60'000);
    std::string all;
    for (int i = 0; i < 60; ++i) {
        client.send(piece);
        CHECK(client.read_exactly(piece.size()) == piece);
    }
}

TEST_CASE("an upgrade that was not allowed is no upgrade", "[e2e]") {
    origin_process web;
    proxy weir{"listen 127.0.0.1:0 { route /off/ web { upgrade off; } route / web; route /x web { upgrade foo; } }\n"
               "backend web { server " +
               web.address() + "; }"};
    raw_client client{weir.address()};
    SECTION("upgrade off: the offer does not reach the server") {
        const auto answer = client.ask(asking("/off/headers"));
        CHECK(answer.status == 200);
        CHECK_FALSE(answer.body.contains("Upgrade"));
        CHECK_FALSE(answer.body.contains("upgrade"));
    }
    SECTION("another protocol than the allowed ones: ignored") {
        const auto answer = client.ask(asking("/headers", "h2c"));
        CHECK(answer.status == 200);
        CHECK_FALSE(answer.body.contains("h2c"));
    }
    SECTION("only the allowed one of several is offered") {
        const auto answer = client.ask(asking("/headers", "h2c, websocket, foo"));
        CHECK(answer.status == 101);
        CHECK(answer.field("Upgrade") == "websocket");
    }
    SECTION("not with a body") {
        const auto answer = client.ask(
            "POST /headers HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nab");
        CHECK(answer.status == 200);
        CHECK_FALSE(answer.body.contains("websocket"));
    }
    SECTION("a server that would rather not") {
        const auto answer = client.ask(asking("/upgrade?status=503"));
        CHECK(answer.status == 503);
        CHECK(client.get("/id").status == 200);
    }
}

TEST_CASE("a 101 that may not be believed is a 502", "[e2e]") {
    origin_process web;
    proxy weir{"listen 127.0.0.1:0 { route / web { upgrade websocket,foo; } }\nbackend web { server " + web.address() +
               "; }"};
    raw_client client{weir.address()};
    std::string request;
    SECTION("nobody asked") { request = "GET /id?unasked101 HTTP/1.1\r\nHost: t\r\n\r\n"; }
    SECTION("to a protocol that was not offered") { request = asking("/id?accept=foo"); }
    SECTION("the offer was not forwarded") { request = asking("/id?accept=h2c", "h2c"); }
    SECTION("without saying to what") { request = asking("/raw?text=HTTP/1.1%20101%20Switching%0D%0A%0D%0A"); }
    const auto answer = client.ask(request);
    CHECK(answer.status == 502);
    CHECK(answer.why() == "bad_upgrade");
    CHECK(weir.logged("\"method\"")["reason"] == "bad_upgrade");
    CHECK(client.get("/id").status == 200);  // the client has done nothing wrong
}
