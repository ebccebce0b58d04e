/// Servers that die and come back, and who stands in for them.
#include <csignal>
#include <string>

#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

std::string where(const http_answer& answer) { return answer.body; }

std::vector<std::string> named(const std::string& name, std::uint16_t port = 0) {
    return {"--name", name, "--port", std::to_string(port)};
}

}  // namespace

TEST_CASE("a server is killed under load: no client notices, and it is used again once it is back", "[e2e]") {
    origin_process stays{named("stays")};
    auto dies = std::make_unique<origin_process>(named("dies"));
    const auto port = dies->port();
    proxy weir{simple({stays.address(), dies->address()}, "",
                      "balance round_robin; breaker on open=100ms..100ms; slow_start off;")};
    raw_client client{weir.address()};
    for (int i = 0; i < 10; ++i) CHECK(client.get("/id").status == 200);
    dies->signal(SIGKILL);
    REQUIRE(dies->wait());
    for (int i = 0; i < 100; ++i) CHECK(where(client.get("/id")) == "stays");

    origin_process back{named("back", port)};
    CHECK(eventually([&] { return where(get(weir.address(), "/id")) == "back"; }));
}

TEST_CASE("a server that stops listening, and listens again", "[e2e]") {
    origin_process stays{named("stays")}, leaves{named("leaves")};
    proxy weir{simple({stays.address(), leaves.address()}, "",
                      "balance round_robin; keep_alive connections=0; breaker on open=100ms..100ms; slow_start off;")};
    raw_client orders{leaves.address()}, client{weir.address()};
    CHECK(orders.get("/control/refuse").status == 200);
    for (int i = 0; i < 50; ++i) CHECK(where(client.get("/id")) == "stays");
    CHECK(orders.get("/control/accept").status == 200);
    CHECK(eventually([&] { return where(get(weir.address(), "/id")) == "leaves"; }));
}

TEST_CASE("a backup serves only while no other can", "[e2e]") {
    origin_process first{named("first")}, spare{named("spare")};
    proxy weir{"listen 127.0.0.1:0 { route / web; }\nbackend web { server " + spare.address() + " backup=on; server " +
               first.address() + "; keep_alive connections=0; breaker on open=100ms..100ms; slow_start off; }\n"};
    raw_client orders{first.address()}, client{weir.address()};
    for (int i = 0; i < 20; ++i) CHECK(where(client.get("/id")) == "first");
    orders.get("/control/refuse");
    for (int i = 0; i < 20; ++i) CHECK(where(client.get("/id")) == "spare");
    orders.get("/control/accept");
    CHECK(eventually([&] { return where(get(weir.address(), "/id")) == "first"; }));
}

TEST_CASE("fallback: what clients get when no server is there", "[e2e]") {
    closed_port nobody;
    SECTION("a text") {
        proxy weir{simple({nobody.address()}, "", "fallback respond \"back soon\" status=503 type=text/html;")};
        const auto answer = get(weir.address(), "/id");
        CHECK(answer.status == 503);
        CHECK(answer.body == "back soon");
        CHECK(answer.field("Content-Type") == "text/html");
        CHECK(weir.logged("/id")["reason"] == "connect_refused");
    }
    SECTION("a file") {
        const scratch_directory files;
        const auto page = files.write("page", "<p>closed</p>");
        proxy weir{simple({nobody.address()}, "", "fallback file " + page + " status=200;")};
        const auto answer = get(weir.address(), "/id");
        CHECK(answer.status == 200);
        CHECK(answer.body == "<p>closed</p>");
    }
    SECTION("another backend, which gets the request whole") {
        origin_process other{named("other")};
        proxy weir{simple({nobody.address()}, "", "fallback backend other;") + "backend other { server " +
                   other.address() + "; }\n"};
        raw_client client{weir.address()};
        CHECK(where(client.get("/id")) == "other");
        const std::string put = "PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nfoo";
        CHECK(client.ask(put).body.starts_with("{\"length\":3,"));
    }
    SECTION("an answer of a server is none of its business") {
        origin_process web{{"--default", "status=500"}};
        proxy weir{simple({web.address()}, "", "fallback respond \"back soon\";")};
        CHECK(get(weir.address(), "/bytes/3").status == 500);
    }
}

TEST_CASE("sticky: a cookie brings a client back to its server, as long as that one is there", "[e2e]") {
    origin_process one{named("one")}, two{named("two")};
    proxy weir{simple({one.address(), two.address()}, "",
                      "balance round_robin; sticky weir_server; keep_alive connections=0;")};
    const auto first = get(weir.address(), "/id");
    const auto given = first.field("Set-Cookie");
    REQUIRE(given);
    REQUIRE(given->starts_with("weir_server="));
    const auto cookie = "Cookie: a=b; " + given->substr(0, given->find(';')) + "\r\n";
    for (int i = 0; i < 10; ++i) CHECK(where(get(weir.address(), "/id", cookie)) == where(first));

    auto& own = where(first) == "one" ? one : two;
    raw_client orders{own.address()};
    orders.get("/control/refuse");
    const auto moved = get(weir.address(), "/id", cookie);
    CHECK(moved.status == 200);
    CHECK(where(moved) != where(first));
    const auto anew = moved.field("Set-Cookie");
    REQUIRE(anew);
    CHECK(anew->substr(0, anew->find(';')) != given->substr(0, given->find(';')));
}
