/// No client takes more than its share: rate limits, and turns in the queue.
#include <algorithm>
#include <deque>

#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

std::string with_route(const origin_process& web, const std::string& in_route, const std::string& in_backend = {}) {
    return "listen 127.0.0.1:0 { route / web { " + in_route + " } }\nbackend web { server " + web.address() + "; " +
           in_backend + " }\n";
}

std::string request(const std::string& target, const std::string& key) {
    return "GET " + target + " HTTP/1.1\r\nHost: t\r\nX-Client: " + key + "\r\n\r\n";
}

}  // namespace

TEST_CASE("rate_limit: what comes too fast is refused with 429, and told when to come back", "[e2e]") {
    origin_process web;
    proxy weir{with_route(web, "rate_limit 3 per=10m;")};
    raw_client client{weir.address()};
    for (int i = 0; i < 3; ++i) CHECK(client.get("/bytes/1").status == 200);
    for (int i = 0; i < 3; ++i) {
        const auto refused = client.get("/fast");
        CHECK(refused.status == 429);
        CHECK(refused.why() == "rate_limited");
        REQUIRE(refused.has("Retry-After"));
        CHECK(std::stol(*refused.field("Retry-After")) >= 1);
        CHECK(std::stol(*refused.field("Retry-After")) <= 600);
        CHECK_FALSE(refused.closes());
    }
    CHECK(get(weir.address(), "/bytes/1").status == 429);  // another connection, the same address
    CHECK(weir.logged("/fast")["reason"] == "rate_limited");
    CHECK(origin_count(web.address(), "requests") == 3);
}

TEST_CASE("rate_limit: by header, over all workers, with room for a burst", "[e2e]") {
    origin_process web;
    proxy weir{"workers 2;\n" + with_route(web, "rate_limit 1 per=10m burst=2 key=header:X-Client;")};
    int good = 0;
    for (int i = 0; i < 10; ++i) {
        raw_client client{weir.address()};  // a connection each: both workers take part
        good += client.ask(request("/bytes/1", "one")).status == 200;
    }
    CHECK(good == 2);
    raw_client other{weir.address()};
    CHECK(other.ask(request("/bytes/1", "two")).status == 200);
}

TEST_CASE("rate_limit: of one route only", "[e2e]") {
    origin_process web;
    proxy weir{"listen 127.0.0.1:0 { route /slow web { rate_limit 1 per=10m; } route / web; }\nbackend web { server " +
               web.address() + "; }\n"};
    raw_client client{weir.address()};
    CHECK(client.get("/slow/bytes/1").status == 200);
    CHECK(client.get("/slow/bytes/1").status == 429);
    CHECK(client.get("/bytes/1").status == 200);
}

TEST_CASE("queue: clients take turns, however many requests one of them has waiting", "[e2e]") {
    origin_process web;
    proxy weir{"admin 127.0.0.1:0;\n" + with_route(web, "", "limit 1; queue 64 patience=15s key=header:X-Client;")};
    constexpr std::string_view mark = "admin pages at ";
    const auto told = weir.told(mark);
    const auto admin = told.substr(told.find(mark) + mark.size());
    const auto queued = [&](std::size_t n) {
        const auto wanted = "\"queued\":{\"critical\":0,\"normal\":" + std::to_string(n) + ",";
        return eventually([&] { return get(admin, "/status").body.contains(wanted); });
    };

    raw_client first{weir.address()};
    first.send("GET /id?silent HTTP/1.1\r\nHost: t\r\n\r\n");
    REQUIRE(eventually([&] { return origin_count(web.address(), "in_flight") == 1; }));
    std::deque<raw_client> noisy;
    for (std::size_t i = 0; i < 10; ++i) {
        noisy.emplace_back(weir.address()).send(request("/noisy/" + std::to_string(i), "noisy"));
        REQUIRE(queued(i + 1));
    }
    raw_client quiet{weir.address()};
    quiet.send(request("/quiet", "quiet"));
    REQUIRE(queued(11));
    first.hang_up();
    CHECK(quiet.answer().status == 200);
    for (auto& each : noisy) CHECK(each.answer().status == 200);

    CHECK(weir.stop() == 0);
    std::vector<std::string> order;
    for (const auto& line : weir.log_lines())
        if (line["status"] == "200") order.push_back(line["target"]);
    REQUIRE(order.size() == 11);
    CHECK(std::ranges::find(order, "/quiet") - order.begin() <= 2);
}
