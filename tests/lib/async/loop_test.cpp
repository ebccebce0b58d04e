#include "lib/async/loop.hpp"

#include <string>
#include <vector>

#include "tests/support/property.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

task<void> sleeper(loop& time, nanoseconds how_long, std::string& log, char name) {
    co_await time.sleep(how_long);
    log += name;
}

}  // namespace

TEST_CASE("loop: a sleep ends at its time and not before") {
    virtual_loop time;
    std::string log;
    running it{time, sleeper(time, 25ms, log, 'a')};
    time.advance(24'999us);
    CHECK(log.empty());
    time.advance(1us);
    CHECK(log == "a");
}

TEST_CASE("loop: a fraction of a millisecond is rounded up, never early") {
    virtual_loop time;
    time.advance(300us);
    std::string log;
    running it{time, sleeper(time, 500us, log, 'a')};
    time.advance(500us);
    CHECK(log.empty());
    time.advance(200us);
    CHECK(log == "a");
}

TEST_CASE("loop: no time to wait is no suspension; for ever is for ever") {
    virtual_loop time;
    std::string log;
    running none{time, sleeper(time, 0s, log, 'a')};
    running past{time, sleeper(time, -5s, log, 'b')};
    CHECK(log == "ab");
    running never{time, sleeper(time, nanoseconds::max(), log, 'c')};
    CHECK(time.after(nanoseconds::max()) == time_point::max());
    time.advance(24h * 365 * 10);
    CHECK(log == "ab");
    CHECK_FALSE(never.done());
}

TEST_CASE("loop: sleepers wake in the order of their deadlines", "[property]") {
    rc::prop("and the clock shows the deadline when they do", [](const std::vector<std::uint16_t>& delays) {
        virtual_loop time;
        const auto start = time.now();
        std::vector<nanoseconds> woken;
        const auto body = [](loop& clock, time_point began, nanoseconds how_long,
                             std::vector<nanoseconds>& log) -> task<void> {
            co_await clock.sleep(how_long);
            if (clock.now() - began != how_long) throw std::logic_error{"not at its time"};
            log.push_back(how_long);
        };
        scope work{time};
        std::vector<nanoseconds> expected;
        for (const auto ms : delays) {
            expected.push_back(milliseconds{ms});
            work.spawn(body(time, start, milliseconds{ms}, woken));
        }
        std::sort(expected.begin(), expected.end());
        time.advance(70s);
        RC_ASSERT(woken == expected);
    });
}

TEST_CASE("loop: yield lets everybody else who is ready have a turn first") {
    virtual_loop time;
    std::string log;
    const auto body = [](loop& clock, std::string& out, char name) -> task<void> {
        for (int i = 0; i < 3; ++i) {
            out += name;
            co_await clock.yield();
        }
    };
    scope work{time};
    for (const char name : {'a', 'b', 'c'}) work.spawn(body(time, log, name));
    time.settle();
    CHECK(log == "abcabcabc");
}

TEST_CASE("loop: waking somebody posts, it does not resume") {
    virtual_loop time;
    struct flag {
        static void set(bool& b) { b = true; }
    };
    bool ran = false;
    const auto body = [](loop& clock, bool& mark) -> task<void> {
        co_await clock.yield();
        flag::set(mark);
    };
    running it{time, body(time, ran)};
    CHECK_FALSE(ran);
    CHECK(time.step());
    CHECK(ran);
    CHECK_FALSE(time.step());
}

TEST_CASE("loop: calls from other threads run in order, those made by a call too") {
    virtual_loop time;
    std::string log;
    time.call_from_other_thread([&] {
        log += 'a';
        time.call_from_other_thread([&] { log += 'c'; });
    });
    time.call_from_other_thread([&] { log += 'b'; });
    CHECK(log.empty());
    time.settle();
    CHECK(log == "abc");
}

TEST_CASE("loop: more calls than one budget are all made") {
    virtual_loop time;
    int calls = 0;
    for (int i = 0; i < 1000; ++i) time.call_from_other_thread([&] { ++calls; });
    time.settle();
    CHECK(calls == 1000);
}

TEST_CASE("virtual loop: an endless turn is noticed") {
    virtual_loop time;
    const auto body = [](loop& clock) -> task<void> {
        while (true) co_await clock.yield();
    };
    running it{time, body(time)};
    CHECK_FALSE(time.stuck());
    time.settle();
    CHECK(time.stuck());
}

TEST_CASE("virtual loop: the wall clock follows") {
    virtual_loop time;
    const auto before = time.wall_us();
    time.advance(1500ms);
    CHECK(time.wall_us() - before == 1'500'000);
}

namespace {

struct naps {
    explicit naps(virtual_loop& clock) : time{clock} {}
    task<void> run() {
        co_await time.yield();
        co_await time.sleep(10us);
        co_await time.sleep(3h);
        co_await time.yield();
    }
    virtual_loop& time;
};

}  // namespace

TEST_CASE("loop: sleeps and yields can be destroyed at any point") {
    CHECK(sweep<naps>() == 4);
    sweep_with_delays<naps>(3);
}

namespace {
struct noted final : turn_end_work {
    noted(std::string& log, char name, waiter* then = nullptr, loop* time = nullptr)
        : log{log}, name{name}, then{then}, time{time} {}
    void at_turn_end() noexcept override {
        log += name;
        if (then) time->post(*then);
    }
    std::string& log;
    char name;
    waiter* then;
    loop* time;
};
}  // namespace

TEST_CASE("loop: work for the end of the turn is done when nobody is ready, once, before those that yielded go on") {
    virtual_loop time;
    std::string log;
    const auto busy = [](loop& clock, std::string& out, noted& work) -> task<void> {
        clock.at_turn_end(work);
        out += 'a';
        co_await clock.yield();
        out += 'b';
    };
    noted work{log, 'W'}, more{log, 'M'};
    running it{time, busy(time, log, work)};
    time.at_turn_end(more);
    CHECK(log == "a");
    CHECK_FALSE(time.idle());
    time.settle();
    CHECK(log == "aWMb");
    CHECK(time.idle());
}

TEST_CASE(
    "loop: whom the work at the end of the turn makes ready goes on in the same turn; work that is gone is not done") {
    virtual_loop time;
    std::string log;
    struct awaiter {
        explicit awaiter(waiter& in) : slot{in} {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> parent) noexcept { slot.handle = parent; }
        void await_resume() const noexcept {}
        waiter& slot;
    };
    waiter slot;
    const auto waits = [](waiter& in, std::string& out) -> task<void> {
        co_await awaiter{in};
        out += 'b';
    };
    running it{time, waits(slot, log)};
    noted wakes{log, 'W', &slot, &time};
    {
        noted gone{log, 'G'};
        time.at_turn_end(gone);
        time.at_turn_end(wakes);
    }
    const auto yields = [](loop& clock, std::string& out) -> task<void> {
        co_await clock.yield();
        out += 'y';
    };
    running next_turn{time, yields(time, log)};
    CHECK(time.step());
    CHECK(log == "W");
    CHECK(time.step());
    CHECK(log == "Wb");
    CHECK(time.step());
    CHECK(log == "Wby");
}
