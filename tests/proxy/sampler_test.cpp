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

TEST_CASE("sampler: what jobs have waited between two looks") {
    offload_pool::counts before, now;
    before.done = 10, before.waited = 1s;
    now = before;
    CHECK(wait_between(before, now, 5ms) == 0ns);  // nobody came
    now.queued = 3;
    CHECK(wait_between(before, now, 5ms) == 5ms);  // none was taken up
    now.done = 13, now.busy = 1, now.waited = 1s + 80ms;
    CHECK(wait_between(before, now, 5ms) == 20ms);
}

TEST_CASE("sampler: a queue of handshakes, however long, costs hedges and nothing else") {
    const auto under = [](nanoseconds wait) {
        pressure strain{pressure_policy{}};
        pressure_sample sample;
        sample.offload_wait = counted_wait(wait);
        const auto now = time_point{1h};
        shed_ladder ladder;
        ladder.update(strain.update(sample, now), 0, now);
        return ladder.highest();
    };
    CHECK_FALSE(under(10ms));
    CHECK(under(100ms) == shed_step::no_hedges);
    CHECK(under(1h) == shed_step::no_hedges);
}

TEST_CASE("sampler: an idle wait that begins under pressure is cut short") {
    strained_world s;
    s.use_memory(90);
    s.time.advance(100ms);
    CHECK(s.world.worker.idle_wait(10s) < 5s);
    CHECK(s.world.worker.idle_wait(10s) >= 1s);
    s.use_memory(10);
    s.time.advance(20s);
    CHECK(s.world.worker.idle_wait(10s) == 10s);
}

TEST_CASE("sampler: when memory is short, bodies are not kept and reads stay small") {
    strained_world s;
    const auto& ladder = s.world.worker.ladder;
    CHECK(ladder.replay_allowed());
    s.use_memory(71);
    s.time.advance(100ms);
    CHECK_FALSE(ladder.replay_allowed());
    CHECK(ladder.hedges_allowed());
    CHECK_FALSE(s.world.worker.streams.small_buffers);
    s.use_memory(84);
    s.time.advance(100ms);
    CHECK(s.world.worker.streams.small_buffers);
    s.use_memory(10);
    s.time.advance(20s);
    CHECK_FALSE(s.world.worker.streams.small_buffers);
    CHECK(ladder.replay_allowed());
}

TEST_CASE("sampler: when memory is all but gone, those who hold the most are given up") {
    strained_world s;
    std::vector<std::pair<stream_ptr, std::shared_ptr<fake_peer>>> streams;
    for (const std::size_t kib : {1, 30, 60, 1, 60, 0}) {
        auto& made = streams.emplace_back(fake_stream::make(s.world.worker.streams));
        made.first->expect_bulk(kib > 16);
        made.second->send(std::string(kib * 1024, 'x'));
    }
    std::vector<std::unique_ptr<running<io_result<std::size_t>>>> readers;
    const auto fill = [](byte_stream& from) -> task<io_result<std::size_t>> { co_return co_await from.fill(); };
    for (auto& [stream, peer] : streams)
        readers.push_back(std::make_unique<running<io_result<std::size_t>>>(s.time, fill(*stream)));
    s.time.advance(1s);
    CHECK(streams[2].first->held_bytes() == 64 * 1024);
    CHECK(streams[5].first->held_bytes() == 0);
    CHECK_FALSE(readers[5]->done());

    SECTION("not before") {
        s.use_memory(93);
        s.time.advance(1s);
        CHECK(s.world.worker.numbers.given_up_total.value() == 0);
    }
    SECTION("ten at a look, and not those who hold nothing") {
        s.use_memory(99);
        s.time.advance(60ms);
        CHECK(s.world.worker.numbers.given_up_total.value() == 5);
        for (const std::size_t i : {0u, 1u, 2u, 3u, 4u}) CHECK(streams[i].second->was_reset);
        CHECK_FALSE(streams[5].second->was_reset);
        CHECK_FALSE(readers[5]->done());
    }
    SECTION("the largest first") {
        for (int i = 0; i < 10; ++i) {
            auto& made = streams.emplace_back(fake_stream::make(s.world.worker.streams));
            made.first->expect_bulk(true);
            made.second->send(std::string(60 * 1024, 'x'));
            readers.push_back(std::make_unique<running<io_result<std::size_t>>>(s.time, fill(*made.first)));
        }
        s.use_memory(99);
        s.time.advance(60ms);
        CHECK(s.world.worker.numbers.given_up_total.value() == 10);
        CHECK_FALSE(streams[0].second->was_reset);
        CHECK_FALSE(streams[3].second->was_reset);
    }
    readers.clear();
}

TEST_CASE("sampler: a step of the ladder is an event") {
    strained_world s;
    s.use_memory(88);
    s.time.advance(100ms);
    const auto events = s.world.shared.events.since(0);
    REQUIRE_FALSE(events.empty());
    CHECK(events[0].kind == journal_kind::shedding);
    CHECK(events[0].worker == 0);
    CHECK(events[0].from == "nothing");
    CHECK(events[0].to == "refuse_normal");
    CHECK(events[0].why == "pressure 72 %; most of it memory");
    s.time.advance(1s);
    CHECK(s.world.shared.events.count() == 1);
    s.use_memory(10);
    s.time.advance(20s);
    CHECK(s.world.shared.events.since(0).back().to == "nothing");
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
