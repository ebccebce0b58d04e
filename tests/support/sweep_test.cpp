#include "tests/support/sweep.hpp"

#include "lib/async/race.hpp"
#include "lib/async/semaphore.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct quiet {
    explicit quiet(virtual_loop& clock) : time{clock}, places{clock, 1} {}
    task<void> run() {
        auto permit = co_await places.acquire();
        co_await time.sleep(1s);
        co_await time.yield();
    }
    void check_released() const { REQUIRE(places.available() == 1); }
    void check_finished() { ++finished; }
    virtual_loop& time;
    semaphore places;
    static inline int finished = 0;
};

/// Detaches what nobody owns: a frame that is never destroyed by its maker.
struct leaky {
    explicit leaky(virtual_loop& clock) : time{clock} {}
    task<void> run() {
        lost() = sleeper(time);
        co_await race(std::move(lost()), time.sleep(1s));
        lost() = sleeper(time);
    }
    static task<void> sleeper(loop& time) { co_await time.sleep(1h); }
    static task<void>& lost() {
        static task<void> kept;
        return kept;
    }
    virtual_loop& time;
};

/// Leaves a wake-up behind, as an awaiter without a destructor would.
struct calls_back {
    explicit calls_back(virtual_loop& clock) : time{clock} {}
    task<void> run() {
        left().handle = std::noop_coroutine();
        time.post(left());
        co_await time.sleep(1s);
    }
    static waiter& left() {
        static waiter kept;
        return kept;
    }
    virtual_loop& time;
};

struct hangs {
    explicit hangs(virtual_loop& clock) : nothing{clock, 0} {}
    task<void> run() { auto permit = co_await nothing.acquire(); }
    semaphore nothing;
};

}  // namespace

TEST_CASE("sweep: stops at every suspension point and then lets the root finish once") {
    CHECK(sweep<quiet>() == 2);  // asleep, yielded
    CHECK(quiet::finished == 1);
    sweep_with_delays<quiet>(5);
}

TEST_CASE("sweep: tells of a frame left behind") {
    const auto outcome = cancel_after<leaky>(100, 0);
    CHECK(outcome.finished);
    CHECK(outcome.problem == "a coroutine frame is left");
    leaky::lost().cancel();
}

TEST_CASE("sweep: tells of a wake-up left behind") {
    CHECK(cancel_after<calls_back>(0, 0).problem == "somebody was resumed after the root's end");
    calls_back::left().unlink();
}

TEST_CASE("sweep: tells of a root that can never end") {
    CHECK(cancel_after<hangs>(0, 0).problem.empty());
    CHECK(cancel_after<hangs>(1, 0).problem == "the root waits for something that never happens");
}

TEST_CASE("running late: every wake-up is delayed, and none is lost") {
    virtual_loop time;
    int ran = 0;
    const auto worker = [](loop& clock, int& count) -> task<void> {
        for (int i = 0; i < 10; ++i) co_await clock.yield();
        ++count;
    };
    time.delay_wakes([] { return nanoseconds{5ms}; });
    scope work{time};
    work.spawn(worker(time, ran));
    work.spawn(worker(time, ran));
    time.advance(49ms);
    CHECK(ran == 0);
    time.advance(1ms);
    CHECK(ran == 2);
}
