#include "lib/http/upgrade.hpp"

#include "tests/lib/http/composed.hpp"
#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::test;

namespace {

const std::vector<std::string> websocket{"websocket"};

request_head asking(const std::string& lines, const std::string& version = "HTTP/1.1") {
    return request("GET /chat " + version + "\r\nHost: a\r\n" + lines + "\r\n");
}

std::string sent(const std::string& lines, const std::vector<std::string>& allowed = websocket,
                 std::string_view also = {}) {
    bool any = false;
    const auto out = composed([&](head_writer& to) { any = append_upgrade(to, asking(lines), allowed, also); });
    CHECK(any != out.empty());
    return out;
}

std::string switched(const std::string& request_lines, const std::string& response_lines,
                     const std::vector<std::string>& allowed = websocket) {
    const auto asked = asking(request_lines);
    const auto answer = response("HTTP/1.1 101 Switching Protocols\r\n" + response_lines + "\r\n");
    const auto protocol = check_switch(asked, answer, allowed);
    return protocol ? std::string{*protocol} : std::string{word(protocol.error().why)};
}

const std::string ask = "Connection: Upgrade\r\nUpgrade: WebSocket\r\n";
const std::string agree = "Connection: upgrade\r\nUpgrade: websocket\r\n";

}  // namespace

TEST_CASE("only what was offered and is allowed reaches the server") {
    CHECK(sent(ask) == "Connection: upgrade\r\nUpgrade: WebSocket\r\n");
    CHECK(sent("Connection: upgrade\r\nUpgrade: h2c, websocket\r\nUpgrade: foo/2\r\n") ==
          "Connection: upgrade\r\nUpgrade: websocket\r\n");
    CHECK(sent("Connection: upgrade\r\nUpgrade: h2c, websocket\r\nUpgrade: foo/2\r\n", {"foo/2", "websocket"}, "te") ==
          "Connection: upgrade, te\r\nUpgrade: websocket, foo/2\r\n");
    CHECK(sent("Connection: upgrade\r\nUpgrade: h2c\r\n").empty());
    CHECK(sent("Upgrade: websocket\r\n").empty());  // Connection does not say so
    CHECK(sent("Connection: upgrade\r\n").empty());
    CHECK(sent(ask, {}).empty());
    CHECK(sent("Connection: upgrade\r\nUpgrade: web socket\r\n", {"web socket"}).empty());
}

TEST_CASE("offers that are void") {
    CHECK(offers(asking(ask), "websocket"));
    CHECK_FALSE(offers(asking(ask), "h2c"));
    CHECK_FALSE(offers(asking(ask, "HTTP/1.0"), "websocket"));
    CHECK_FALSE(offers(asking(ask + "Content-Length: 1\r\n"), "websocket"));
    CHECK_FALSE(offers(asking(ask + "Transfer-Encoding: chunked\r\n"), "websocket"));
    CHECK(offers(asking(ask + "Content-Length: 0\r\n"), "websocket"));
}

TEST_CASE("a 101 is believed only if it answers the question") {
    CHECK(switched(ask, agree) == "websocket");
    CHECK(switched("", agree) == "bad_upgrade");
    CHECK(switched(ask, agree, {}) == "bad_upgrade");
    CHECK(switched(ask, "") == "bad_upgrade");
    CHECK(switched(ask, "Upgrade: websocket\r\n") == "bad_upgrade");
    CHECK(switched(ask, "Connection: upgrade\r\n") == "bad_upgrade");
    CHECK(switched(ask, "Connection: upgrade\r\nUpgrade:\r\n") == "bad_upgrade");
    CHECK(switched(ask, "Connection: upgrade\r\nUpgrade: h2c\r\n") == "bad_upgrade");
    CHECK(switched(ask, "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n") == "bad_upgrade");
    CHECK(switched("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", "Connection: upgrade\r\nUpgrade: h2c\r\n") ==
          "bad_upgrade");
    CHECK(switched("Connection: upgrade\r\nUpgrade: websocket\r\n", "Connection: upgrade\r\nUpgrade: h2c\r\n",
                   {"websocket", "h2c"}) == "bad_upgrade");
    CHECK_FALSE(check_switch(asking(ask), response("HTTP/1.1 200 OK\r\n" + agree + "\r\n"), websocket));
}

TEST_CASE("the 101 for the client is written anew") {
    std::string out;
    append_switch(out,
                  response("HTTP/1.1 101 Switching\r\n" + agree + "Sec-WebSocket-Accept: x\r\nKeep-Alive: 1\r\n\r\n"),
                  "websocket");
    CHECK(out ==
          "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}
