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
