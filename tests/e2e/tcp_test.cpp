/// protocol tcp: bytes both ways, whatever they are.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

using namespace weir::testing;

namespace {

std::string tcp_to(const std::vector<std::string>& servers, const std::string& in_backend = {}) {
    std::string text = "listen 127.0.0.1:0 { protocol tcp; default_backend b; }\nbackend b { " + in_backend + "\n";
    for (const auto& each : servers) text += "server " + each + ";\n";
    return text + "}\n";
}

}  // namespace

TEST_CASE("tcp: echo, half-close and a line in the log", "[e2e]") {
    origin_process echo{{"--tcp-echo"}};
    proxy weir{tcp_to({echo.address()})};
    raw_client client{weir.address()};
    using namespace std::string_literals;
    for (const auto& words : {"ping"s, "\0\r\n\xff binary"s, std::string(100'000, 'z')}) {
        client.send(words);
        CHECK(client.read_exactly(words.size()) == words);
    }
    client.send("last");
    client.finish_sending();
    CHECK(client.read_all() == "last");
    CHECK_FALSE(client.was_reset());
    const auto line = weir.logged("\"tcp\"");
    CHECK(line["reason"] == "none");
    CHECK(line["bytes_in"] == "100019");
    CHECK(line["bytes_out"] == "100019");
    CHECK(line["server"] == echo.address());
    CHECK(line["method"] == "null");
}

TEST_CASE("tcp: a server that speaks first", "[e2e]") {
    origin_process echo{{"--tcp-echo", "--speak-first", "220 ready"}};
    proxy weir{tcp_to({echo.address()})};
    raw_client client{weir.address()};
    CHECK(client.read_exactly(9) == "220 ready");
}

TEST_CASE("tcp: the server's half-close leaves the other way open", "[e2e]") {
    raw_server server;
    proxy weir{tcp_to({server.address()})};
    raw_client client{weir.address()};
    auto at = server.accept();
    at.send("all I have to say");
    at.finish_sending();
    CHECK(client.read_all() == "all I have to say");
    CHECK(client.send("but I have more"));
    client.finish_sending();
    CHECK(at.read_all() == "but I have more");
}

TEST_CASE("tcp: 50 MB down, 20 MB up, both at once", "[e2e]") {
    constexpr std::size_t down = 50'000'000, up = 20'000'000;
    SECTION("down") {
        origin_process source{{"--tcp-source", std::to_string(down)}};
        proxy weir{tcp_to({source.address()})};
        raw_client client{weir.address()};
        const auto got = client.read_all();
        CHECK(got.size() == down);
        CHECK_FALSE(origin::first_difference(got, 0));
        client.finish_sending();
        CHECK(weir.logged("\"tcp\"")["bytes_out"] == std::to_string(down));
    }
    SECTION("up") {
        origin_process digest{{"--tcp-digest"}};
        proxy weir{tcp_to({digest.address()})};
        raw_client client{weir.address()};
        const auto bytes = origin::known_bytes(0, up);
        client.send(bytes);
        client.finish_sending();
        CHECK(client.read_all() == std::to_string(up) + " " + origin::hex16(origin::fnv1a(bytes)) + "\n");
    }
    SECTION("both") {
        origin_process echo{{"--tcp-echo"}};
        proxy weir{tcp_to({echo.address()})};
        raw_client client{weir.address()};
        const auto bytes = origin::known_bytes(0, 200'000);
        for (int i = 0; i < 50; ++i) {
            client.send(bytes);
            REQUIRE(client.read_exactly(bytes.size()) == bytes);
        }
    }
}

TEST_CASE("tcp: the next server when one refuses, a reset when none is left", "[e2e]") {
    origin_process echo{{"--tcp-echo"}};
    closed_port nobody, nobody_either;
    SECTION("next") {
        proxy weir{tcp_to({nobody.address(), echo.address()}, "balance round_robin;")};
        for (int i = 0; i < 4; ++i) {
            raw_client client{weir.address()};
            client.send("hello");
            CHECK(client.read_exactly(5) == "hello");
        }
        CHECK(weir.logged("\"tries\":2")["reason"] == "none");
    }
    SECTION("none") {
        proxy weir{tcp_to({nobody.address(), nobody_either.address()})};
        raw_client client{weir.address()};
        CHECK(client.read_all().empty());
        CHECK(client.was_reset());
        CHECK(weir.logged("\"tcp\"")["reason"] == "connect_refused");
        CHECK(weir.told("connect_refused").contains("backend") == false);
    }
}

TEST_CASE("tcp: a broken connection breaks the other side too", "[e2e]") {
    raw_server server;
    proxy weir{tcp_to({server.address()})};
    raw_client client{weir.address()};
    auto at = server.accept();
    SECTION("the server's") {
        client.send("x");
        at.read_exactly(1);
        at.reset();
        client.read_all();
        CHECK(client.was_reset());
        CHECK(weir.logged("\"tcp\"")["reason"] == "backend_reset");
    }
    SECTION("the client's") {
        at.send("x");
        client.read_exactly(1);
        client.reset();
        at.read_all();
        CHECK(at.was_reset());
        CHECK(weir.logged("\"tcp\"")["reason"] == "client_closed");
    }
}

TEST_CASE("tcp: a client that connects too often is turned away", "[e2e]") {
    origin_process echo{{"--tcp-echo"}};
    proxy weir{
        "workers 2;\nlisten 127.0.0.1:0 { protocol tcp; default_backend b; connection_rate 1 per=10m burst=2; }\n"
        "backend b { server " +
        echo.address() + "; }\n"};
    for (int i = 0; i < 2; ++i) {
        raw_client client{weir.address()};
        client.send("ping");
        CHECK(client.read_exactly(4) == "ping");
    }
    raw_client third{weir.address()};
    CHECK(third.read_all().empty());
    CHECK(third.was_reset());
    weir.told("rate_limited: too many new connections");
}
