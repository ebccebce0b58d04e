#include "proxy/heads.hpp"

#include "proxy/template.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"

using namespace weir;
using namespace weir::testing;

namespace {
bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

/// A request that has been read and routed.
struct routed {
    routed(std::string_view configuration, std::string_view head)
        : world{time, configuration}, r{world.worker, world.view, *world.client_stream} {
        http::request_parser parser;
        REQUIRE(parser.parse(head, {}, r.head).value_or(0) == head.size());
        r.way = world.view.shared.routes.find(r.head);
        REQUIRE(r.way);
        r.route = &r.way->settings;
        r.backend = &world.worker.backends[0];
    }
    ~routed() { r.logged = true; }
    std::string sent() const {
        std::string out;
        compose_request(out, r, time_point::max());
        return out;
    }
    std::string answered(std::string_view head, http::body_framing framing = {}) {
        http::response_head response;
        http::response_parser parser;
        REQUIRE(parser.parse(head, {}, response).value_or(0) == head.size());
        std::string out;
        compose_response(out, r, response, framing);
        return out;
    }
    virtual_loop time;
    proxy_world world;
    request r;
};
constexpr std::string_view with_actions =
    "listen 127.0.0.1:1 { route / web { request_header set X-A \"$host-$path\"; request_header remove Cookie;"
    " response_header set Server weir; response_header remove X-Powered-By; } } backend web { server 127.0.0.1:9001; }";
}  // namespace

TEST_CASE("heads: hop-by-hop fields stay here, the way is told") {
    routed q{proxy_world::plain,
             "GET http://h.example/p?q HTTP/1.1\r\nHost: other\r\nConnection: close, x-mine\r\nX-Mine: 1\r\n"
             "Keep-Alive: 5\r\nTE: trailers\r\nX-Forwarded-For: 6.6.6.6\r\nAccept: */*\r\n\r\n"};
    const auto out = q.sent();
    CHECK(out.starts_with("GET /p?q HTTP/1.1\r\nHost: h.example\r\n"));
    CHECK(out.ends_with("\r\n\r\n"));
    CHECK(has(out, "Accept: */*\r\n"));
    CHECK(has(out, "X-Forwarded-For: 192.0.2.1\r\n"));  // an untrusted peer is not believed
    CHECK(has(out, "Via: 1.1 weir\r\n"));
    CHECK(has(out, "X-Request-Id: "));
    CHECK(has(out, "TE: trailers\r\n"));
    CHECK(has(out, "Connection: te\r\n"));
    for (const char* gone : {"X-Mine", "x-mine", "Keep-Alive", "6.6.6.6", "close"}) CHECK_FALSE(has(out, gone));
}

TEST_CASE("heads: the route's actions, with variables") {
    routed q{with_actions, "GET /p HTTP/1.1\r\nHost: h\r\nCookie: secret\r\nX-A: theirs\r\n\r\n"};
    const auto out = q.sent();
    CHECK(has(out, "X-A: h-/p\r\n"));
    CHECK_FALSE(has(out, "theirs"));
    CHECK_FALSE(has(out, "secret"));
    const auto back =
        q.answered("HTTP/1.1 200 Fine\r\nServer: x\r\nX-Powered-By: y\r\nX-B: 1\r\nContent-Length: 3\r\n\r\n",
                   {http::body_framing::kind::length, 3});
    CHECK(back.starts_with("HTTP/1.1 200 Fine\r\n"));
    CHECK(has(back, "Server: weir\r\n"));
    CHECK(has(back, "X-B: 1\r\n"));
    CHECK(has(back, "Content-Length: 3\r\n"));
    CHECK_FALSE(has(back, "X-Powered-By"));
    CHECK_FALSE(has(back, "Server: x"));
}

TEST_CASE("heads: Retry-After in seconds, or as a date by the server's own clock") {
    const auto pause = [](const std::string& fields) {
        http::response_head head;
        http::response_parser parser;
        const auto text = "HTTP/1.1 503 Busy\r\n" + fields + "\r\n";
        REQUIRE(parser.parse(text, {}, head).value_or(0) == text.size());
        constexpr std::int64_t our_clock = 784'111'700'000'000;  // 1994-11-06 08:48:20
        return retry_after(head, our_clock);
    };
    CHECK(pause("") == std::nullopt);
    CHECK(pause("Retry-After: 120\r\n") == 120s);
    CHECK(pause("Retry-After: soon\r\n") == std::nullopt);
    CHECK(pause("Retry-After: -1\r\n") == std::nullopt);
    const std::string date = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    CHECK(pause(date) == 77s);
    CHECK(pause(date + "Date: Sun, 06 Nov 1994 08:49:30 GMT\r\n") == 7s);
    CHECK(pause(date + "Date: Sun, 06 Nov 1994 09:00:00 GMT\r\n") == 0s);
    CHECK(pause(date + "Date: yesterday\r\n") == 77s);
}

TEST_CASE("heads: whether the client's connection stays is said in its own version's way") {
    routed modern{proxy_world::plain, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"};
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    modern.r.keep_client = true;
    CHECK_FALSE(has(modern.answered(answer), "Connection"));  // what the server does is its own business
    modern.r.keep_client = false;
    CHECK(has(modern.answered(answer), "Connection: close\r\n"));
    routed old{proxy_world::plain, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};
    old.r.keep_client = true;
    CHECK(has(old.answered(answer), "Connection: keep-alive\r\n"));
}
