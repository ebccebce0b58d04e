#include "lib/resilience/adaptive_limit.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/property.hpp"
#include "tests/support/queue_model.hpp"

using namespace weir;

namespace {

using evidence = adaptive_limit::evidence;

constexpr std::uint64_t seeds = 3;

struct named_backend {
    std::string name;
    model_backend made;
};

const named_backend log_normal{"16 slots, log-normal 10 ms", {}};
const named_backend exponential{"16 slots, exponential 10 ms", {.service = {service_time::exponential, 10}}};
const named_backend fixed{"16 slots, exactly 10 ms", {.service = {service_time::fixed, 10}}};
const named_backend slow{"50 slots, exactly 100 ms", {.slots = 50, .service = {service_time::fixed, 100}}};
const named_backend small{"4 slots, exponential 1 ms", {.slots = 4, .service = {service_time::exponential, 1}}};
const named_backend sharing{"16 processors shared", {.service = {service_time::exponential, 10}, .sharing = true}};
const named_backend few_processors{"4 processors shared, exactly 10 ms",
                                   {.slots = 4, .service = {service_time::fixed, 10}, .sharing = true}};
const named_backend serial{"one at a time, exactly 10 ms", {.slots = 1, .service = {service_time::fixed, 10}}};

double unloaded_p99(const model_backend& b) {
    queue_model world{b, 99};
    world.load = 0.02 * b.capacity();
    world.run_for(nanoseconds{static_cast<std::int64_t>(5e12 / world.load)});
    return world.told().quantile_ms(0.99);
}

/// Answered in time, of what could be.
double goodput(const model_counts& c, double possible_per_second, nanoseconds time) {
    return static_cast<double>(c.good) / (possible_per_second * std::chrono::duration<double>(time).count());
}

/// The worst of the seeds.
template <class Run>
double least(Run run) {
    double found = run(std::uint64_t{1});
    for (std::uint64_t seed = 2; seed <= seeds; ++seed) found = std::min<double>(found, run(seed));
    return found;
}

template <class Run>
double most(Run run) {
    return -least([&](std::uint64_t seed) { return -static_cast<double>(run(seed)); });
}

/// A server that answers each of `tries` after `took`, all in flight at once, again and again.
struct steady_server {
    adaptive_limit limit{{}};
    random_source chance{1};
    time_point now{1h};

    void run(nanoseconds time, nanoseconds took, unsigned tries, evidence what = evidence::answered) {
        for (const auto end = now + time; now < end;) {
            std::vector<std::uint64_t> epochs;
            for (unsigned i = 1; i <= tries; ++i) epochs.push_back(limit.started(now, i));
            now += took;
            for (unsigned i = tries; i-- > 0;) limit.finished(epochs[i], took, what, i, now, chance);
        }
    }
};

}  // namespace

TEST_CASE("an overloaded server works at its capacity and answers fast") {
    struct expected {
        const named_backend& server;
        double times, good, slower;
    };
    for (const auto& e :
         {expected{log_normal, 2, .98, 2}, expected{log_normal, 10, .98, 2}, expected{exponential, 2, .98, 2},
          expected{exponential, 10, .98, 2}, expected{fixed, 2, .99, 2}, expected{fixed, 10, .99, 2.1},
          expected{slow, 2, .97, 2.4}, expected{slow, 10, .97, 2.4}, expected{sharing, 10, .98, 2.2},
          expected{small, 2, .96, 2}, expected{small, 10, .97, 2}, expected{few_processors, 10, .98, 2.2}}) {
        CAPTURE(e.server.name, e.times);
        const double capacity = e.server.made.capacity(), unloaded = unloaded_p99(e.server.made);
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
            queue_model world{e.server.made, seed};
            world.load = 0.3 * capacity;
            world.run_for(5s);
            world.load = e.times * capacity;
            world.run_for(3s);
            (void)world.told();
            world.run_for(15s);
            auto told = world.told();
            CHECK(goodput(told, capacity, 15s) >= e.good);
            CHECK(told.quantile_ms(0.99) <= e.slower * unloaded);
        }
    }
}

TEST_CASE("a short queue in front makes up for the gaps") {
    CHECK(least([](std::uint64_t seed) {
        queue_model world{log_normal.made, seed};
        world.patience = 100ms;
        world.strict = 5ms;
        world.load = 2 * log_normal.made.capacity();
        world.run_for(5s);
        (void)world.told();
        world.run_for(20s);
        return goodput(world.told(), log_normal.made.capacity(), 20s);
    }) >= 0.98);
}

TEST_CASE("one that is born into an overload finds out that its first medians were a queue") {
    for (const auto* server : {&log_normal, &fixed, &sharing, &few_processors}) {
        CAPTURE(server->name);
        CHECK(most([&](std::uint64_t seed) {
            queue_model world{server->made, seed};
            world.load = 10 * server->made.capacity();
            world.run_for(10s);
            (void)world.told();
            world.run_for(10s);
            return world.told().quantile_ms(0.99) / unloaded_p99(server->made);
        }) <= 2.3);
    }
}

TEST_CASE("it sheds within a second of a step into overload") {
    CHECK(most([](std::uint64_t seed) {
        queue_model world{log_normal.made, seed};
        world.load = 0.5 * log_normal.made.capacity();
        world.run_for(10s);
        world.load = 10 * log_normal.made.capacity();
        world.run_for(1s);
        (void)world.told();
        world.run_for(2s);
        return world.told().quantile_ms(0.99) / unloaded_p99(log_normal.made);
    }) <= 2);
}

TEST_CASE("it follows a capacity that halves, quarters and returns") {
    for (const auto* server : {&log_normal, &exponential, &fixed}) {
        CAPTURE(server->name);
        const double capacity = server->made.capacity();
        CHECK(least([&](std::uint64_t seed) {
            queue_model world{server->made, seed};
            world.load = 0.8 * capacity;
            world.run_for(10s);
            double worst = 1;
            for (const unsigned slots : {8u, 4u, 8u, 16u, 4u, 16u}) {
                world.server.slots = slots;
                world.run_for(2s);
                (void)world.told();
                world.run_for(10s);
                const double possible = std::min(0.8 * capacity, world.server.capacity());
                worst = std::min(worst, goodput(world.told(), possible, 10s));
            }
            return worst;
        }) >= 0.93);
    }
}

TEST_CASE("slower work is not taken for a queue for ever: the limit comes back") {
    for (const auto* server : {&log_normal, &exponential, &fixed}) {
        CAPTURE(server->name);
        CHECK(least([&](std::uint64_t seed) {
            queue_model world{server->made, seed};
            world.load = 0.8 * server->made.capacity();
            world.run_for(10s);
            world.server.service.mean_ms = 40;  // the same slots, a quarter of the capacity
            world.run_for(10s);
            (void)world.told();
            world.run_for(20s);
            return goodput(world.told(), world.server.capacity(), 20s);
        }) >= 0.93);
    }
}

TEST_CASE("what was taken away to no effect is given back at once") {
    steady_server server;
    server.run(2s, 10ms, 24);
    const auto before = server.limit.limit();
    for (int i = 0; i < 100 && server.limit.last_verdict() == adaptive_limit::verdict::none; ++i)
        server.run(40ms, 40ms, server.limit.limit());  // slower, however few there are
    CHECK(server.limit.last_verdict() == adaptive_limit::verdict::not_a_queue);
    CHECK(server.limit.limit() >= before);
}

TEST_CASE("base follows a server that has become faster") {
    steady_server server;
    server.run(5s, 10ms, 20);
    server.run(3s, 2ms, 20);
    CHECK(server.limit.base() < 3ms);
}

TEST_CASE("a big server that was idle takes a rush within two seconds") {
    CHECK(least([](std::uint64_t seed) {
        queue_model world{{.slots = 400, .service = {service_time::log_normal, 20}}, seed};
        world.load = 0.01 * world.server.capacity();
        world.run_for(20s);
        world.load = 0.9 * world.server.capacity();
        world.run_for(2s);
        (void)world.told();
        world.run_for(5s);
        return goodput(world.told(), world.load, 5s);
    }) >= 0.99);
}

TEST_CASE("a slow dependency behind the server is no reason to shed") {
    for (const auto* server : {&log_normal, &exponential, &fixed, &sharing}) {
        CAPTURE(server->name);
        CHECK(most([&](std::uint64_t seed) {
            queue_model world{server->made, seed};
            world.load = 0.5 * server->made.capacity();
            world.run_for(10s);
            (void)world.told();
            world.server.delay = 30ms;
            world.run_for(20s);
            return world.told().shed_share();
        }) <= 0.005);
    }
}

TEST_CASE("where it takes all permits an experiment clears the dependency of suspicion") {
    queue_model world{small.made, 1};
    world.load = 0.5 * small.made.capacity();
    world.run_for(10s);
    (void)world.told();
    world.server.delay = 30ms;  // 2 in flight become 62
    world.run_for(20s);
    CHECK(world.limit.experiments() > 0);
    CHECK(world.limit.last_verdict() == adaptive_limit::verdict::not_a_queue);
    CHECK(world.limit.base() > 25ms);
    CHECK(world.told().shed_share() <= 0.025);  // of 20 s: half a second
}

TEST_CASE("steady load sheds nothing, once the limit has found its place") {
    for (const auto* server : {&log_normal, &exponential, &fixed, &small, &slow, &sharing, &few_processors, &serial}) {
        CAPTURE(server->name);
        CHECK(most([&](std::uint64_t seed) {
            queue_model world{server->made, seed};
            world.load = 0.7 * server->made.capacity();
            world.run_for(3s);
            (void)world.told();
            world.run_for(20s);
            return world.told().shed_share();
        }) == 0);
    }
}

TEST_CASE("a step to nearly all of the capacity is let through") {
    CHECK(least([](std::uint64_t seed) {
        queue_model world{log_normal.made, seed};
        world.load = 0.3 * log_normal.made.capacity();
        world.run_for(10s);
        (void)world.told();
        world.load = 0.95 * log_normal.made.capacity();
        world.run_for(20s);
        return goodput(world.told(), world.load, 20s);
    }) >= 0.97);
}

TEST_CASE("the limit does not run away, neither idle nor in a slowly rising overload") {
    queue_model idle{log_normal.made, 1};
    idle.load = 0.05 * log_normal.made.capacity();
    idle.run_for(120s);
    CHECK(idle.limit.limit() == adaptive_limit_policy{}.start);

    CHECK(most([](std::uint64_t seed) {
        queue_model world{log_normal.made, seed};
        for (double times = 0.7; times < 1.3; times += 0.01) {
            world.load = times * log_normal.made.capacity();
            world.run_for(500ms);
        }
        world.run_for(10s);
        return world.limit.limit();
    }) <= 48);
}

TEST_CASE("a server that does one thing at a time is not overrun") {
    for (const double times : {2.0, 10.0})
        CHECK(least([&](std::uint64_t seed) {
            queue_model world{serial.made, seed};
            world.load = times * serial.made.capacity();
            world.run_for(10s);
            (void)world.told();
            world.run_for(20s);
            return goodput(world.told(), serial.made.capacity(), 20s);
        }) >= 0.98);
}

TEST_CASE("under twenty answers a second it neither sheds what fits nor collapses") {
    const model_backend rare{.slots = 4, .service = {service_time::fixed, 250}};  // 16 a second
    CHECK(most([&](std::uint64_t seed) {
        queue_model world{rare, seed};
        world.load = 0.5 * rare.capacity();
        world.run_for(120s);
        return world.told().shed_share();
    }) == 0);
    CHECK(least([&](std::uint64_t seed) {
        queue_model world{rare, seed};
        world.load = 3 * rare.capacity();
        world.run_for(60s);
        (void)world.told();
        world.run_for(60s);
        return goodput(world.told(), rare.capacity(), 60s);
    }) >= 0.6);
}

TEST_CASE("from the floor there is a way back") {
    queue_model world{serial.made, 1};
    world.load = 10 * serial.made.capacity();
    world.run_for(20s);
    CHECK(world.limit.limit() < 10);
    world.server = log_normal.made;
    world.load = 0.8 * log_normal.made.capacity();
    world.run_for(3s);
    (void)world.told();
    world.run_for(10s);
    CHECK(world.told().shed_share() < 0.01);
}

TEST_CASE("at the floor the experiment goes upwards") {
    steady_server server;
    server.limit = adaptive_limit{{.start = 6, .floor = 6}};
    server.run(1s, 10ms, 1);
    bool upwards = false;
    unsigned before = server.limit.limit();
    for (int i = 0; i < 100 && !upwards; ++i) {  // slower than before, but not from a queue: no cut could help
        server.run(30ms, 30ms, server.limit.limit());
        const bool trying = server.limit.now_in() == adaptive_limit::state::experiment;
        upwards = trying && server.limit.limit() > before;
        before = server.limit.limit();
    }
    CHECK(upwards);
    server.run(1s, 30ms, server.limit.limit());
    CHECK(server.limit.last_verdict() == adaptive_limit::verdict::not_a_queue);
    CHECK(server.limit.base() > 25ms);
}

TEST_CASE("timeouts bring the limit down, and answers bring it back") {
    steady_server server;
    server.run(2s, 10ms, 20);
    server.run(60s, 1s, 30, evidence::at_least);
    CHECK(server.limit.limit() == 4);
    CHECK(server.limit.base() < 15ms);  // nothing was learnt from them
    for (int i = 0; i < 30; ++i) server.run(100ms, 10ms, server.limit.limit());
    CHECK(server.limit.limit() >= 32);
}

TEST_CASE("a deadline a little over the usual time does not blind it") {
    // Base 900 ms, and from then on all time out after a second: more than base, but not by much.
    steady_server server;
    server.run(10s, 900ms, 20);
    server.run(60s, 1s, 40, evidence::at_least);
    CHECK(server.limit.limit() == 4);
}

TEST_CASE("fast failures and tunnels say nothing about latency") {
    for (const auto& [took, what] :
         {std::pair{1ms, evidence::at_least}, std::pair{1ms, evidence::none}, std::pair{900ms, evidence::none}}) {
        steady_server server;
        server.run(5s, 10ms, 20);
        const auto limit = server.limit.limit();
        const auto base = server.limit.base();
        server.run(20s, took, 30, what);
        CHECK(server.limit.limit() == limit);
        CHECK(server.limit.base() == base);
    }
}

TEST_CASE("an experiment that traffic walks away from is called off") {
    queue_model world{fixed.made, 1};
    world.load = 10 * fixed.made.capacity();
    world.run_for(5s);
    while (world.limit.now_in() != adaptive_limit::state::experiment) world.run_for(10ms);
    while (world.limit.limit() > 18) world.run_for(5ms);
    adaptive_limit left = world.limit;
    const auto during = left.limit();
    (void)left.started(world.now() + 60s, 1);
    CHECK(left.limit() > during);
    CHECK(left.now_in() != adaptive_limit::state::experiment);
}

TEST_CASE("tries from before the change before the last one never move the limit", "[property]") {
    rc::prop("whatever they took", [] {
        steady_server server;
        server.run(5s, 10ms, 20);
        const auto stale = server.limit.started(server.now, 20);
        for (int i = 0; i < 30; ++i) server.run(100ms, 60ms, server.limit.limit());  // cuts
        const auto limit = server.limit.limit();
        const auto base = server.limit.base();
        RC_PRE(server.limit.started(server.now, 1) > stale + 1);
        const auto longest = *rc::gen::element(2, 100, 20'000);
        for (int i = 0; i < 300; ++i) {
            server.now += 5ms;
            const milliseconds took{*rc::gen::inRange(0, longest)};
            server.limit.finished(stale, took, evidence::answered, 1, server.now, server.chance);
        }
        RC_ASSERT(server.limit.limit() == limit);
        RC_ASSERT(server.limit.base() == base);
    });
}

TEST_CASE("the limit stays in its bounds, and the same calls give the same limits", "[property]") {
    rc::prop("whatever happens, in any order", [](std::uint64_t seed) {
        adaptive_limit_policy policy;
        policy.floor = *rc::gen::inRange(1u, 8u);
        policy.most = policy.floor + *rc::gen::inRange(0u, 200u);
        policy.start = *rc::gen::inRange(0u, 300u);
        random_source script{seed};
        struct {
            adaptive_limit limit;
            random_source chance;
        } twins[2] = {{adaptive_limit{policy}, random_source{seed}}, {adaptive_limit{policy}, random_source{seed}}};
        time_point now{};
        std::uint64_t epoch = 0;
        double typical_ms = 10;
        for (int i = 0; i < 5'000; ++i) {
            if (script.below(500) == 0) typical_ms = 0.01 * std::exp(script.unit() * 12);
            if (script.below(3) == 0) now += nanoseconds{static_cast<std::int64_t>(script.unit() * typical_ms * 1e6)};
            if (script.below(2'000) == 0) now += 1h;
            const auto in_flight = script.below(400);
            const auto what = script.below(10);
            const auto took = nanoseconds{static_cast<std::int64_t>((0.5 + script.unit()) * typical_ms * 1e6)};
            const auto of = script.below(20) == 0 ? script.below(50) : epoch;
            for (auto& twin : twins) {
                if (what < 4) epoch = twin.limit.started(now, in_flight);
                else
                    twin.limit.finished(of, took,
                                        what < 8   ? evidence::answered
                                        : what < 9 ? evidence::at_least
                                                   : evidence::none,
                                        in_flight, now, twin.chance);
            }
            RC_ASSERT(twins[0].limit.limit() == twins[1].limit.limit());
            RC_ASSERT(twins[0].limit.base() == twins[1].limit.base());
            RC_ASSERT(twins[0].limit.limit() >= policy.floor);
            RC_ASSERT(twins[0].limit.limit() <= policy.most);
        }
    });
}

TEST_CASE("a fixed limit: how long an answer takes is learned, but not from those who use all of it") {
    steady_server server{.limit = adaptive_limit{{.start = 12, .floor = 12, .most = 12}}};
    const auto learned_ms = [&] { return std::chrono::duration<double, std::milli>(server.limit.base()).count(); };
    server.run(10s, 20ms, 6);
    CHECK(learned_ms() == Approx(20).epsilon(0.03));
    server.run(60s, 28ms, 12);
    CHECK(learned_ms() == Approx(20).epsilon(0.03));
    server.run(60s, 28ms, 11);
    CHECK(learned_ms() == Approx(28).epsilon(0.03));  // it has become slower, indeed
    server.run(10s, 10ms, 12);
    CHECK(learned_ms() < 14);  // a queue would not make it faster
    server.run(10s, 10ms, 12, evidence::at_least);
    CHECK(server.limit.limit() == 12);
    CHECK(server.limit.experiments() == 0);
}
