#include "lib/async/uv_loop.hpp"

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/task.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

namespace {

task<void> then_stop(uv_loop& time, task<void> body) {
    co_await body;
    time.stop();
}
void run(uv_loop& time, task<void> body) {
    scope work{time};
    work.spawn(then_stop(time, std::move(body)));
    if (!work.empty()) time.run();
    REQUIRE(work.empty());
}

}  // namespace

TEST_CASE("uv loop: a sleep is never early, and ends in the order of deadlines") {
    uv_loop time;
    std::string log;
    const auto body = [](loop& clock, std::string& out) -> task<void> {
        const auto nap = [](loop& c, milliseconds how_long, std::string& o, char name) -> task<void> {
            const auto before = uv_hrtime();
            const auto began = c.now();
            co_await c.sleep(how_long);
            if (c.now() - began < how_long || uv_hrtime() < before) o += '!';
            o += name;
        };
        scope naps{clock};
        naps.spawn(nap(clock, 12ms, out, 'c'));
        naps.spawn(nap(clock, 1ms, out, 'a'));
        naps.spawn(nap(clock, 5ms, out, 'b'));
        co_await naps.joined();
    };
    run(time, body(time, log));
    CHECK(log == "abc");
}

TEST_CASE("uv loop: yields let timers and other yielders in") {
    uv_loop time;
    const auto body = [](loop& clock) -> task<void> {
        bool woken = false;
        const auto nap = [](loop& c, bool& mark) -> task<void> {
            co_await c.sleep(1ms);
            mark = true;
        };
        scope naps{clock};
        naps.spawn(nap(clock, woken));
        while (!woken) co_await clock.yield();  // never ends if a yielder starves the timers
    };
    run(time, body(time));
}

TEST_CASE("uv loop: more ready coroutines than one callback resumes all get their turn") {
    uv_loop time;
    int ran = 0;
    const auto body = [](loop& clock, int& count) -> task<void> {
        const auto one = [](loop& c, int& n) -> task<void> {
            for (int i = 0; i < 3; ++i) co_await c.yield();
            ++n;
        };
        scope many{clock};
        for (int i = 0; i < 1000; ++i) many.spawn(one(clock, count));
        co_await many.joined();
    };
    run(time, body(time, ran));
    CHECK(ran == 1000);
}

TEST_CASE("uv loop: coroutines that take long are resumed in more than one turn of the loop") {
    uv_loop time;
    const auto body = [](loop& clock) -> task<void> {
        const auto toil = [](loop& c) -> task<void> {
            co_await c.yield();
            const auto until = uv_hrtime() + 500'000;
            while (uv_hrtime() < until) {}
        };
        scope many{clock};
        for (int i = 0; i < 128; ++i) many.spawn(toil(clock));
        co_await many.joined();
    };
    run(time, body(time));
    CHECK(time.statistics.turns >= 8);  // 16 of them are more than a turn's share
}

TEST_CASE("uv loop: disarmed timers do not wake, and a loop with sleepers left can end") {
    uv_loop time;
    const auto body = [](loop& clock) -> task<void> {
        for (int i = 0; i < 100; ++i) co_await timeout(clock, 1h, clock.yield());
    };
    run(time, body(time));
    const auto sleeper = [](loop& clock) -> task<void> { co_await clock.sleep(1h); };
    scope left{time};
    left.spawn(sleeper(time));
}

TEST_CASE("uv loop: calls from other threads arrive, each once") {
    uv_loop time;
    constexpr int threads = 4, calls = 2000;
    int seen = 0;
    scope work{time};
    std::vector<std::thread> callers;
    for (int t = 0; t < threads; ++t) {
        callers.emplace_back([&] {
            for (int i = 0; i < calls; ++i) {
                time.call_from_other_thread([&] {
                    if (++seen == threads * calls) time.stop();
                });
            }
        });
    }
    time.run();
    for (auto& each : callers) each.join();
    CHECK(seen == threads * calls);
}

TEST_CASE("uv loop: the wall clock is that of the system") {
    uv_loop time;
    const auto system =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    CHECK(std::abs(time.wall_us() - system) < 60'000'000);
}

TEST_CASE(
    "uv loop: work for the end of the turn is done in that turn, and what it wakes goes on before the loop polls") {
    struct waker final : turn_end_work {
        waker(loop& clock, waiter& whom) : time{clock}, waiting{whom} {}
        void at_turn_end() noexcept override { time.post(waiting); }
        loop& time;
        waiter& waiting;
    };
    struct until_turn_end {
        explicit until_turn_end(loop& clock) : time{clock}, work{clock, mine} {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> parent) noexcept {
            mine.handle = parent;
            time.at_turn_end(work);
        }
        void await_resume() const noexcept {}
        loop& time;
        waiter mine;
        waker work;
    };
    uv_loop time;
    std::uint64_t turns = 0;
    const auto body = [](loop& clock, std::uint64_t& passed) -> task<void> {
        {
            until_turn_end from_outside{clock};  // the loop does not run yet
            co_await from_outside;
        }
        co_await clock.yield();
        const auto before = clock.statistics.turns;
        for (int i = 0; i < 10'000; ++i) {  // more than are resumed in one turn
            until_turn_end inside{clock};
            co_await inside;
        }
        passed = clock.statistics.turns - before;
    };
    run(time, body(time, turns));
    CHECK(turns >= 10);  // the sockets get a look from time to time
    CHECK(turns <= 100);
}

TEST_CASE("uv loop: work for the end of the turn that a callback of the poll brings is not left for the next event") {
    struct noted final : turn_end_work {
        void at_turn_end() noexcept override { done = true; }
        bool done = false;
    };
    uv_loop time;
    noted work;
    bool in_time = false;
    const auto body = [](loop& clock, noted& what, bool& done) -> task<void> {
        clock.call_from_other_thread([&clock, &what] { clock.at_turn_end(what); });
        co_await clock.sleep(20ms);
        done = what.done;
    };
    run(time, body(time, work, in_time));
    CHECK(in_time);
}

TEST_CASE("uv loop: it counts its turns, and the time that it waited but not that it worked") {
    uv_loop time;
    const auto body = [](loop& clock) -> task<void> {
        const auto& counts = clock.statistics;
        // A machine so busy that the time is up before the loop comes to wait gets another chance.
        for (int i = 0; i < 100 && counts.waited == 0ns; ++i) co_await clock.sleep(20ms);
        CHECK(counts.waited > 0ns);
        const auto waited = counts.waited;
        const auto turns = counts.turns;
        for (const auto end = uv_hrtime() + 20'000'000; uv_hrtime() < end;) {}
        co_await clock.yield();
        CHECK(counts.waited == waited);
        co_await clock.sleep(1ms);
        CHECK(counts.turns > turns);
    };
    run(time, body(time));
}

TEST_CASE("uv loop: a stop before it runs ends its first run and no other, and does not keep it from going away") {
    uv_loop time;
    time.stop();
    SECTION("goes away") {}
    SECTION("runs") {
        time.run();
        bool done = false;
        const auto body = [](loop& clock, bool& over) -> task<void> {
            co_await clock.yield();
            over = true;
        };
        run(time, body(time, done));
        CHECK(done);
    }
}
