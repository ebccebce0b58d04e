/// Further tries: where they are safe, how many, and what they carry.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/origin_digest.hpp"

using namespace weir::testing;

namespace {

const std::string body = origin::known_bytes(0, 5000);
const std::string upload_digest = "{\"length\":5000,\"fnv1a64\":\"" + origin::hex16(origin::fnv1a(body)) + "\"}\n";

std::string upload(const std::string& method, const std::string& fields = {}) {
    return method + " /upload HTTP/1.1\r\nHost: t\r\n" + fields + "Content-Length: 5000\r\n\r\n" + body;
}

/// The first server is asked first, always; the other one only when it has failed.
std::string in_order(const std::string& first, const std::string& second, const std::string& in_backend = {},
                     const std::string& in_route = {}) {
    return "listen 127.0.0.1:0 { route / web { " + in_route + " } }\nbackend web {\n    server " + first +
           ";\n    server " + second + " backup=on;\n    " + in_backend + "\n}\n";
}

}  // namespace

TEST_CASE("a body that was sent to a server that broke is sent once more, whole, if its method allows", "[e2e]") {
    raw_server broken;
    origin_process web;
    proxy weir{in_order(broken.address(), web.address(), "", "idempotency_key Idempotency-Key;")};
    raw_client client{weir.address()};
    const auto send_and_break = [&](const std::string& request) {
        client.send(request);
        auto server = broken.accept();
        CHECK(server.read_until(body).ends_with(body));
        server.reset();
        return client.answer();
    };
    SECTION("PUT") {
        const auto answer = send_and_break(upload("PUT"));
        CHECK(answer.status == 200);
        CHECK(answer.body == upload_digest);
        CHECK(weir.logged("/upload")["tries"] == "2");
    }
    SECTION("POST is never sent twice") {
        const auto answer = send_and_break(upload("POST"));
        CHECK(answer.status == 502);
        CHECK(answer.why() == "backend_reset");
        CHECK(origin_count(web.address(), "requests") == 0);
        CHECK(weir.logged("/upload")["tries"] == "1");
    }
    SECTION("unless the client says by a key that it may be") {
        const auto answer = send_and_break(upload("POST", "Idempotency-Key: 17\r\n"));
        CHECK(answer.status == 200);
        CHECK(answer.body == upload_digest);
    }
}

TEST_CASE("a body larger than what is kept is not sent twice", "[e2e]") {
    raw_server broken;
    origin_process web;
    proxy weir{in_order(broken.address(), web.address(), "retry 2 replay=4KiB;")};
    raw_client client{weir.address()};
    client.send(upload("PUT"));
    auto server = broken.accept();
    server.read_until(body);
    server.reset();
    CHECK(client.answer().status == 502);
    CHECK(origin_count(web.address(), "requests") == 0);
}

TEST_CASE("a status that is listed sends the request on to another server", "[e2e]") {
    origin_process busy{{"--default", "status=503"}}, web;
    const auto breakers_off = std::string{"breaker off; outliers off; "};
    SECTION("503 by default") {
        proxy weir{in_order(busy.address(), web.address(), breakers_off + "retry 2 reserve=100;")};
        raw_client client{weir.address()};
        for (int i = 0; i < 5; ++i) CHECK(client.get("/bytes/3").status == 200);
        CHECK(origin_count(busy.address(), "requests") == 5);
        CHECK(client.ask(upload("POST")).status == 503);
        CHECK(client.ask(upload("PUT")).body == upload_digest);
    }
    SECTION("not if it is not listed") {
        proxy weir{in_order(busy.address(), web.address(), breakers_off + "retry 2 on=reset reserve=100;")};
        CHECK(get(weir.address(), "/bytes/3").status == 503);
        CHECK(origin_count(web.address(), "requests") == 0);
    }
    SECTION("nor if the server says that it would be in vain") {
        proxy weir{in_order(busy.address(), web.address(), breakers_off + "retry 2 reserve=100;")};
        CHECK(get(weir.address(), "/bytes/3?header=X-Retry:%20no").status == 503);
        CHECK(origin_count(web.address(), "requests") == 0);
    }
    SECTION("a POST, too, if the server may be believed that it did nothing") {
        proxy weir{in_order(busy.address(), web.address(), breakers_off + "retry 2 reserve=100 trust_marker=on;")};
        raw_client client{weir.address()};
        const std::string marked =
            "POST /upload?header=X-Not-Processed:%201 HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n" + body;
        CHECK(client.ask(marked).body == upload_digest);
    }
}

TEST_CASE("the budget keeps retries from multiplying an outage", "[e2e]") {
    origin_process one{{"--default", "status=503"}}, two{{"--default", "status=503"}};
    proxy weir{simple({one.address(), two.address()}, "",
                      "retry 2 backoff=1ms..1ms budget=10% reserve=0; breaker off; outliers off;")};
    raw_client client{weir.address()};
    constexpr int requests = 100;
    for (int i = 0; i < requests; ++i) CHECK(client.get("/bytes/0").status == 503);
    const auto tries = origin_count(one.address(), "requests") + origin_count(two.address(), "requests");
    CHECK(tries >= requests);
    CHECK(tries <= requests + requests / 10);
}

TEST_CASE("the deadline goes with the request, and a trusted client may shorten it", "[e2e]") {
    origin_process web;
    const auto remaining = [](const http_answer& answer) {
        const auto at = answer.body.find("X-Request-Timeout-Ms: ");
        REQUIRE(at != answer.body.npos);
        CHECK(answer.body.find("X-Request-Timeout-Ms: ", at + 1) == answer.body.npos);
        return std::stol(answer.body.substr(at + 22));
    };
    SECTION("trusted") {
        proxy weir{simple({web.address()}, "trusted 127.0.0.0/8;", "retry 0;")};
        raw_client client{weir.address()};
        CHECK(remaining(client.get("/headers")) > 20'000);
        const auto left = remaining(client.get("/headers", "X-Request-Timeout-Ms: 5000\r\n"));
        CHECK(left > 0);
        CHECK(left <= 5000);
        CHECK(remaining(client.get("/headers", "X-Request-Timeout-Ms: 500000\r\n")) <= 30'000);
        const auto late = client.get("/id?silent", "X-Request-Timeout-Ms: 100\r\n");
        CHECK(late.status == 504);
        CHECK(late.why() == "total_timeout");
    }
    SECTION("not trusted") {
        proxy weir{simple({web.address()})};
        CHECK(remaining(get(weir.address(), "/headers", "X-Request-Timeout-Ms: 5000\r\n")) > 20'000);
    }
    SECTION("not told") {
        proxy weir{simple({web.address()}, "", "deadline_header off;")};
        CHECK_FALSE(get(weir.address(), "/headers").body.contains("X-Request-Timeout-Ms"));
    }
}
