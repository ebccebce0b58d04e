#include "proxy/sampler.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"
#include "tests/support/running.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

/// A worker whose pressure the test sets, by way of the memory that the process says it uses.
struct strained_world {
    explicit strained_world(const std::string& begin = "") : world{time, begin + std::string{proxy_world::plain}} {
        world.shared.load.memory_limit = 100;
    }
    void use_memory(unsigned percent) { world.shared.load.memory_used = percent; }
    /// A client that has connected and said nothing.
    std::shared_ptr<fake_peer> idle_client() {
        auto made = fake_stream::make(world.worker.streams, *address::parse_ip("192.0.2.9", 5000));
        admitted client{std::move(made.first), world.shared.connections.try_enter(), world.view.shared.gate.try_enter(),
                        world.worker.numbers};
        clients.spawn(serve_http(world.worker, world.view, std::move(client)));
        return made.second;
    }

    virtual_loop time;
    proxy_world world;
    sampler strain{world.worker};
    scope clients{time};
    running<void> measured{time, strain.run()};
};

latency_counts loop_delays(const proxy_world& world) {
    latency_counts all;
    world.worker.numbers.loop_delay.add_to(all);
    return all;
}

}  // namespace

TEST_CASE("sampler: looks every 50 ms; at ease nothing is given up") {
    strained_world s;
    s.time.advance(1s);
    CHECK(loop_delays(s.world).total() == 20);
    CHECK(loop_delays(s.world).quantile_us(1) == 0);
    CHECK(s.strain.pressure() == 0);
    CHECK(s.strain.busy_share() == 0);
    CHECK(s.world.worker.ladder.hedges_allowed());
}

TEST_CASE("sampler: memory and descriptors that run out are pressure") {
    strained_world s;
    SECTION("memory") { s.use_memory(96); }
    SECTION("descriptors") {
        s.world.shared.load.descriptors_limit = 100;
        s.world.shared.load.descriptors_open = 98;
    }
    s.time.advance(100ms);
    CHECK(s.strain.pressure() == 1);
    CHECK(s.world.worker.ladder.pause_accept());
    CHECK(s.world.worker.ladder.refuse_before_parsing());
    s.use_memory(10);
    s.world.shared.load.descriptors_open = 10;
    s.time.advance(10s);
    CHECK(s.world.worker.ladder.hedges_allowed());
}

TEST_CASE("sampler: a loop that is late is pressure, and the delay is on record") {
    strained_world s;
    s.time.delay_wakes([] { return nanoseconds{60ms}; });
    s.time.advance(2s);
    CHECK(loop_delays(s.world).quantile_us(0.5) >= 58'000);
    CHECK(s.strain.parts().loop_delay == 1);
    CHECK(s.world.worker.ladder.pause_accept());
}

TEST_CASE("sampler: one stall, however long, is no overload") {
    strained_world s;
    s.time.advance(1s);
    bool once = true;
    s.time.delay_wakes([&] { return std::exchange(once, false) ? nanoseconds{2s} : 0ns; });
    s.time.advance(3s);
    CHECK(loop_delays(s.world).quantile_us(1) >= 1'900'000);
    CHECK(s.strain.pressure() == 0);
    CHECK(s.world.worker.ladder.taken(shed_step::no_hedges) == 0);
}

TEST_CASE("sampler: with `shed off` it measures and gives nothing up") {
    strained_world s{"shed off; "};
    s.use_memory(99);
    s.time.advance(2s);
    CHECK(loop_delays(s.world).total() == 40);
    CHECK(s.strain.pressure() == 0);
    CHECK_FALSE(s.world.worker.ladder.pause_accept());
}

TEST_CASE("sampler: under pressure clients without a request go, those idle the longest first, not all at once") {
    strained_world s;
    std::vector<std::shared_ptr<fake_peer>> peers;
    for (int i = 0; i < 5; ++i) {
        peers.push_back(s.idle_client());
        s.time.advance(10ms);
    }
    const auto closed = [&] { return std::ranges::count_if(peers, &fake_peer::closed); };
    s.time.advance(2s);
    CHECK(closed() == 0);
    s.use_memory(99);
    s.time.advance(300ms);
    CHECK(closed() >= 1);
    CHECK(closed() <= 2);
    CHECK(peers[0]->closed);
    CHECK_FALSE(peers[4]->closed);
    s.time.advance(3s);
    CHECK(closed() == 5);
    CHECK(s.world.worker.numbers.idle_closed_total.value() == 5);
}

TEST_CASE("sampler: a client that is between two requests keeps its connection") {
    strained_world s;
    s.use_memory(80);  // pressure 0.4: clients are closed, requests are served
    const auto peer = s.idle_client();
    for (int i = 0; i < 20; ++i) {
        peer->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        s.time.advance(10ms);
        REQUIRE_FALSE(s.world.servers.empty());
        s.world.servers.back()->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        s.time.advance(490ms);
        REQUIRE_FALSE(peer->closed);
    }
    s.time.advance(20s);
    CHECK(peer->closed);
}

TEST_CASE("load: the process's own memory and descriptors are looked at every 250 ms") {
    virtual_loop time;
    process_load load;
    running<void> watched{time, watch_load(time, load)};
    CHECK(load.memory_used > 100'000);
    CHECK(load.descriptors_open >= 3);
    load.memory_used = 0;
    time.advance(200ms);
    CHECK(load.memory_used == 0);
    time.advance(100ms);
    CHECK(load.memory_used > 100'000);
}
