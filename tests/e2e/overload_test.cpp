/// Limits on what is in flight, and the queue before them.
#include <algorithm>
#include <deque>

#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

/// A request that takes the only place, until it hangs up.
raw_client hanging(const proxy& weir, const origin_process& web) {
    const auto before = origin_count(web.address(), "in_flight");
    raw_client client{weir.address()};
    client.send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
    REQUIRE(eventually([&] { return origin_count(web.address(), "in_flight") == before + 1; }));
    return client;
}

/// Waits until so many are in the queue, as the admin listener tells.
bool queued(proxy& weir, std::size_t n) {
    constexpr std::string_view mark = "admin pages at ";
    const auto told = weir.told(mark);
    const auto admin = told.substr(told.find(mark) + mark.size());
    const auto wanted = "\"queued\":{\"critical\":0,\"normal\":" + std::to_string(n) + ",";
    return eventually([&] { return get(admin, "/status").body.contains(wanted); });
}

}  // namespace

TEST_CASE("limit 1: who waits for longer than the queue's patience is refused, with the reason", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()}, "", "limit 1; queue 5 patience=50ms;")};
    auto first = hanging(weir, web);
    raw_client client{weir.address()};
    const auto refused = client.get("/late");
    CHECK(refused.status == 503);
    CHECK(refused.why() == "queue_timeout");
    CHECK(refused.has("Retry-After"));
    CHECK(refused.field("X-Not-Processed") == "1");
    CHECK_FALSE(refused.closes());
    CHECK(weir.logged("/late")["reason"] == "queue_timeout");
    CHECK(origin_count(web.address(), "requests") == 1);

    first.hang_up();  // its place becomes free, and the same connection is served
    CHECK(eventually([&] { return client.get("/id").status == 200; }));
}

TEST_CASE("limit 1: a full queue refuses at once", "[e2e]") {
    origin_process web;
    SECTION("no queue") {
        proxy weir{simple({web.address()}, "", "limit 1; queue 0;")};
        auto first = hanging(weir, web);
        const auto refused = get(weir.address(), "/full");
        CHECK(refused.status == 503);
        CHECK(refused.why() == "queue_full");
        CHECK(weir.logged("/full")["reason"] == "queue_full");
    }
    SECTION("one place") {
        proxy weir{simple({web.address()}, "", "limit 1; queue 1 patience=200ms;")};
        auto first = hanging(weir, web);
        raw_client two{weir.address()}, three{weir.address()};
        two.send("GET /a HTTP/1.1\r\nHost: t\r\n\r\n");
        three.send("GET /a HTTP/1.1\r\nHost: t\r\n\r\n");
        std::vector<std::string> why{two.answer().why(), three.answer().why()};
        std::ranges::sort(why);
        CHECK(why == std::vector<std::string>{"queue_full", "queue_timeout"});
    }
    CHECK(origin_count(web.address(), "requests") == 1);
}

TEST_CASE("limit 1: whoever leaves the queue makes room, and who waits is let in when the place is free", "[e2e]") {
    origin_process web;
    proxy weir{"admin 127.0.0.1:0;\n" + simple({web.address()}, "", "limit 1; queue 1 patience=15s;")};
    auto first = hanging(weir, web);
    raw_client leaves{weir.address()};
    leaves.send("GET /leaves HTTP/1.1\r\nHost: t\r\n\r\n");
    REQUIRE(queued(weir, 1));
    CHECK(get(weir.address(), "/x").why() == "queue_full");
    leaves.hang_up();
    CHECK(weir.logged("/leaves")["reason"] == "client_closed");
    raw_client waits{weir.address()};
    waits.send("GET /id HTTP/1.1\r\nHost: t\r\n\r\n");
    REQUIRE(queued(weir, 1));
    CHECK(get(weir.address(), "/y").why() == "queue_full");
    first.hang_up();
    CHECK(waits.answer().status == 200);
    CHECK(origin_count(web.address(), "requests") == 2);
}

TEST_CASE("limit 1 holds exactly, whichever workers the requests come by", "[e2e]") {
    origin_process web;
    proxy weir{"workers 2;\n" + simple({web.address()}, "", "limit 1; queue 64 patience=15s;")};
    std::deque<raw_client> clients;
    for (int i = 0; i < 12; ++i) clients.emplace_back(weir.address());
    for (int round = 0; round < 10; ++round) {
        for (auto& each : clients) each.send("GET /id?delay=1ms HTTP/1.1\r\nHost: t\r\n\r\n");
        for (auto& each : clients) CHECK(each.answer().status == 200);
    }
    CHECK(origin_count(web.address(), "requests") == 120);
    CHECK(origin_count(web.address(), "in_flight_max") == 1);
}

TEST_CASE("a limit of a server sends requests to the others; of a route, it leaves other routes alone", "[e2e]") {
    origin_process web;
    SECTION("server") {
        origin_process other;
        proxy weir{"listen 127.0.0.1:0 { route / web; }\nbackend web { server " + web.address() + " limit=1; server " +
                   other.address() + "; balance round_robin; }\n"};
        raw_client client{weir.address()};
        std::deque<raw_client> hung;
        const auto of_web = [&] { return origin_count(web.address(), "in_flight"); };
        const auto of_other = [&] { return origin_count(other.address(), "in_flight"); };
        for (int i = 0; i < 4; ++i) {
            const auto before = of_web() + of_other();
            hung.emplace_back(weir.address()).send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
            REQUIRE(eventually([&] { return of_web() + of_other() == before + 1; }));
        }
        CHECK(of_web() == 1);
        CHECK(of_other() == 3);
    }
    SECTION("route") {
        proxy weir{
            "listen 127.0.0.1:0 { route /slow web { limit 1; } route / web; }\nbackend web { limit off; queue 0; server " +
            web.address() + "; }\n"};
        raw_client first{weir.address()};
        first.send("GET /slow/id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
        REQUIRE(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
        CHECK(get(weir.address(), "/slow/id").why() == "queue_full");
        CHECK(get(weir.address(), "/id").status == 200);
    }
}
