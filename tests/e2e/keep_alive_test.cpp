/// Connections that carry more than one request, or must not.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

using namespace weir::testing;

TEST_CASE("keep-alive: many requests on one connection, and one connection to the server", "[e2e]") {
    origin_process web{{"--name", "one"}};
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    for (int i = 0; i < 20; ++i) {
        const auto answer = client.get("/id");
        REQUIRE(answer.status == 200);
        CHECK(answer.body == "one");
        CHECK_FALSE(answer.closes());
    }
    CHECK(origin_count(web.address(), "requests") == 20);
    CHECK(origin_count(web.address(), "connections_accepted") == 3);  // two of them ask for the counts
}

TEST_CASE("pipelining: answers come in the order of the requests", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    std::string requests;
    const std::string post = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody";
    for (int i = 0; i < 30; ++i) {
        // The earlier answers are the slower ones.
        requests += "GET /bytes/" + std::to_string(100 + i) + "?delay=" + std::to_string((30 - i) / 3) +
                    "ms HTTP/1.1\r\nHost: t\r\n\r\n";
        if (i % 10 == 5) requests += post;
    }
    client.send(requests);
    for (std::size_t i = 0; i < 30; ++i) {
        CHECK(client.answer().body == origin::known_bytes(0, 100 + i));
        if (i % 10 == 5) CHECK(client.answer().body == "body");
    }
    client.finish_sending();
    CHECK(client.ended());
}

TEST_CASE("pipelining: what follows a request that closes is not answered", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    client.send(
        "GET /bytes/1 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\nGET /bytes/2 HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(client.answer().closes());
    CHECK(client.ended());
    CHECK(origin_count(web.address(), "requests") == 1);
}

TEST_CASE("a request that comes byte by byte is one request", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    for (const char c :
         std::string{"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"})
        client.send({&c, 1});
    const auto answer = client.answer();
    CHECK(answer.body == "abc");
    CHECK(answer.whole);
    CHECK(client.get("/id").status == 200);
}

TEST_CASE("HTTP/1.0: closes, unless the client asks for more", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    SECTION("without keep-alive") {
        const auto answer = client.ask("GET /bytes/7 HTTP/1.0\r\n\r\n");
        CHECK(answer.head.starts_with("HTTP/1.1 200 "));
        CHECK(answer.body == origin::known_bytes(0, 7));
        CHECK(client.ended());
        CHECK(weir.logged("/bytes/7")["version"] == "1.0");
    }
    SECTION("with keep-alive") {
        for (int i = 0; i < 3; ++i) {
            const auto answer = client.ask("GET /bytes/7 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
            CHECK(answer.body == origin::known_bytes(0, 7));
            CHECK(answer.field("Connection") == "keep-alive");
        }
    }
    SECTION("a chunked answer is delimited by the end of the connection instead") {
        const auto answer = client.ask("GET /bytes/50000?chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        CHECK_FALSE(answer.has("Transfer-Encoding"));
        CHECK_FALSE(answer.has("Content-Length"));
        CHECK(answer.closes());
        CHECK(answer.body == origin::known_bytes(0, 50000));
    }
    SECTION("a server that speaks 1.0") {
        for (int i = 0; i < 2; ++i) {
            const auto answer = client.get("/bytes/9?version=1.0");
            CHECK(answer.head.starts_with("HTTP/1.1 200 "));
            CHECK(answer.body == origin::known_bytes(0, 9));
            CHECK_FALSE(answer.closes());
        }
    }
}

TEST_CASE("HEAD: the head of the answer, no body, and the connection stays in step", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    const auto answer = client.ask("HEAD /bytes/5000 HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD");
    CHECK(answer.status == 200);
    CHECK(answer.field("Content-Length") == "5000");
    const auto of_chunks = client.ask("HEAD /bytes/5000?chunked HTTP/1.1\r\nHost: t\r\n\r\n", "HEAD");
    CHECK(of_chunks.status == 200);
    CHECK(client.get("/bytes/3").body == origin::known_bytes(0, 3));
    client.finish_sending();
    CHECK(client.ended());
}

TEST_CASE("204 and 304 have no body, whatever the server announces", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    CHECK(client.get("/bytes/5?status=204").status == 204);
    CHECK(client.get("/bytes/5?status=304").status == 304);
    const auto with_length = client.get("/bytes/5?status=304&header=Content-Length:%2077");
    CHECK(with_length.status == 304);
    CHECK(with_length.field("Content-Length") == "77");  // it is what a 200 would have
    CHECK(client.get("/bytes/5").body == origin::known_bytes(0, 5));
}

TEST_CASE("max_requests: the last one is announced, then the connection ends", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "max_requests 3;")};
    raw_client client{weir.address()};
    CHECK_FALSE(client.get("/id").closes());
    CHECK_FALSE(client.get("/id").closes());
    CHECK(client.get("/id").closes());
    CHECK(client.ended());
}

TEST_CASE("keep_alive requests=: connections to servers are renewed", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "keep_alive requests=1;")};
    raw_client client{weir.address()};
    for (int i = 0; i < 4; ++i) CHECK(client.get("/id").status == 200);
    CHECK(origin_count(web.address(), "connections_accepted") == 5);
}

TEST_CASE("a client that leaves early ends its request at the server too", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    SECTION("while waiting for the answer") {
        raw_client client{weir.address()};
        client.send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
        CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
    }
    SECTION("while waiting for the answer to what it has uploaded") {
        raw_client client{weir.address()};
        client.send("POST /upload?silent HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
        CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
        client.send("1\r\nx\r\n0\r\n\r\n");
        CHECK(eventually([&] { return origin_count(web.address(), "bytes_received") > 0; }));
    }
    SECTION("in the middle of the answer") {
        raw_client client{weir.address(), 4096};
        client.send("GET /bytes/100000000 HTTP/1.1\r\nHost: t\r\n\r\n");
        CHECK(client.read_exactly(1000).size() == 1000);
    }
    SECTION("in the middle of its body") {
        raw_client client{weir.address()};
        client.send("POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc");
        CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
    }
    CHECK(weir.logged("\"method\"")["reason"] == "client_closed");
    CHECK(eventually([&] { return origin_count(web.address(), "aborted") == 1; }));
}
