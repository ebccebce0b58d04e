/// Which request goes where, and what weir answers by itself.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

#include <map>

using namespace weir::testing;

TEST_CASE("routes: the first that matches by path, host and method", "[e2e]") {
    origin_process a{{"--name", "a"}}, b{{"--name", "b"}}, c{{"--name", "c"}};
    proxy weir{
        "listen 127.0.0.1:0 {\n  route /api a method=GET,HEAD;\n  route / b host=www.example.com,*.example.org;\n  route /x/ c;\n"
        "  route /api/id b method=POST;\n}\n"
        "backend a { server " +
        a.address() + "; }\nbackend b { server " + b.address() + "; }\nbackend c { server " + c.address() + "; }"};
    raw_client client{weir.address()};
    const auto who = [&](const std::string& method, const std::string& target, const std::string& host) {
        const auto answer =
            client.ask(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\n\r\n");
        return answer.status == 200 ? answer.body : answer.why();
    };
    CHECK(who("GET", "/api/id", "any") == "a");
    CHECK(who("POST", "/api/id", "any") == "b");
    CHECK(who("GET", "/apix/id", "any") == "no_route");  // whole segments only
    CHECK(who("GET", "/id", "WWW.Example.com:8080") == "b");
    CHECK(who("GET", "/id", "deep.sub.example.org") == "b");
    CHECK(who("GET", "/id", "example.org") == "no_route");  // the wildcard wants a name before it
    CHECK(who("GET", "/id", "notexample.org") == "no_route");
    CHECK(who("GET", "/x/id", "any") == "c");
    CHECK(who("GET", "/%78/id", "any") == "c");  // the same path, written otherwise
    CHECK(who("GET", "/x", "any") == "no_route");
    CHECK(who("GET", "http://www.example.com/id", "other") == "b");  // the target decides, not Host
    CHECK(client.get("/nowhere").status == 404);
    CHECK(weir.logged("/nowhere")["reason"] == "no_route");
}

TEST_CASE("routes: default_backend takes the rest", "[e2e]") {
    origin_process a{{"--name", "a"}}, b{{"--name", "b"}};
    proxy weir{"listen 127.0.0.1:0 { route /a a; default_backend b; }\n"
               "backend a { server " +
               a.address() + "; }\nbackend b { server " + b.address() + "; }"};
    CHECK(get(weir.address(), "/a/id").body == "a");
    CHECK(get(weir.address(), "/id").body == "b");
}

TEST_CASE("redirect and respond need no server", "[e2e]") {
    proxy weir{"listen 127.0.0.1:0 {\n"
               "  route /old { redirect 301 https://$host/new$target; response_header add X-Why moved; }\n"
               "  route /hi { respond 200 \"hello\\n\" type=text/x-greeting; }\n  route /none { respond 204; }\n}\n"};
    raw_client client{weir.address()};
    const auto moved = client.get("/old/page?a=b");
    CHECK(moved.status == 301);
    CHECK(moved.field("Location") == "https://t/new/old/page?a=b");
    CHECK(moved.field("X-Why") == "moved");
    const auto hello = client.get("/hi");
    CHECK(hello.status == 200);
    CHECK(hello.body == "hello\n");
    CHECK(hello.field("Content-Type") == "text/x-greeting");
    const auto head = client.ask("HEAD /hi HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD");
    CHECK(head.field("Content-Length") == "6");
    CHECK(client.get("/none").status == 204);
    const auto line = weir.logged("/hi");
    CHECK(line["backend"] == "null");
    CHECK(line["tries"] == "0");
    // A body that nobody reads: the answer comes, then the connection ends.
    const auto last = client.ask("POST /hi HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde");
    CHECK(last.body == "hello\n");
    CHECK(last.closes());
    CHECK(client.ended());
}

TEST_CASE("absolute and asterisk form", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    const auto seen = client.ask("GET http://a.example:81/headers?x HTTP/1.1\r\nHost: b.example\r\n\r\n").body;
    CHECK(seen.starts_with("GET /headers?x HTTP/1.1\r\n"));
    CHECK(seen.contains("\r\nHost: a.example:81\r\n"));
    CHECK_FALSE(seen.contains("b.example"));
    CHECK(client.ask("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n").body.contains("OPTIONS *"));
}

TEST_CASE("balancing: round robin by weight", "[e2e]") {
    origin_process a{{"--name", "a"}}, b{{"--name", "b"}};
    proxy weir{"listen 127.0.0.1:0 { route / web; }\nbackend web { balance round_robin; server " + a.address() +
               "; server " + b.address() + " weight=3; }"};
    std::map<std::string, int> seen;
    raw_client client{weir.address()};
    for (int i = 0; i < 40; ++i) ++seen[client.get("/id").body];
    CHECK(seen["a"] == 10);
    CHECK(seen["b"] == 30);
}

TEST_CASE("balancing: the less loaded server gets the request", "[e2e]") {
    origin_process a{{"--name", "a"}}, b{{"--name", "b"}};
    const auto how = GENERATE("p2c", "least_requests");
    proxy weir{simple({a.address(), b.address()}, "", std::string{"balance "} + how + ";")};
    raw_client waiting{weir.address()};
    waiting.send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(eventually(
        [&] { return origin_count(a.address(), "in_flight") + origin_count(b.address(), "in_flight") == 1; }));
    const auto other = origin_count(a.address(), "in_flight") == 1 ? "b" : "a";
    raw_client client{weir.address()};
    for (int i = 0; i < 10; ++i) CHECK(client.get("/id").body == other);
}

TEST_CASE("a server by name", "[e2e]") {
    origin_process web;
    proxy weir{simple({"localhost:" + std::to_string(web.port())})};
    CHECK(get(weir.address(), "/id").status == 200);
    CHECK(weir.told("resolved localhost").contains("127.0.0.1"));
}
