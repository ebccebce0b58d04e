#include "proxy/contest.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string two_servers(std::string_view settings) {
    return std::string{"listen 127.0.0.1:1 { route / web; } "
                       "backend web { server 127.0.0.1:9001; server 127.0.0.1:9002 backup=on; "}
        .append(settings)
        .append("}");
}

}  // namespace

TEST_CASE("contest: the connection of a try that was overtaken is wasted, and counted") {
    virtual_loop time;
    proxy_world world{time, two_servers("retry 0 budget=100% reserve=1000; hedge after=10ms budget=100%;")};
    world.client->send(get);
    running<void> served{time, world.serve()};
    time.settle();
    REQUIRE(world.servers.size() == 1);
    time.advance(20ms);
    REQUIRE(world.servers.size() == 2);
    CHECK(world.worker.numbers.hedges_wasted_total.value() == 0);
    SECTION("while it was silent") {
        world.servers[1]->send(ok);
        time.settle();
        CHECK(world.client->received.ends_with("ok"));
        CHECK(world.servers[0]->closed);
        CHECK(world.worker.numbers.hedges_wasted_total.value() == 1);
    }
    SECTION("unless it has failed by itself") {
        world.servers[0]->break_off(ECONNRESET);
        time.settle();
        world.servers[1]->send(ok);
        time.settle();
        CHECK(world.client->received.ends_with("ok"));
        CHECK(world.worker.numbers.hedges_wasted_total.value() == 0);
    }
}

TEST_CASE("contest: a try that was overtaken has a moment to save its connection") {
    virtual_loop time;
    proxy_world world{time, two_servers("retry 0 budget=100% reserve=1000; hedge after=10ms budget=100%;")};
    running<void> served{time, world.serve()};
    for (int i = 0; i < 50; ++i) {
        world.client->send(get);
        time.advance(5ms);
        REQUIRE(world.servers.size() == 1);
        world.servers[0]->send(ok);
        time.settle();
    }
    auto& web = world.shared.backends[0];
    web.tick(time);
    REQUIRE(web.late_time() >= 5ms);
    REQUIRE(web.late_time() < 9ms);
    world.client->send(get);
    time.advance(20ms);
    REQUIRE(world.servers.size() == 2);
    world.servers[1]->send(ok);
    time.settle();
    REQUIRE(world.client->received.ends_with("ok"));
    REQUIRE_FALSE(world.servers[0]->closed);
    CHECK(web.servers()[0].in_flight() == 1);
    const auto wasted = [&] { return world.worker.numbers.hedges_wasted_total.value(); };

    SECTION("its answer comes in time, in pieces, after an interim one") {
        world.servers[0]->send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le");
        time.settle();
        world.servers[0]->send("ngth: 2\r\n\r\no");
        time.settle();
        CHECK(web.servers()[0].in_flight() == 1);
        world.servers[0]->send("k");
        time.settle();
        CHECK(wasted() == 0);
        CHECK(world.pooled(0) == 1);
        CHECK_FALSE(world.servers[0]->closed);
    }
    SECTION("its answer is chunked") {
        world.servers[0]->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        time.settle();
        CHECK(wasted() == 0);
        CHECK(world.pooled(0) == 1);
    }
    SECTION("its answer does not come in time") {
        time.advance(10ms);
        CHECK(wasted() == 1);
        CHECK(world.servers[0]->closed);
    }
    SECTION("its answer is long") {
        world.servers[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        time.settle();
        CHECK(wasted() == 1);
        CHECK(world.servers[0]->closed);
    }
    SECTION("its server does not want to keep the connection, breaks it, or says more than was asked for") {
        const auto what =
            GENERATE(as<std::string>{}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "no HTTP\r\n\r\n",
                     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");
        world.servers[0]->send(what);
        time.settle();
        CHECK(wasted() == 1);
        CHECK(world.servers[0]->closed);
    }
    SECTION("the worker ends") {
        world.worker.leftovers.cancel();
        CHECK(world.servers[0]->closed);
    }
    CHECK(web.servers()[0].in_flight() == 0);
    CHECK(world.worker.leftovers.empty());
}

TEST_CASE("contest: a retry after one may wait in the queue again") {
    virtual_loop time;
    proxy_world world{time, two_servers("limit 1; queue 10 patience=500ms; retry 1 budget=100% reserve=1000; "
                                        "hedge after=10ms budget=100%; breaker off;")};
    auto& web = world.shared.backends[0];
    world.client->send(get);
    running<void> served{time, world.serve()};
    time.advance(20ms);  // the hedge has found no place
    REQUIRE(world.servers.size() == 1);
    wanted_place wanted{time};
    running<std::expected<place, reason>> other{
        time, [](backend& of, wanted_place what) -> task<std::expected<place, reason>> {
        co_return co_await of.enter(what);
    }(web, wanted)};
    time.settle();
    world.servers[0]->break_off(ECONNRESET);
    time.advance(100ms);  // longer than the backoff: the retry wants the place that `other` has now
    REQUIRE(other.done());
    REQUIRE(other.get());
    CHECK(world.servers.size() == 1);
    CHECK(web.status(time.now()).queued[1] == 1);
    other.get()->leave();
    time.settle();
    REQUIRE(world.servers.size() == 2);
    world.servers[1]->send(ok);
    time.settle();
    CHECK(world.client->received.ends_with("ok"));
}
