// What a route may have of its own in its backend: a limit, and breakers.
#include "lib/async/race.hpp"
#include "proxy/backend.hpp"
#include "proxy/route.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

/// A backend of two servers with two routes, the first of which has the rules.
struct two_routes {
    explicit two_routes(std::string_view rules)
        : config{configured(std::string{"listen 127.0.0.1:1 {\n    route /a web { "}.append(rules).append(
              " }\n    route / web;\n}\nbackend web { server 127.0.0.1:9001; server "
              "127.0.0.1:9002; balance round_robin; outliers off; }"))},
          web{config.backends[0], 1, events}, narrow{config.listeners[0].routes[0], 1},
          wide{config.listeners[0].routes[1], 1} {
        web.prepare(narrow);
        web.prepare(wide);
    }
    using entered = std::expected<place, reason>;
    task<entered> enter(route_state& way) {
        wanted_place wanted{time};
        wanted.route = &way;
        auto got = co_await timeout(time, web.patience(), web.enter(wanted));
        if (!got) co_return std::unexpected{reason::queue_timeout};
        co_return std::move(*got);
    }
    entered enter_now(route_state& way) {
        running<entered> asked{time, enter(way)};
        time.settle();
        REQUIRE(asked.done());
        return std::move(asked.get());
    }
    route_status told() { return web.status(time.now()).routes.at(0); }

    virtual_loop time;
    conf::config config;
    journal events{100};
    backend web;
    route_state narrow, wide;
};

}  // namespace

TEST_CASE("route limit: who is over it waits, those on other routes do not") {
    two_routes of{"limit 2;"};
    auto first = of.enter_now(of.narrow);
    auto second = of.enter_now(of.narrow);
    REQUIRE(first);
    REQUIRE(second);
    CHECK(of.told().name == "/a@2:5");
    CHECK(of.told().in_flight == 2);
    CHECK(of.told().limit == 2u);

    running<two_routes::entered> third{of.time, of.enter(of.narrow)};
    of.time.settle();
    CHECK_FALSE(third.done());
    CHECK(of.enter_now(of.wide));
    CHECK_FALSE(third.done());

    first->leave();
    of.time.settle();
    REQUIRE(third.done());
    CHECK(third.get());
    CHECK(of.told().in_flight == 2);
}

TEST_CASE("route breaker: a route that fails on a server is kept from it, the others are not") {
    two_routes of{"breaker route;"};
    const auto on_first = [&](route_state& way) {
        while (true) {
            auto on = of.enter_now(way);
            REQUIRE(on);
            if (on->at().name() == "127.0.0.1:9001") return on;
            on->report(outcome::good, 1ms);
        }
    };
    for (int i = 0; i < 5; ++i) {
        on_first(of.narrow)->report(outcome::bad, 1ms, reason::first_byte_timeout);
        on_first(of.wide)->report(outcome::good, 1ms);
    }
    REQUIRE(of.told().breakers.size() == 2);
    CHECK(of.told().breakers[0].server == "127.0.0.1:9001");
    CHECK(of.told().breakers[0].breaker == "open");
    CHECK(of.told().breakers[0].breaker_cause == "streak");
    CHECK(of.told().breakers[1].breaker == "closed");
    CHECK(of.web.status(of.time.now()).servers[0].breaker == "closed");
    const auto events = of.events.since(0);
    REQUIRE_FALSE(events.empty());
    CHECK(events.back().kind == journal_kind::breaker);
    CHECK(events.back().why.find("of route /a@2:5") != std::string::npos);

    for (int i = 0; i < 10; ++i) {
        auto on = of.enter_now(of.narrow);
        REQUIRE(on);
        CHECK(on->at().name() == "127.0.0.1:9002");
        on->report(outcome::good, 1ms);
    }
    on_first(of.wide)->report(outcome::good, 1ms);
}

TEST_CASE("route rules: a route without any is not told of") {
    two_routes of{"priority critical;"};
    CHECK(of.web.status(of.time.now()).routes.empty());
}
