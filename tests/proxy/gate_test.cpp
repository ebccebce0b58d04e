#include "proxy/gate.hpp"

#include <thread>

#include "lib/async/race.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/running.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct counts {
    std::atomic<int> inside{0}, most{0}, served{0};
};

task<void> come_and_go(loop& time, connection_gate& gate, counts& seen) {
    for (int n = 0; n < 50; ++n) {
        auto place = co_await gate.enter(time);
        const int now = ++seen.inside;
        int most = seen.most.load();
        while (now > most && !seen.most.compare_exchange_weak(most, now)) {}
        co_await time.yield();
        --seen.inside;
        ++seen.served;
    }
}

task<void> leave_soon(loop& time, connection_gate::permit& place) {
    co_await time.sleep(1ms);
    place.reset();
}

}  // namespace

TEST_CASE("gate: no more inside than there are places; a place comes back when its permit dies") {
    connection_gate gate{2};
    auto one = gate.try_enter();
    auto two = gate.try_enter();
    CHECK(gate.inside() == 2);
    CHECK_FALSE(gate.try_enter());
    one.reset();
    CHECK(gate.inside() == 1);
    CHECK(gate.try_enter());
    CHECK(gate.inside() == 1);
}

TEST_CASE("gate: whoever waits is woken when somebody leaves; one who went away takes no place along") {
    run_on_uv([](uv_loop& time) -> task<void> {
        connection_gate gate{1};
        auto inside = gate.try_enter();
        const auto too_late = co_await timeout(time, 1ms, gate.enter(time));
        CHECK_FALSE(too_late.has_value());
        CHECK(gate.full_count() == 1);
        scope leaving{time};
        leaving.spawn(leave_soon(time, inside));
        auto next = co_await gate.enter(time);
        CHECK(next);
        CHECK(gate.inside() == 1);
    });
}

TEST_CASE("gate: two threads, few places: never one too many, nobody is forgotten, loops may end while others leave") {
    for (int round = 0; round < 20; ++round) {
        connection_gate gate{2};
        counts seen;
        const auto work = [&] {
            run_on_uv([&](uv_loop& time) -> task<void> {
                scope clients{time};
                for (int i = 0; i < 4; ++i) { clients.spawn(come_and_go(time, gate, seen)); }
                co_await clients.joined();
            });
        };
        std::thread other{work};
        work();
        other.join();
        CHECK(seen.most.load() <= 2);
        CHECK(seen.served.load() == 400);
        CHECK(gate.inside() == 0);
    }
}

TEST_CASE("gate: a loop may go away while its waiter is being woken from another thread") {
    for (int round = 0; round < 200; ++round) {
        connection_gate gate{1};
        auto place = gate.try_enter();
        std::atomic<bool> waiting{false};
        std::thread waiter{[&] {
            run_on_uv([&](uv_loop& time) -> task<void> {
                waiting = true;
                const auto got = co_await timeout(time, 1ms, gate.enter(time));
                (void)got;
            });
        }};
        while (!waiting) std::this_thread::yield();
        place.reset();
        waiter.join();
        CHECK(gate.inside() == 0);
    }
}
