#include "lib/async/event.hpp"

#include "lib/async/race.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

task<void> wait_for(event& what, int& count) {
    co_await what.wait();
    ++count;
}

struct waiters {
    explicit waiters(virtual_loop& clock) : time{clock}, go{clock} {}
    task<void> run() {
        scope others{time};
        for (int i = 0; i < 3; ++i) others.spawn(wait_for(go, woken));
        co_await race(go.wait(), time.sleep(1ms));
        go.set();
        co_await go.wait();
        co_await others.joined();
    }
    void check_finished() const { REQUIRE(woken == 3); }
    virtual_loop& time;
    event go;
    int woken = 0;
};

}  // namespace

TEST_CASE("event: wakes everybody who waits, and lets pass who comes later") {
    virtual_loop time;
    event go{time};
    int woken = 0;
    scope work{time};
    for (int i = 0; i < 3; ++i) work.spawn(wait_for(go, woken));
    time.advance(1h);
    CHECK(woken == 0);
    go.set();
    CHECK(woken == 0);  // only the loop resumes
    time.settle();
    CHECK(woken == 3);
    work.spawn(wait_for(go, woken));
    CHECK(woken == 4);
}

TEST_CASE("event: taken back, it holds up those who come later, not those already woken") {
    virtual_loop time;
    event go{time};
    int woken = 0;
    scope work{time};
    work.spawn(wait_for(go, woken));
    go.set();
    go.clear();
    work.spawn(wait_for(go, woken));
    time.settle();
    CHECK(woken == 1);
    CHECK(work.size() == 1);
}

TEST_CASE("event: may die before those who wait for it") {
    virtual_loop time;
    int woken = 0;
    scope work{time};
    {
        event go{time};
        work.spawn(wait_for(go, woken));
    }
    time.advance(1h);
    CHECK(woken == 0);
    CHECK(work.size() == 1);
}

TEST_CASE("event: waiters can be destroyed at any point") { sweep<waiters>(); }
