#include "proxy/backend.hpp"

#include <thread>

#include "lib/async/race.hpp"
#include "tests/support/property.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::string_view one_server = "listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; ";

struct group {
    explicit group(std::string_view settings, std::string_view begin = one_server)
        : config{configured(std::string{begin}.append(settings).append("}"))}, web{config.backends[0], 1, events} {}
    conf::config config;
    journal events{100};
    backend web;
};

using entered = std::expected<place, reason>;

/// As the request path does it: no longer than the queue's patience.
task<entered> enter(loop& time, backend& web, try_kind kind = try_kind::first) {
    wanted_place wanted{time};
    wanted.kind = kind;
    auto got = co_await timeout(time, web.patience(), web.enter(wanted));
    if (!got) co_return std::unexpected{reason::queue_timeout};
    co_return std::move(*got);
}

entered enter_now(virtual_loop& time, backend& web) {
    running<entered> asked{time, enter(time, web)};
    time.settle();
    REQUIRE(asked.done());
    return std::move(asked.get());
}

void fail_once(virtual_loop& time, backend& web, reason why = reason::first_byte_timeout) {
    auto on = enter_now(time, web);
    REQUIRE(on);
    on->report(outcome::bad, 1ms, why);
}

}  // namespace

TEST_CASE("backend: a place is counted until it dies, wherever it was moved") {
    virtual_loop time;
    group g{""};
    {
        auto first = enter_now(time, g.web);
        auto second = enter_now(time, g.web);
        REQUIRE(first);
        REQUIRE(second);
        CHECK(g.web.servers()[0].in_flight() == 2);
        place moved = std::move(*second);
        CHECK(g.web.servers()[0].in_flight() == 2);
        moved.leave();
        CHECK(g.web.servers()[0].in_flight() == 1);
    }
    CHECK(g.web.servers()[0].in_flight() == 0);
}

TEST_CASE("backend: at the limit the next waits, and goes when one leaves") {
    virtual_loop time;
    group g{"limit 2;"};
    auto first = enter_now(time, g.web), second = enter_now(time, g.web);
    running<entered> third{time, enter(time, g.web)};
    time.settle();
    CHECK_FALSE(third.done());
    CHECK(g.web.status(time.now()).queued[1] == 1);
    first->leave();
    time.settle();
    REQUIRE(third.done());
    CHECK(third.get());
    CHECK(g.web.servers()[0].in_flight() == 2);
}

TEST_CASE("backend: a server's own limit counts beside the others") {
    virtual_loop time;
    group g{"limit off; server 127.0.0.1:9002 limit=1;"};
    std::vector<place> held;
    for (int i = 0; i < 20; ++i) held.push_back(std::move(*enter_now(time, g.web)));
    CHECK(g.web.servers()[1].in_flight() == 1);
    CHECK(g.web.servers()[0].in_flight() == 19);
}

TEST_CASE("backend: who waits too long or finds the queue full is told so") {
    virtual_loop time;
    group g{"limit 1; queue 1 patience=50ms;"};
    auto inside = enter_now(time, g.web);
    running<entered> waits{time, enter(time, g.web)};
    time.settle();
    const auto turned_away = enter_now(time, g.web);
    REQUIRE_FALSE(turned_away);
    CHECK(turned_away.error() == reason::queue_full);
    time.advance(49ms);
    CHECK_FALSE(waits.done());
    time.advance(2ms);
    REQUIRE(waits.done());
    REQUIRE_FALSE(waits.get());
    CHECK(waits.get().error() == reason::queue_timeout);
    CHECK(g.web.status(time.now()).queued[1] == 0);
    inside->leave();
    CHECK(enter_now(time, g.web));
}

TEST_CASE("backend: asked without waiting, it tells apart who has to wait and who may not even do that") {
    virtual_loop time;
    group g{"limit 1; queue 1;"};
    wanted_place wanted{time};
    auto first = g.web.enter_now(wanted);
    REQUIRE(first.has_value());
    REQUIRE(first->has_value());
    CHECK_FALSE(g.web.enter_now(wanted).has_value());  // there is room in the queue
    CHECK(g.web.servers()[0].in_flight() == 1);
    {
        running<entered> second{time, enter(time, g.web)};
        const auto third = g.web.enter_now(wanted);
        REQUIRE(third.has_value());
        REQUIRE_FALSE(third->has_value());
        CHECK(third->error() == reason::queue_full);
    }
    wanted.may_wait = false;
    const auto hurried = g.web.enter_now(wanted);
    REQUIRE(hurried.has_value());
    CHECK_FALSE(hurried->has_value());
    (*first)->leave();
    CHECK(g.web.enter_now(wanted)->has_value());
}

TEST_CASE("backend: a request is counted once, however often it asks") {
    virtual_loop time;
    group g{"limit 1;"};
    wanted_place wanted{time};
    auto first = g.web.enter_now(wanted);
    wanted.is_new = false;
    running<entered> again{time, [](backend& web, wanted_place what) -> task<entered> {
        co_return co_await web.enter(what);
    }(g.web, wanted)};
    first.reset();
    time.settle();
    REQUIRE(again.done());
    CHECK(g.web.status(time.now()).requests_total == 1);
    again.get()->leave();
    CHECK(enter_now(time, g.web).has_value());
    CHECK(g.web.status(time.now()).requests_total == 2);
}

TEST_CASE("backend: a waiter that goes away leaves nothing behind, even when its turn has just come") {
    virtual_loop time;
    group g{"limit 1;"};
    auto inside = enter_now(time, g.web);
    running<entered> leaves{time, enter(time, g.web)};
    running<entered> stays{time, enter(time, g.web)};
    time.settle();
    SECTION("while it waits") { leaves.cancel(); }
    SECTION("after the place was granted, before it could take it") {
        inside->leave();
        leaves.cancel();
    }
    inside->leave();
    time.settle();
    REQUIRE(stays.done());
    CHECK(stays.get());
    CHECK(g.web.servers()[0].in_flight() == 1);
}

TEST_CASE("backend: five failures in a row open the breaker; then nobody gets in, and a probe at a time later") {
    virtual_loop time;
    group g{"breaker on open=1s..1s;"};
    for (int i = 0; i < 5; ++i) fail_once(time, g.web);
    for (int i = 0; i < 10; ++i) {
        const auto refused = enter_now(time, g.web);
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == reason::breaker_open);
    }
    time.advance(1s);
    auto probe = enter_now(time, g.web);
    REQUIRE(probe);
    CHECK_FALSE(enter_now(time, g.web));
    probe->report(outcome::good, 1ms);
    probe->leave();
    auto second = enter_now(time, g.web);
    REQUIRE(second);
    second->report(outcome::good, 1ms);
    second->leave();
    time.advance(5s);
    for (int i = 0; i < 20; ++i) CHECK(enter_now(time, g.web));
}

TEST_CASE("backend: what weir itself refused is no failure of the server") {
    virtual_loop time;
    group g{"limit 1; queue 1 patience=10ms;"};
    auto inside = enter_now(time, g.web);
    for (int i = 0; i < 50; ++i) {
        running<entered> late{time, enter(time, g.web)};
        time.advance(20ms);
        CHECK(late.done());
    }
    inside->leave();
    CHECK(enter_now(time, g.web));
    CHECK(g.web.status(time.now()).servers[0].breaker == "closed");
}

TEST_CASE("backend: a server whose breaker is open is passed over, and a retry goes to another") {
    virtual_loop time;
    group g{"server 127.0.0.1:9002; balance round_robin; breaker on open=10s..10s;"};
    tried_servers tried;
    wanted_place wanted{time};
    wanted.tried = &tried;
    tried.add(0);
    for (int i = 0; i < 5; ++i) {
        auto got = run(time, [](backend& web, wanted_place what) -> task<entered> {
            co_return co_await web.enter(what);
        }(g.web, wanted));
        REQUIRE(got);
        CHECK(got->index() == 1);
        got->report(outcome::bad, 1ms, reason::connect_refused);
    }
    for (int i = 0; i < 10; ++i) CHECK(enter_now(time, g.web)->index() == 0);
}

TEST_CASE("backend: a server that fails at once does not look fast") {
    virtual_loop time;
    group g{"server 127.0.0.1:9002; outliers off;"};
    std::size_t failed = 0;
    for (int i = 0; i < 200; ++i) {
        auto on = enter_now(time, g.web);
        REQUIRE(on);
        const bool broken = on->index() == 0;
        if (broken) ++failed, on->server_failed();  // a 500
        on->report(broken ? outcome::alive : outcome::good, broken ? nanoseconds{100us} : nanoseconds{20ms});
        on->leave();
        time.advance(5ms);
    }
    CHECK(failed < 20);
}

TEST_CASE("backend: checks take a server out and bring it back") {
    virtual_loop time;
    group g{"server 127.0.0.1:9002; balance round_robin; health tcp rise=2 fall=2;"};
    g.web.check_result(0, false, time.now());
    g.web.check_result(0, false, time.now());
    for (int i = 0; i < 4; ++i) CHECK(enter_now(time, g.web)->index() == 1);
    g.web.check_result(1, false, time.now());
    g.web.check_result(1, false, time.now());
    CHECK(enter_now(time, g.web).error() == reason::no_server);
    g.web.check_result(0, true, time.now());
    g.web.check_result(0, true, time.now());
    CHECK(enter_now(time, g.web)->index() == 0);
}

TEST_CASE("backend: an order holds until the next") {
    virtual_loop time;
    group g{"server 127.0.0.1:9002; balance round_robin;"};
    CHECK(g.web.order(0, breaker_order::open, time.now()));
    CHECK_FALSE(g.web.order(2, breaker_order::open, time.now()));
    for (int i = 0; i < 4; ++i) CHECK(enter_now(time, g.web)->index() == 1);
    time.advance(10min);
    CHECK(enter_now(time, g.web)->index() == 1);
    CHECK(g.web.status(time.now()).servers[0].verdict == "forced_open");
    g.web.order(0, breaker_order::reset, time.now());
    CHECK((enter_now(time, g.web)->index() == 0 || enter_now(time, g.web)->index() == 0));
}

TEST_CASE(
    "backend: an adaptive limit counts requests up to the head of their response, and neither tunnels nor bodies") {
    virtual_loop time;
    group g{"queue 0;"};
    std::vector<place> held;
    for (int i = 0; i < 32; ++i) held.push_back(std::move(*enter_now(time, g.web)));
    CHECK_FALSE(enter_now(time, g.web));
    for (auto& each : held) {
        each.report(outcome::good, 1ms);
        each.tell_now();
    }
    CHECK(g.web.servers()[0].in_flight() == 32);
    CHECK(enter_now(time, g.web));

    wanted_place tunnel{time};
    tunnel.measured = false;
    for (int i = 0; i < 100; ++i)
        held.push_back(std::move(*run(time, [](backend& web, wanted_place what) -> task<entered> {
            co_return co_await web.enter(what);
        }(g.web, tunnel))));
    CHECK(enter_now(time, g.web));
}

TEST_CASE("backend: never more in flight than the limit, whoever comes, goes, gives up or fails", "[property]") {
    rc::prop("for any sequence", [] {
        virtual_loop time;
        group g{"limit 3; queue 4 patience=30ms; server 127.0.0.1:9002; breaker on failures=2 open=100ms..100ms;"};
        std::deque<running<entered>> asked;
        const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
        for (const int step : steps) {
            const auto any = [&]() -> running<entered>* {
                if (asked.empty()) return nullptr;
                return &asked[static_cast<std::size_t>(step) % asked.size()];
            };
            switch (step % 5) {
            case 0:
            case 1: asked.emplace_back(time, enter(time, g.web)); break;
            case 2:
                if (auto* one = any()) one->cancel();
                break;
            case 3:
                if (auto* one = any(); one && one->done() && one->get() && *one->get()) {
                    one->get()->report(step % 2 ? outcome::bad : outcome::good, 1ms, reason::backend_reset);
                    one->get()->leave();
                }
                break;
            case 4: time.advance(milliseconds{step}); break;
            }
            unsigned in_flight = 0;
            for (auto& each : g.web.servers()) in_flight += each.in_flight();
            RC_ASSERT(in_flight <= 3u);
            RC_ASSERT(g.web.status(time.now()).queued[1] <= 4u);
        }
        asked.clear();
        time.advance(1s);
        for (auto& each : g.web.servers()) RC_ASSERT(each.in_flight() == 0u);
        RC_ASSERT(g.web.status(time.now()).queued[1] == 0u);
    });
}

namespace {
struct seen_inside {
    std::atomic<int> now{0}, most{0}, served{0};
};
task<void> come_and_go(loop& time, backend& web, seen_inside& seen) {
    for (int n = 0; n < 200; ++n) {
        wanted_place wanted{time};
        auto on = co_await web.enter(wanted);
        if (!on) std::terminate();
        const int inside = ++seen.now;
        int most = seen.most.load();
        while (inside > most && !seen.most.compare_exchange_weak(most, inside)) {}
        co_await time.yield();
        --seen.now;
        ++seen.served;
        on->report(outcome::good, 1us);
    }
}
}  // namespace

TEST_CASE("backend: two threads and a limit of one: never two inside, nobody is forgotten") {
    for (int round = 0; round < 5; ++round) {
        group g{"limit 1; queue 100 patience=1m;"};
        seen_inside seen;
        const auto work = [&] {
            run_on_uv([&](uv_loop& time) -> task<void> {
                scope clients{time};
                for (int i = 0; i < 4; ++i) clients.spawn(come_and_go(time, g.web, seen));
                co_await clients.joined();
            });
        };
        std::thread other{work};
        work();
        other.join();
        CHECK(seen.most.load() == 1);
        CHECK(seen.served.load() == 1600);
        CHECK(g.web.servers()[0].in_flight() == 0);
    }
}

TEST_CASE("backend: what becomes of its servers stands in the journal") {
    virtual_loop time;
    group g{"server 127.0.0.1:9002; server 127.0.0.1:9003; balance round_robin; breaker on open=1s..1s;"};
    const auto fail_on = [&](std::size_t server) {
        tried_servers tried;
        for (std::size_t i = 0; i < 3; ++i)
            if (i != server) tried.add(i);
        wanted_place wanted{time};
        wanted.tried = &tried;
        auto got = g.web.enter_now(wanted);
        REQUIRE(got.has_value());
        REQUIRE(got->has_value());
        REQUIRE((*got)->index() == server);
        (*got)->report(outcome::bad, 1ms, reason::first_byte_timeout);
    };
    for (int i = 0; i < 5; ++i) fail_on(1);
    auto events = g.events.since(0);
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == journal_kind::breaker);
    CHECK(events[0].backend == "web");
    CHECK(events[0].server == "127.0.0.1:9002");
    CHECK(events[0].from == "closed");
    CHECK(events[0].to == "open");
    CHECK(events[0].why.starts_with("streak; for "));
    CHECK(g.web.status(time.now()).servers[1].open_for > 0ns);

    time.advance(1s);
    fail_on(1);  // the probe, before anybody has looked
    CHECK(g.events.since(1).at(0).from == "half_open");
    CHECK(g.events.since(1).at(0).to == "open");
    CHECK(g.events.since(1).at(0).why.starts_with("probe_failed; for "));
    for (int i = 0; i < 5; ++i) fail_on(0);
    const auto last = g.events.since(2);
    REQUIRE(last.size() == 2);
    CHECK(last[0].server == "127.0.0.1:9001");
    CHECK(last[1].kind == journal_kind::panic);
    CHECK(last[1].server.empty());
    CHECK(last[1].to == "on");
    CHECK(last[1].why == "1 of 3 servers usable");
    time.advance(1s);
    g.web.tick(time);
    CHECK(g.events.since(4).at(0).to == "half_open");
    const auto before = g.events.count();
    g.web.order(0, breaker_order::close, time.now());
    CHECK(g.events.since(before).at(0).to == "forced_closed");
    CHECK(g.events.since(before).at(1).to == "off");
}

TEST_CASE("backend: an ejection is noted with what it was judged by, and for how long") {
    virtual_loop time;
    group g{"server 127.0.0.1:9002; server 127.0.0.1:9003; balance round_robin; breaker off;"};
    for (int i = 0; i < 600; ++i) {
        auto on = enter_now(time, g.web);
        if (on->index() == 1 && i % 2 == 0) on->server_failed();
        on->report(outcome::alive, 1ms);
    }
    time.advance(11s);
    g.web.tick(time);
    const auto events = g.events.since(0);
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == journal_kind::ejection);
    CHECK(events[0].server == "127.0.0.1:9002");
    CHECK(events[0].to == "ejected");
    CHECK(events[0].why.starts_with("50 % of its answers good, of the median server 100 %; for "));
    const auto left = g.web.status(time.now()).servers[1].ejected_for;
    CHECK(left >= 24s);
    CHECK(left <= 36s);
    time.advance(left);
    g.web.tick(time);
    CHECK(g.events.since(1).at(0).to == "in");
    CHECK(g.web.status(time.now()).servers[1].ejected_for == 0ns);
}

TEST_CASE("backend: a limit that has moved far is noted, one that moves a little is not") {
    virtual_loop time;
    group g{"breaker off;"};
    std::vector<place> held;
    const auto load = [&](int ticks, nanoseconds took) {
        for (int i = 0; i < ticks; ++i) {
            while (held.size() < 200) {
                auto got = g.web.enter_now(wanted_place{time});
                if (!got || !*got) break;
                held.push_back(std::move(**got));
            }
            time.advance(10ms);
            for (std::size_t n = std::min<std::size_t>(held.size(), 16); n > 0; --n) {
                held.front().report(outcome::good, took);
                held.erase(held.begin());
            }
            g.web.tick(time);
        }
    };
    load(200, 10ms);
    const auto events = g.events.since(0);
    REQUIRE_FALSE(events.empty());
    CHECK(events.size() < 20);
    for (const auto& each : events) {
        CHECK(each.kind == journal_kind::limit);
        CHECK(each.why.find("; median ") != std::string::npos);
        CHECK(each.why.find(" ms, without a queue ") != std::string::npos);
    }
    CHECK(events[0].from == "32");
    CHECK(std::stoi(events[0].to) >= 40);
}

TEST_CASE("backend: a standing queue is cut where nobody comes or leaves, too") {
    virtual_loop time;
    group g{"limit 1; queue 10 patience=200ms;"};
    auto inside = enter_now(time, g.web);
    std::vector<std::unique_ptr<running<entered>>> waiting;
    for (int i = 0; i < 3; ++i) waiting.push_back(std::make_unique<running<entered>>(time, enter(time, g.web)));
    time.settle();
    CHECK(g.web.expire(time) <= time.now() + 200ms);
    time.advance(195ms);
    for (int i = 0; i < 3; ++i) waiting.push_back(std::make_unique<running<entered>>(time, enter(time, g.web)));
    const auto gone_after = [&](nanoseconds more) {
        time.advance(more);
        CHECK(g.web.expire(time) > time.now());
        time.settle();
        return std::ranges::count_if(waiting, [](const auto& each) { return each->done(); });
    };
    CHECK(gone_after(9ms) == 3);
    // Late now: who has waited for longer than `strict` goes, but the last one of a client; 9 ms may be the machine's doing.
    CHECK(gone_after(2ms) == 5);
    CHECK(g.web.expire(time) < time_point::max());
    time.advance(200ms);
    CHECK(waiting.back()->done());
    CHECK(g.web.expire(time) == time_point::max());
}
