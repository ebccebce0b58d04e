/// What the server learns of the client and of the way, and what goes no further.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

/// How often a line that starts so stands in the request that the origin saw.
int lines(const std::string& seen, const std::string& start) {
    int n = 0;
    for (auto at = seen.find("\r\n" + start); at != seen.npos; at = seen.find("\r\n" + start, at + 1)) ++n;
    return n;
}

/// A listener that trusts nobody and one that trusts everybody on this machine.
struct two_doors {
    origin_process web;
    proxy weir{"listen 127.0.0.1:0 { route / web; }\n"
               "listen 127.0.0.1:0 { trusted 127.0.0.0/8; route / web; }\n"
               "backend web { server " +
               web.address() + "; }"};
    std::string seen(std::size_t door, std::string_view fields) {
        return get(weir.address(door), "/headers", fields).body;
    }
};

}  // namespace

TEST_CASE("hop-by-hop fields end here, in both directions", "[e2e]") {
    two_doors at;
    const auto seen =
        at.seen(0, "Connection: keep-alive, X-Private, x-other\r\nX-Private: 1\r\nx-Other: 2\r\nX-Public: 3\r\n"
                   "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: h2c\r\n"
                   "Proxy-Authorization: Basic x\r\nProxy: http://evil\r\nHTTP2-Settings: AAA\r\n");
    CHECK(seen.contains("X-Public: 3\r\n"));
    for (const auto* gone :
         {"Connection:", "X-Private", "x-Other", "Keep-Alive", "Proxy-", "TE:", "Upgrade", "Proxy:", "HTTP2-"}) {
        INFO(gone);
        CHECK(lines(seen, gone) == 0);
    }
    const auto answer = get(
        at.weir.address(),
        "/bytes/1?header=Connection:%20X-Mine&header=X-Mine:%20secret&header=Keep-Alive:%20timeout=5&header=X-Yours:%20ok");
    CHECK(answer.status == 200);
    CHECK_FALSE(answer.has("X-Mine"));
    CHECK_FALSE(answer.has("Keep-Alive"));
    CHECK(answer.field("X-Yours") == "ok");
}

TEST_CASE("Via says that we were here, in both directions", "[e2e]") {
    two_doors at;
    CHECK(at.seen(0, "Via: 1.1 before\r\n").contains("Via: 1.1 before\r\n"));
    CHECK(lines(at.seen(0, ""), "Via: 1.1 weir\r\n") == 1);
    raw_client old{at.weir.address()};
    CHECK(old.ask("GET /headers HTTP/1.0\r\n\r\n").body.contains("Via: 1.0 weir\r\n"));
    CHECK(get(at.weir.address(), "/id").field("Via") == "1.1 weir");
    CHECK(get(at.weir.address(), "/id").has("Date"));
}

TEST_CASE("an untrusted client cannot speak for another", "[e2e]") {
    two_doors at;
    const auto seen = at.seen(0, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
                                 "Forwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\nX_Forwarded_For: 6.6.6.6\r\n");
    CHECK_FALSE(seen.contains("6.6.6.6"));
    CHECK_FALSE(seen.contains("evil"));
    CHECK_FALSE(seen.contains("X-Request-Id: mine"));
    CHECK(lines(seen, "X-Forwarded-For: 127.0.0.1\r\n") == 1);
    CHECK(lines(seen, "X-Forwarded-Proto: http\r\n") == 1);
    CHECK(lines(seen, "X-Forwarded-Host: t\r\n") == 1);
    CHECK(lines(seen, "Forwarded: for=127.0.0.1;host=t;proto=http\r\n") == 1);
    CHECK(lines(seen, "X-Request-Id: ") == 1);
    CHECK(lines(seen, "Host: t\r\n") == 1);
}

TEST_CASE("what a trusted proxy says is kept and added to", "[e2e]") {
    two_doors at;
    const auto seen =
        at.seen(1, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"
                   "Forwarded: for=6.6.6.6\r\nX-Request-Id: theirs-17\r\n");
    CHECK(lines(seen, "X-Forwarded-For: 6.6.6.6, 127.0.0.1\r\n") == 1);
    CHECK(lines(seen, "X-Forwarded-Proto: https\r\n") == 1);
    CHECK(lines(seen, "X-Forwarded-Host: shop.example\r\n") == 1);
    CHECK(lines(seen, "Forwarded: for=6.6.6.6, for=127.0.0.1;host=t;proto=http\r\n") == 1);
    CHECK(lines(seen, "X-Request-Id: theirs-17\r\n") == 1);
    CHECK(at.weir.logged("theirs-17")["id"] == "theirs-17");
}

TEST_CASE("request ids differ, and the one of a request is in the log", "[e2e]") {
    two_doors at;
    const auto id_in = [](const std::string& seen) {
        const auto begin = seen.find("X-Request-Id: ") + 14;
        return seen.substr(begin, seen.find("\r\n", begin) - begin);
    };
    const auto one = id_in(at.seen(0, "")), two = id_in(at.seen(0, ""));
    CHECK(one != two);
    CHECK(at.weir.logged(one)["target"] == "/headers");
}

TEST_CASE("forwarded: the styles", "[e2e]") {
    origin_process web;
    proxy weir{
        "listen 127.0.0.1:0 { forwarded off; route / web; }\nlisten 127.0.0.1:0 { forwarded x_forwarded; route / web; }\n"
        "listen 127.0.0.1:0 { forwarded rfc7239; route / web; }\nbackend web { server " +
        web.address() + "; }"};
    const std::string claim = "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n";
    for (std::size_t door = 0; door < 3; ++door) {
        const auto seen = get(weir.address(door), "/headers", claim).body;
        CHECK_FALSE(seen.contains("6.6.6.6"));
        CHECK(lines(seen, "X-Forwarded-For") == (door == 1));
        CHECK(lines(seen, "Forwarded") == (door == 2));
    }
}

TEST_CASE("Max-Forwards counts for OPTIONS and TRACE", "[e2e]") {
    two_doors at;
    raw_client client{at.weir.address()};
    const auto seen = client.ask("OPTIONS /headers HTTP/1.1\r\nHost: t\r\nMax-Forwards: 5\r\n\r\n").body;
    CHECK(lines(seen, "Max-Forwards: 4\r\n") == 1);
    CHECK(lines(seen, "Max-Forwards") == 1);
    CHECK(client.ask("OPTIONS /headers HTTP/1.1\r\nHost: t\r\nMax-Forwards: 0\r\n\r\n").has("Allow"));
    CHECK(client.ask("TRACE /headers HTTP/1.1\r\nHost: t\r\nMax-Forwards: 0\r\n\r\n").status == 405);
    CHECK(client.get("/headers", "Max-Forwards: 7\r\n").body.contains("Max-Forwards: 7\r\n"));
    CHECK(client.ask("OPTIONS /headers HTTP/1.1\r\nHost: t\r\nMax-Forwards: no\r\n\r\n").status == 400);
}

TEST_CASE("fields of the message itself go through as they are", "[e2e]") {
    two_doors at;
    const auto seen = at.seen(
        0,
        "Cookie: a=b; c=d\r\nAuthorization: Bearer x.y\r\nX-Twice: 1\r\nX-Twice: 2\r\nx-empty:\r\nX-Pad:  \t v \t\r\n");
    for (const auto* there : {"Cookie: a=b; c=d\r\n", "Authorization: Bearer x.y\r\n", "X-Twice: 1\r\n",
                              "X-Twice: 2\r\n", "x-empty: \r\n", "X-Pad: v\r\n"}) {
        INFO(there);
        CHECK(lines(seen, there) == 1);
    }
    const auto answer = get(at.weir.address(), "/bytes/1?header=Set-Cookie:%20a=1&header=Set-Cookie:%20b=2");
    CHECK(answer.field("Set-Cookie") == "a=1, b=2");
}

TEST_CASE("request_header and response_header", "[e2e]") {
    origin_process web;
    proxy weir{
        "listen 127.0.0.1:0 { route / web {\n"
        "  request_header set X-Set \"$host $path $client_address $scheme $$\";\n  request_header add X-Add more;\n"
        "  request_header remove X-Remove;\n  request_header set Host inner.example;\n"
        "  request_header remove X-Forwarded-Host;\n  request_header set X-Request-Id fixed;\n"
        "  response_header set X-Server \"$target\";\n  response_header add X-Add two;\n  response_header remove Link;\n} }\n"
        "backend web { server " +
        web.address() + "; }"};
    const auto seen = get(weir.address(), "/headers?q", "X-Set: old\r\nX-Add: one\r\nX-Remove: x\r\n").body;
    CHECK(lines(seen, "X-Set: t /headers 127.0.0.1 http $\r\n") == 1);
    CHECK(lines(seen, "X-Set:") == 1);
    CHECK(lines(seen, "X-Add: one\r\n") == 1);
    CHECK(lines(seen, "X-Add: more\r\n") == 1);
    CHECK(lines(seen, "X-Remove") == 0);
    CHECK(lines(seen, "Host: inner.example\r\n") == 1);
    CHECK(lines(seen, "Host:") == 1);
    // What weir would write by itself too.
    CHECK(lines(seen, "X-Forwarded-Host") == 0);
    CHECK(lines(seen, "X-Request-Id: fixed\r\n") == 1);
    CHECK(lines(seen, "X-Request-Id") == 1);
    const auto answer = get(weir.address(), "/bytes/1?header=X-Server:%20inner&header=X-Add:%20one&header=Link:%20l");
    CHECK(answer.field("X-Server") == "/bytes/1?header=X-Server:%20inner&header=X-Add:%20one&header=Link:%20l");
    CHECK(answer.field("X-Add") == "one, two");
    CHECK_FALSE(answer.has("Link"));
}
