/// Circuit breakers: a server that fails gets no requests for a while, and is tried again.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

/// As long as a test may take.
const std::string stays_open = "retry 0; outliers off; panic off; breaker on failures=3 open=1m..1m;";
const std::string opens_briefly = "retry 0; outliers off; panic off; breaker on failures=3 open=50ms..50ms;";

}  // namespace

TEST_CASE("a breaker opens after so many failures in a row, and says so", "[e2e]") {
    origin_process web{{"--default", "status=503"}};
    proxy weir{simple({web.address()}, "", stays_open)};
    raw_client client{weir.address()};
    for (int i = 0; i < 3; ++i) CHECK(client.get("/bytes/1").why().empty());  // the server's own 503
    for (int i = 0; i < 5; ++i) {
        const auto refused = client.get("/refused");
        CHECK(refused.status == 503);
        CHECK(refused.why() == "breaker_open");
        CHECK(refused.field("Proxy-Status")->starts_with("weir; error="));
        CHECK(refused.field("X-Not-Processed") == "1");
    }
    CHECK(weir.logged("/refused")["reason"] == "breaker_open");
    CHECK(origin_count(web.address(), "requests") == 3);
}

TEST_CASE("what does not open a breaker", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", stays_open)};
    raw_client client{weir.address()};
    SECTION("errors that are the client's, or the application's") {
        for (int i = 0; i < 10; ++i) CHECK(client.get("/bytes/1?status=404").status == 404);
        for (int i = 0; i < 10; ++i) CHECK(client.get("/bytes/1?status=500").status == 500);
    }
    SECTION("failures with successes between them") {
        for (int i = 0; i < 10; ++i) {
            CHECK(client.get("/bytes/1?status=503").status == 503);
            CHECK(client.get("/bytes/1?status=503").status == 503);
            for (int good = 0; good < 3; ++good) CHECK(client.get("/bytes/1").status == 200);
        }
    }
    SECTION("clients that leave") {
        for (int i = 0; i < 10; ++i) {
            raw_client leaves{weir.address()};
            leaves.send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
            REQUIRE(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
            leaves.hang_up();
            REQUIRE(eventually([&] { return origin_count(web.address(), "in_flight") == 0; }));
        }
    }
    CHECK(client.get("/bytes/1").status == 200);
}

TEST_CASE("a breaker lets a probe through after a while, and closes when the server is well", "[e2e]") {
    origin_process web{{"--default", "status=503"}};
    proxy weir{simple({web.address()}, "", opens_briefly)};
    raw_client client{weir.address()};
    for (int i = 0; i < 3; ++i) client.get("/bytes/1");
    CHECK(get(web.address(), "/control/reset").status == 200);
    // The first probes are let in one at a time; afterwards, its share grows step by step.
    int in_a_row = 0;
    CHECK(eventually([&] {
        in_a_row = get(weir.address(), "/bytes/1").status == 200 ? in_a_row + 1 : 0;
        return in_a_row == 50;
    }));
}

TEST_CASE("a server that nobody can connect to is left alone, and the others serve", "[e2e]") {
    closed_port nobody;
    origin_process web;
    proxy weir{simple({nobody.address(), web.address()}, "",
                      "balance round_robin; breaker on failures=3 open=1m..1m; retry 2 reserve=100;")};
    raw_client client{weir.address()};
    for (int i = 0; i < 60; ++i) CHECK(client.get("/id").status == 200);
    long second_tries = 0;
    CHECK(weir.stop() == 0);
    for (const auto& line : weir.log_lines()) second_tries += line["tries"] == "2";
    CHECK(second_tries == 3);
}
