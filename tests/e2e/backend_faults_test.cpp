/// Servers that refuse, vanish, babble or stop half-way.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

using namespace weir::testing;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string post = "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc";

}  // namespace

TEST_CASE("a refused connection: the next server is tried, for any method", "[e2e]") {
    origin_process web;
    closed_port nobody;
    proxy weir{simple({nobody.address(), web.address()}, "", "balance round_robin;")};
    raw_client client{weir.address()};
    for (int i = 0; i < 6; ++i) {
        CHECK(client.get("/id").status == 200);
        CHECK(client.ask("POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc").status == 200);
    }
    CHECK(origin_count(web.address(), "requests") == 12);
    CHECK(weir.logged("\"tries\":2")["server"] == web.address());
}

TEST_CASE("retry 0: one server, one try", "[e2e]") {
    origin_process web;
    closed_port nobody;
    proxy weir{simple({nobody.address(), web.address()}, "", "balance round_robin; retry 0;")};
    raw_client client{weir.address()};
    int refused = 0;
    for (int i = 0; i < 4; ++i) refused += client.get("/id").why() == "connect_refused";
    CHECK(refused == 2);
}

TEST_CASE("a pooled connection that dies under a request", "[e2e]") {
    raw_server server;
    proxy weir{simple({server.address()})};
    raw_client client{weir.address()};
    client.send("GET /first HTTP/1.1\r\nHost: t\r\n\r\n");
    auto pooled = server.accept();
    pooled.read_until("\r\n\r\n");
    pooled.send(ok);
    REQUIRE(client.answer().body == "ok");

    SECTION("a GET is sent once more, on a new connection") {
        const auto dying = GENERATE("closed", "reset");
        client.send("GET /second HTTP/1.1\r\nHost: t\r\n\r\n");
        CHECK(pooled.read_until("\r\n\r\n").starts_with("GET /second "));
        if (std::string_view{dying} == "reset") pooled.reset();
        else pooled.hang_up();
        auto fresh = server.accept();
        CHECK(fresh.read_until("\r\n\r\n").starts_with("GET /second "));
        fresh.send(ok);
        CHECK(client.answer().body == "ok");
        CHECK(weir.logged("/second")["tries"] == "2");
    }
    SECTION("a POST is not: the server may have acted on it") {
        const bool with_body = GENERATE(true, false);
        client.send(with_body ? post : "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n");
        CHECK(pooled.read_until(with_body ? "abc" : "\r\n\r\n").starts_with("POST /p "));
        pooled.hang_up();
        const auto answer = client.answer();
        CHECK(answer.status == 502);
        CHECK(answer.why() == "backend_closed");
        CHECK(weir.logged("/p")["tries"] == "1");
    }
    SECTION("nor is anything once the answer has begun") {
        client.send("GET /second HTTP/1.1\r\nHost: t\r\n\r\n");
        pooled.read_until("\r\n\r\n");
        pooled.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        pooled.hang_up();
        const auto answer = client.answer();
        CHECK(answer.status == 200);
        CHECK(answer.body == "half");
        CHECK_FALSE(answer.whole);
        CHECK(weir.logged("/second")["tries"] == "1");
    }
    SECTION("one that has closed meanwhile is not used for a POST") {
        pooled.hang_up();
        client.send(post);
        auto fresh = server.accept();
        CHECK(fresh.read_until("abc").starts_with("POST /p "));
        fresh.send(ok);
        CHECK(client.answer().body == "ok");
    }
}

TEST_CASE("a new connection that breaks: a GET goes on to the next server, a POST does not", "[e2e]") {
    origin_process web;
    raw_server broken;
    proxy weir{simple({broken.address(), web.address()}, "", "balance round_robin;")};
    raw_client client{weir.address()};
    // The turn's first server is the broken one or comes second; within two requests it is asked.
    bool asked = false;
    SECTION("GET") {
        client.send("GET /bytes/3 HTTP/1.1\r\nHost: t\r\n\r\nGET /bytes/3 HTTP/1.1\r\nHost: t\r\n\r\n");
        auto one = broken.accept();
        one.read_until("\r\n\r\n");
        one.reset();
        CHECK(client.answer().status == 200);
        CHECK(client.answer().status == 200);
        asked = true;
    }
    SECTION("POST") {
        client.send(
            "POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabcPOST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc");
        auto one = broken.accept();
        one.read_until("abc");
        one.reset();
        const int first = client.answer().status, second = client.answer().status;
        CHECK(std::min(first, second) == 200);
        CHECK(std::max(first, second) == 502);
        CHECK(origin_count(web.address(), "requests") == 1);
        asked = true;
    }
    CHECK(asked);
}

TEST_CASE("servers that close idle connections soon: a GET never fails", "[e2e]") {
    origin_process web{{"--idle-close", "3ms"}}, pace;
    proxy weir{"listen 127.0.0.1:0 { route / web; route /pace pace; }\nbackend web { server " + web.address() +
               "; }\n"
               "backend pace { server " +
               pace.address() + "; }"};
    raw_client client{weir.address()}, other{pace.address()};
    int failed = 0;
    for (int i = 0; i < 300; ++i) {
        failed += client.get("/id").status != 200;
        other.get("/id?delay=" + std::to_string(i % 60 * 100) + "us");  // 0 to 6 ms, around the server's limit
    }
    CHECK(failed == 0);
}

TEST_CASE("a body that ends too early is a broken transfer for the client", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    for (const auto* target : {"/bytes/500?cut=200", "/bytes/500?cut=200&hard", "/bytes/500?chunked&cut=200",
                               "/bytes/500?chunked&chunk=100&cut=200", "/bytes/3000000?cut=2000000",
                               "/bytes/3000000?cut=2000000&hard", "/bytes/3000000?chunked&cut=2000000"}) {
        INFO(target);
        raw_client one{weir.address()};
        const auto answer = one.get(target);
        CHECK(answer.status == 200);
        CHECK_FALSE(answer.whole);
        const std::string why = weir.logged(target)["reason"];
        CHECK((why == "response_truncated" || why == "backend_reset"));
    }
    CHECK(get(weir.address(), "/id").status == 200);
}

TEST_CASE("a cut body cannot look whole: HTTP/1.0 clients and bodies until the end", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client old{weir.address()};
    const auto answer = old.ask("GET /bytes/500?chunked&cut=200 HTTP/1.0\r\n\r\n");
    CHECK(answer.status == 200);
    CHECK_FALSE(answer.whole);  // a reset, for an orderly end would say that this is all
    const auto reset = get(weir.address(), "/bytes/500?close&cut=200&hard");
    CHECK_FALSE(reset.whole);
}

TEST_CASE("garbage instead of a chunk", "[e2e]") {
    SECTION("at once: a 502") {
        origin_process web;
        proxy weir{simple({web.address()})};
        raw_client client{weir.address()};
        const auto answer = client.get(
            "/raw?keep&text=HTTP/1.1%20200%20OK%0D%0ATransfer-Encoding:%20chunked%0D%0A%0D%0A3%0D%0AabcXX0%0D%0A");
        CHECK(answer.status == 502);
        CHECK(answer.why() == "bad_response");
        CHECK(weir.logged("/raw")["reason"] == "bad_response");
        CHECK(client.get("/id").status == 200);
    }
    SECTION("later: a broken transfer") {
        raw_server server;
        proxy weir{simple({server.address()})};
        raw_client client{weir.address()};
        client.send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
        auto at = server.accept();
        at.read_until("\r\n\r\n");
        at.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        CHECK(client.read_until("abc\r\n").starts_with("HTTP/1.1 200 "));
        at.send("XX\r\nabc\r\n");
        CHECK(client.read_all().empty());
        CHECK(client.was_reset());
        CHECK(weir.logged("/late")["reason"] == "bad_response");
    }
}

TEST_CASE("interim responses without end", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    std::string many;
    for (int i = 0; i < 40; ++i) many += "interim=103&";
    const auto answer = get(weir.address(), "/id?" + many);
    CHECK(answer.status == 502);
    CHECK(answer.why() == "bad_response");
    CHECK(get(weir.address(), "/id?interim=103&interim=102").interim.size() == 2);
}

TEST_CASE("a server that breaks during an upload, and one that answers first", "[e2e]") {
    raw_server server;
    proxy weir{simple({server.address()})};
    raw_client client{weir.address()};
    client.send("POST /big HTTP/1.1\r\nHost: t\r\nContent-Length: 50000000\r\n\r\n");
    auto at = server.accept();
    at.read_until("\r\n\r\n");
    SECTION("reset") {
        client.send("part of it");
        at.read_until("part of it");
        at.reset();
        CHECK(client.answer().why() == "backend_reset");
    }
    SECTION("an answer, then the end of it") {
        client.send("part of it");
        at.read_until("part of it");
        at.send("HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull");
        at.hang_up();
        const auto answer = client.answer();
        CHECK(answer.status == 507);
        CHECK(answer.body == "full");
    }
    CHECK(client.ended());
}
