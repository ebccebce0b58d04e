/// Bodies both ways: framing, sizes, interim responses, full duplex.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

using namespace weir::testing;

namespace {

constexpr std::size_t MiB = 1024 * 1024;

std::string digest_of(const std::string& bytes) {
    return "{\"length\":" + std::to_string(bytes.size()) + ",\"fnv1a64\":\"" + origin::hex16(origin::fnv1a(bytes)) +
           "\"}\n";
}

bool is_known(const std::string& bytes, std::size_t size) {
    return bytes.size() == size && !origin::first_difference(bytes, 0);
}

}  // namespace

TEST_CASE("downloads of every framing and size arrive whole", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    for (const std::size_t size : {0u, 1u, 1000u, 16384u, 16385u, 65536u, 131072u, 300'000u, 3'000'000u}) {
        const auto path = "/bytes/" + std::to_string(size);
        INFO(path);
        const auto plain = client.get(path);
        CHECK(plain.field("Content-Length") == std::to_string(size));
        CHECK(is_known(plain.body, size));
        const auto chunks = client.get(path + "?chunk=1000");
        CHECK(is_known(chunks.body, size));
        const auto in_chunks = client.get(path + "?chunked&chunk=70000");
        CHECK(in_chunks.field("Transfer-Encoding") == "chunked");
        CHECK(in_chunks.whole);
        CHECK(is_known(in_chunks.body, size));
        // The end of the server's connection becomes the last chunk; the client's connection stays.
        const auto until_close = client.get(path + "?close");
        CHECK(until_close.field("Transfer-Encoding") == "chunked");
        CHECK_FALSE(until_close.closes());
        CHECK(until_close.whole);
        CHECK(is_known(until_close.body, size));
    }
    CHECK(client.get("/bytes/2000?slice=7").body == origin::known_bytes(0, 2000));
}

TEST_CASE("a download of 50 MB", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    constexpr std::size_t size = 50'000'000;
    CHECK(is_known(get(weir.address(), "/bytes/50000000").body, size));
    CHECK(is_known(get(weir.address(), "/bytes/50000000?chunked&chunk=100000").body, size));
    const auto line = weir.logged("/bytes/50000000\"");
    CHECK(line["reason"] == "none");
    CHECK(line.number("bytes_out") > static_cast<long>(size));
}

TEST_CASE("uploads by length and in chunks arrive whole", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    for (const std::size_t size : {0u, 1u, 5000u, 70'000u, 131072u, 9'000'000u}) {
        INFO(size);
        const auto body = origin::known_bytes(0, size);
        const auto by_length = client.ask("PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(size) +
                                          "\r\n\r\n" + body);
        CHECK(by_length.body == digest_of(body));
        CHECK_FALSE(by_length.closes());
        for (const std::size_t piece : {4096u, 100'000u}) {
            const auto in_chunks = client.ask("PUT /upload HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                              chunked(body, piece));
            CHECK(in_chunks.body == digest_of(body));
        }
    }
    CHECK(client.get("/id").status == 200);
}

TEST_CASE("chunk extensions end here, trailers go through", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    SECTION("from the server") {
        const auto answer = client.get("/bytes/5?trailers", "TE: trailers\r\nConnection: TE\r\n");
        CHECK(answer.body == origin::known_bytes(0, 5));
        CHECK(answer.trailers == "X-Body-Length: 5\r\n");
        CHECK(answer.field("Trailer") == "X-Body-Length");
    }
    SECTION("from the client, echoed") {
        const auto answer =
            client.ask("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                       "3;name=value\r\nabc\r\n0;last\r\nX-Sum: 17\r\n\r\n");
        CHECK(answer.body == "abc");
        CHECK(answer.trailers == "X-Sum: 17\r\n");
    }
    SECTION("what frames messages is no trailer") {
        raw_client other{weir.address()};
        const auto answer = other.ask("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "3\r\nabc\r\n0\r\nContent-Length: 9\r\nX-Fine: y\r\n\r\n");
        CHECK_FALSE(answer.trailers.contains("Content-Length"));
    }
    CHECK(client.get("/id").status == 200);
}

TEST_CASE("Expect: 100-continue", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    SECTION("the server's 100 comes before the body is sent") {
        client.send("PUT /upload HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 "));
        const auto answer = client.ask("12345");
        CHECK(answer.body == digest_of("12345"));
        CHECK(answer.interim.empty());
        CHECK(client.get("/id").status == 200);
    }
    SECTION("a client that does not wait") {
        const auto answer = client.ask(
            "PUT /upload?nocontinue HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n12345");
        CHECK(answer.body == digest_of("12345"));
    }
    SECTION("a final answer instead: the body never comes, and the connection cannot stay") {
        const auto answer = client.ask(
            "PUT /upload?noread&status=403 HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        CHECK(answer.status == 403);
        CHECK(answer.interim.empty());
        CHECK(client.ended());
    }
    SECTION("HTTP/1.0 knows no 100: the expectation ends here") {
        const auto answer =
            client.ask("PUT /upload HTTP/1.0\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab");
        CHECK(answer.interim.empty());
        CHECK(answer.body == digest_of("ab"));
    }
}

TEST_CASE("interim responses go through", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    const auto answer = client.get("/bytes/5?interim=103&interim=103");
    REQUIRE(answer.interim.size() == 2);
    CHECK(answer.interim[0].starts_with("HTTP/1.1 103 Early Hints\r\n"));
    CHECK(answer.interim[0].contains("Link: </style.css>; rel=preload\r\n"));
    CHECK(answer.body == origin::known_bytes(0, 5));
    // Nobody asked for a 100, and HTTP/1.0 knows none of them.
    CHECK(client.get("/bytes/5?interim=100").interim.empty());
    CHECK(client.ask("GET /bytes/5?interim=103 HTTP/1.0\r\n\r\n").interim.empty());
}

TEST_CASE("full duplex: the answer begins while the request goes on", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    for (int i = 0; i < 5; ++i) {
        client.send("5\r\nhello\r\n");
        CHECK(client.read_exactly(10) == "5\r\nhello\r\n");
    }
    client.send("0\r\n\r\n");
    CHECK(client.read_exactly(5) == "0\r\n\r\n");
    CHECK(client.get("/id").status == 200);
    CHECK(weir.logged("/echo")["reason"] == "none");
}

TEST_CASE("an answer before the end of the body: it arrives whole, then the connection ends", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    client.send("PUT /upload?noread&status=413 HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(100 * MiB) +
                "\r\n\r\nabc");
    const auto answer = client.answer();
    CHECK(answer.status == 413);
    CHECK(answer.whole);
    CHECK(client.ended());
    CHECK(get(weir.address(), "/id").status == 200);
}

TEST_CASE("an early answer is not lost to a client that goes on sending", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "max_body 1KiB;")};
    raw_client client{weir.address()};
    client.send("PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 30000\r\n\r\n" + std::string(30000, 'x'));
    const auto answer = client.answer();
    CHECK(answer.status == 413);
    CHECK(answer.whole);
    CHECK(client.ended());
}
