#include "lib/tls/handshake.hpp"

#include <thread>

#include "lib/async/race.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/scheduling.hpp"
#include "tests/support/sweep.hpp"
#include "tests/support/tls_streams.hpp"

using namespace weir;
using namespace weir::testing;
using how = tls::handshake_failure::kind;

namespace {

/// A desk where every costly step goes to the pool.
struct busy_desk : tls::handshake_desk {
    explicit busy_desk(offload_pool& pool) : handshake_desk{pool} {
        tls::placement_policy policy;
        policy.most_here = 0ns;
        placement = tls::handshake_placement{policy};
    }
};

}  // namespace

TEST_CASE("handshake: on the loop and on the pool come to the same end", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    busy_desk desk{ends.pool};
    auto as_client = ends.client_shakes(desk);
    auto as_server = ends.server_shakes(desk);
    while (!as_client.done() || !as_server.done()) {  // the pool's threads take the time they take
        ends.carry();
        std::this_thread::yield();
    }
    CHECK(as_client.get());
    CHECK(as_server.get());
    CHECK(desk.on_threads == 2);
    CHECK(desk.here == 0);
    CHECK(desk.placement.expected(tls::handshake_kind::ecdsa) !=
          tls::handshake_placement{}.expected(tls::handshake_kind::ecdsa));  // learned
}

TEST_CASE(
    "handshake: where the loop works in turns, the steps that are short enough do, and the long ones go to threads",
    "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    offload_pool turns{"test-turns", 0, 16};
    running<void> worker{time, turns.work_on(time)};
    tls::handshake_desk desk{ends.pool, &turns};
    desk.placement = tls::handshake_placement{{.share_permille = 0, .burst = 0ns, .most_if_brief = 1h}};
    auto as_client = ends.client_shakes(desk);
    auto as_server = ends.server_shakes(desk);
    ends.carry();
    REQUIRE(as_client.done());
    REQUIRE(as_server.done());
    CHECK(as_client.get());
    CHECK(as_server.get());
    CHECK(turns.statistics().done == 2);
    CHECK(desk.here == 2);

    desk.placement = tls::handshake_placement{};
    CHECK(&desk.queue_for(tls::handshake_kind::long_rsa) == &desk.threads);
    CHECK(&desk.queue_for(tls::handshake_kind::ecdsa) == &turns);
    CHECK(&busy_desk{ends.pool}.queue_for(tls::handshake_kind::ecdsa) == &ends.pool);
}

TEST_CASE("handshake: while somebody waits for a thread, no costly step runs on the loop", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    offload_pool none{"test-none", 0, 16};  // no thread ever comes for the jobs
    loop_desk desk{none};
    const auto wait = [](loop& clock, offload_pool& pool) -> task<void> {
        auto never = [] { return 0; };
        co_await pool.run(clock, std::move(never));
    };
    running<void> waits{time, wait(time, none)};
    auto as_client = ends.client_shakes(desk);
    auto as_server = ends.server_shakes(desk);
    ends.carry();
    CHECK_FALSE(as_server.done());
    CHECK(none.statistics().queued == 2);
    CHECK(desk.here == 0);
}

TEST_CASE("handshake: only steps that are brief are for idle threads", "[tls]") {
    virtual_loop time;
    offload_options idle;
    idle.idle = always_to_spare();
    offload_pool pool{"test-idle", 1, 16, idle};
    const auto shake_hands = [&](nanoseconds most_if_brief) {
        tls_streams ends{time};
        tls::handshake_desk desk{pool};
        desk.placement = tls::handshake_placement{{.most_here = 0ns, .most_if_brief = most_if_brief}};
        auto as_client = ends.client_shakes(desk);
        auto as_server = ends.server_shakes(desk);
        while (!as_client.done() || !as_server.done()) {
            ends.carry();
            std::this_thread::yield();
        }
    };
    shake_hands(0ns);
    CHECK(pool.statistics().done == 2);
    CHECK(pool.statistics().spared == 0);
    shake_hands(1h);
    CHECK(pool.statistics().done == 4);
    CHECK(pool.statistics().spared == 2);
}

TEST_CASE("handshake: each side learns why it failed", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    loop_desk desk{ends.pool};
    auto as_client = ends.client_shakes(desk, "other.test");
    auto as_server = ends.server_shakes(desk);
    ends.carry();
    REQUIRE(as_client.done());
    CHECK(as_client.get().error().how == how::untrusted);
    CHECK(as_client.get().error().text.find("ostname mismatch") != std::string::npos);
    REQUIRE(as_server.done());
    CHECK(as_server.get().error().how == how::failed);
    CHECK(as_server.get().error().text.find("alert") != std::string::npos);
}

TEST_CASE("handshake: a peer that leaves in the middle", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    loop_desk desk{ends.pool};
    auto as_client = ends.client_shakes(desk);
    time.settle();
    ends.client_end->finish();
    time.settle();
    REQUIRE(as_client.done());
    CHECK(as_client.get().error().how == how::left);
}

TEST_CASE("handshake: refused when too many wait for their turn, and the queue skips those who left", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    offload_pool none{"test-none", 0, 1};  // no thread ever comes for the jobs
    busy_desk desk{none};
    auto as_client = ends.client_shakes(desk);
    auto waits = ends.server_shakes(desk);
    ends.carry();
    REQUIRE_FALSE(waits.done());
    CHECK(none.statistics().queued == 1);

    tls_streams others{time};
    {
        auto refused = others.server_shakes(desk);
        others.server_end->send(ends.to_server);
        time.settle();
        REQUIRE(refused.done());
        CHECK(refused.get().error().how == how::refused);
    }
    ends.server_end->finish();  // the one that waits leaves
    time.settle();
    REQUIRE(waits.done());
    CHECK(waits.get().error().how == how::left);

    tls_streams third{time};
    auto in_its_place = third.server_shakes(desk);
    third.server_end->send(ends.to_server);
    time.settle();
    CHECK_FALSE(in_its_place.done());
    CHECK(none.statistics().skipped == 1);
}

TEST_CASE("handshake: destroyed while its step is on the pool, it leaves nothing behind", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    busy_desk desk{ends.pool};
    auto as_client = ends.client_shakes(desk);
    {
        auto as_server = ends.server_shakes(desk);
        ends.carry();
    }
    ends.server.reset();
    while (ends.pool.statistics().done + ends.pool.statistics().skipped < 1) std::this_thread::yield();
    time.settle();
    CHECK_FALSE(as_client.done());
}

namespace {

/// Both sides in one root, carried by a helper.
struct handshake_scenario {
    explicit handshake_scenario(virtual_loop& loop) : time{loop}, ends{loop}, desk{ends.pool}, helpers{loop} {
        helpers.spawn(carry());
    }
    task<void> carry() {
        while (true) {
            pass(*ends.client_end, *ends.server_end);
            pass(*ends.server_end, *ends.client_end);
            co_await time.sleep(1ms);
        }
    }
    static void pass(fake_peer& from, fake_peer& to) {
        const auto bytes = std::exchange(from.received, {});
        if (!bytes.empty()) to.send(bytes);
    }
    task<void> run() {
        scope both{time};
        both.spawn(side(*ends.client, ends.client_session(), tls::handshake_kind::as_client));
        both.spawn(side(*ends.server, ends.server_session(), tls::handshake_kind::ecdsa));
        co_await both.joined();
    }
    task<void> side(byte_stream& stream, std::unique_ptr<tls::session> session, tls::handshake_kind kind) {
        auto shaken = co_await timeout(time, 10s, tls_streams::handshake(stream, std::move(session), desk, kind));
        done += shaken && *shaken ? 1 : 0;
        if (!done) co_return;
        const auto sent = co_await stream.write("a word after it");
        done += sent ? 0 : -100;
    }
    void check_finished() const { REQUIRE(done == 2); }

    virtual_loop& time;
    tls_streams ends;
    loop_desk desk;
    int done = 0;
    scope helpers;
};

}  // namespace

TEST_CASE("handshake: destroyed at each of its suspension points", "[tls][sweep]") { sweep<handshake_scenario>(); }
