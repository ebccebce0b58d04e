#include "lib/async/race.hpp"

#include <string>
#include <vector>

#include "lib/async/channel.hpp"
#include "lib/async/event.hpp"
#include "lib/async/semaphore.hpp"
#include "tests/support/property.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

task<int> after(loop& time, nanoseconds delay, int result) {
    co_await time.sleep(delay);
    co_return result;
}
task<int> at_once(int result) { co_return result; }
task<int> noted(bool& began, int result) {
    began = true;
    co_return result;
}
task<int> fails_after(loop& time, nanoseconds delay) {
    co_await time.sleep(delay);
    throw std::runtime_error{"failed"};
}

}  // namespace

TEST_CASE("race: the first result wins and the losers are gone at that moment") {
    virtual_loop time;
    const auto frames = live_frames();
    const auto body = [](loop& clock) -> task<std::string> {
        auto contest = race(after(clock, 3s, 3), after(clock, 1s, 1), clock.sleep(2s));
        const auto before = live_frames();
        auto first = co_await contest;
        const bool all_gone = live_frames() < before;
        co_await clock.sleep(1h);  // a loser that were still armed would resume us too early
        co_return std::to_string(first.index()) + " " + std::to_string(std::get<1>(first)) + (all_gone ? " gone" : "");
    };
    running it{time, body(time)};
    time.advance(1h);
    CHECK_FALSE(it.done());
    time.advance(1s);
    REQUIRE(it.done());
    CHECK(it.get() == "1 1 gone");
    CHECK(live_frames() == frames);
}

TEST_CASE("race: a branch that is done at once keeps those after it from starting") {
    virtual_loop time;
    bool began = false;
    const auto body = [](loop& clock, bool& mark) -> task<std::size_t> {
        auto first = co_await race(after(clock, 1s, 1), at_once(2), noted(mark, 3));
        co_return first.index();
    };
    CHECK(run(time, body(time, began)) == 1);
    CHECK_FALSE(began);
}

TEST_CASE("race: of two awaiters that are ready in the same turn the first named wins, the other undoes") {
    virtual_loop time;
    semaphore places{time, 1};
    event stop{time};
    const auto body = [](event& e, semaphore& from) -> task<std::size_t> {
        auto first = co_await race(e.wait(), from.acquire());
        co_return first.index();
    };
    auto held = places.try_acquire();
    running it{time, body(stop, places)};
    held.reset();  // granted first ...
    stop.set();    // ... but named second
    time.settle();
    REQUIRE(it.done());
    CHECK(it.get() == 0);
    CHECK(places.available() == 1);
}

TEST_CASE("race: a task that has ended is not thrown away for an awaiter that is merely ready") {
    virtual_loop time;
    channel<int, when_full::refuse> items{time, 4};
    event stop{time};
    const auto receive = [](channel<int, when_full::refuse>& from) -> task<std::optional<int>> {
        co_return co_await from.next();
    };
    const auto body = [&receive](event& e, channel<int, when_full::refuse>& from) -> task<int> {
        auto first = co_await race(e.wait(), receive(from));
        co_return first.index() == 0 ? -1 : *std::get<1>(first);
    };
    running it{time, body(stop, items)};
    items.push(7);
    stop.set();
    time.settle();
    REQUIRE(it.done());
    CHECK(it.get() + static_cast<int>(items.size()) == 7);  // the item was received, or is still there: never lost
}

TEST_CASE("race: an event that dies does not count as having happened") {
    virtual_loop time;
    auto doomed = std::make_unique<event>(time);
    const auto body = [](loop& clock, event& e) -> task<std::size_t> {
        auto first = co_await race(e.wait(), clock.sleep(1s));
        co_return first.index();
    };
    running it{time, body(time, *doomed)};
    doomed.reset();
    time.advance(1s);
    REQUIRE(it.done());
    CHECK(it.get() == 1);
}

TEST_CASE("race: an exception of a branch comes out, and the losers are gone") {
    virtual_loop time;
    const auto body = [](loop& clock) -> task<bool> {
        auto contest = race(fails_after(clock, 1s), clock.sleep(2s));
        bool failed = false;
        try {
            co_await contest;
        } catch (const std::runtime_error&) { failed = true; }
        co_await clock.sleep(1h);
        co_return failed;
    };
    running it{time, body(time)};
    time.advance(1h);
    CHECK_FALSE(it.done());
    time.advance(1s);
    REQUIRE(it.done());
    CHECK(it.get());
}

TEST_CASE("race: races within races") {
    virtual_loop time;
    const auto body = [](loop& clock) -> task<std::size_t> {
        auto first =
            co_await race(race(after(clock, 5s, 1), after(clock, 4s, 2)), timeout(clock, 2s, after(clock, 3s, 3)));
        co_return first.index() * 10 + (std::get<1>(first) ? 1 : 0);
    };
    CHECK(run(time, body(time)) == 10);  // the inner timeout came first
}

TEST_CASE("timeout: the result, or nothing when the time is up") {
    virtual_loop time;
    const auto ask = [](loop& clock, nanoseconds takes, nanoseconds limit) -> task<int> {
        auto got = co_await timeout(clock, limit, after(clock, takes, 5));
        co_return got ? *got : -1;
    };
    CHECK(run(time, ask(time, 1s, 2s)) == 5);
    CHECK(run(time, ask(time, 2s, 1s)) == -1);
    CHECK(run(time, ask(time, 1s, 1s)) == 5);  // in the same turn: what was asked for goes before the clock
    CHECK(run(time, ask(time, 0s, 0s)) == 5);
    CHECK(run(time, ask(time, 1s, -1s)) == -1);
    CHECK(run(time, ask(time, 1s, nanoseconds::max())) == 5);
    CHECK(time.idle());
}

TEST_CASE("timeout: the clock is disarmed with the result, however long the awaiter lives") {
    virtual_loop time;
    const auto body = [](loop& clock) -> task<bool> {
        auto limited = timeout(clock, 10s, after(clock, 1s, 5));
        auto got = co_await limited;
        co_await clock.sleep(1h);
        co_return *got == 5;
    };
    running it{time, body(time)};
    time.advance(1h);
    CHECK_FALSE(it.done());
    time.advance(1s);
    CHECK(it.done());
}

TEST_CASE("timeout: a deadline is not extended by waiting anew") {
    virtual_loop time;
    event news{time};
    const auto body = [](loop& clock, event& e) -> task<int> {
        const auto deadline = clock.after(10s);
        for (int heard = 0;; ++heard) {
            e.clear();
            if (!co_await timeout_at(clock, deadline, e.wait())) co_return heard;
        }
    };
    running it{time, body(time, news)};
    for (int i = 0; i < 3; ++i) {
        time.advance(3s);
        news.set();
    }
    time.advance(1s);
    REQUIRE(it.done());
    CHECK(it.get() == 3);
}

TEST_CASE("race: the earliest branch wins, the first named among equals", "[property]") {
    rc::prop("four tasks with drawn delays", [] {
        const auto delays = *rc::gen::container<std::array<int, 4>>(rc::gen::inRange(0, 5));
        virtual_loop time;
        const auto body = [](loop& clock, const std::array<int, 4>& d) -> task<std::size_t> {
            auto first = co_await race(after(clock, milliseconds{d[0]}, 0), after(clock, milliseconds{d[1]}, 1),
                                       after(clock, milliseconds{d[2]}, 2), after(clock, milliseconds{d[3]}, 3));
            co_return first.index();
        };
        const auto expected = static_cast<std::size_t>(std::min_element(delays.begin(), delays.end()) - delays.begin());
        RC_ASSERT(run(time, body(time, delays)) == expected);
        RC_ASSERT(time.idle());
    });
}

namespace {

struct nested_races {
    explicit nested_races(virtual_loop& clock) : time{clock}, places{clock, 1}, stop{clock} {}
    task<int> slow(int n) {
        auto permit = co_await places.acquire();
        co_await time.sleep(milliseconds{n});
        co_await time.yield();
        co_return n;
    }
    task<void> run() {
        for (int i = 0; i < 3; ++i) {
            co_await race(slow(5), slow(3), timeout(time, 4ms, stop.wait()));
            co_await timeout(time, 6ms, race(slow(7), slow(2), stop.wait()));
        }
    }
    void check_released() const {
        REQUIRE(places.available() == 1);
        REQUIRE(places.waiting() == 0);
    }
    virtual_loop& time;
    semaphore places;
    event stop;
};

}  // namespace

TEST_CASE("race: destroyed at any point, nothing is left") {
    sweep<nested_races>();
    sweep_with_delays<nested_races>(30);
}
