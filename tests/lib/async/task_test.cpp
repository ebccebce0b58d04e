#include "lib/async/task.hpp"

#include <memory>
#include <stdexcept>
#include <string>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

task<int> at_once(int n) { co_return n; }
task<std::string> later(loop& time, std::string what) {
    co_await time.sleep(1s);
    co_return what;
}
task<int> fails_at_once() {
    throw std::runtime_error{"at once"};
    co_return 0;
}
task<int> fails_later(loop& time) {
    co_await time.sleep(1s);
    throw std::runtime_error{"later"};
}
task<std::string> caught(task<int> inner) {
    try {
        co_await inner;
    } catch (const std::runtime_error& e) { co_return e.what(); }
    co_return "nothing";
}

}  // namespace

TEST_CASE("task: lazy, and the result comes to whoever awaits") {
    virtual_loop time;
    bool began = false;
    const auto body = [](bool& mark) -> task<int> {
        mark = true;
        co_return 7;
    };
    auto lazy = body(began);
    CHECK_FALSE(began);
    CHECK(run(time, std::move(lazy)) == 7);
    CHECK(began);
    CHECK(run(time, later(time, "here")) == "here");
}

TEST_CASE("task: a result may be movable only") {
    virtual_loop time;
    const auto make = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    CHECK(*run(time, make()) == 3);
}

TEST_CASE("task: an empty task<void> is done, wherever it is awaited") {
    virtual_loop time;
    const auto frames = live_frames();
    const auto nothing = [] { return task<void>{}; };
    const auto asks = [&](loop& clock) -> task<int> {
        co_await nothing();
        CHECK((co_await race(nothing(), clock.sleep(1s))).index() == 0);
        CHECK((co_await timeout(clock, 1s, nothing())).has_value());
        co_return 1;
    };
    running it{time, asks(time)};
    CHECK(it.get() == 1);  // without a turn of the loop
    scope children{time};
    children.spawn(nothing());
    CHECK(children.empty());
    CHECK(live_frames() - frames <= 2);  // of `it`
}

TEST_CASE("task: an exception travels to the parent, whether the child suspended or not") {
    virtual_loop time;
    CHECK(run(time, caught(fails_at_once())) == "at once");
    CHECK(run(time, caught(fails_later(time))) == "later");
    CHECK_THROWS_WITH(run(time, fails_later(time)), "later");
}

TEST_CASE("task: half a million children that complete at once do not grow the stack") {
    virtual_loop time;
    const auto sum = []() -> task<long> {
        long total = 0;
        for (int i = 0; i < 500'000; ++i) total += co_await at_once(1);
        co_return total;
    };
    CHECK(run(time, sum()) == 500'000);
}

TEST_CASE("task: destroying the outermost destroys the chain, innermost first") {
    virtual_loop time;
    std::string order;
    struct mark {
        mark(std::string& out, char name) : log{&out}, c{name} {}
        mark(const mark&) = delete;
        ~mark() { *log += c; }
        std::string* log;
        char c;
    };
    const auto inner = [](loop& clock, std::string& log) -> task<void> {
        const mark here{log, 'i'};
        co_await clock.sleep(1h);
    };
    const auto outer = [&inner](loop& clock, std::string& log) -> task<void> {
        const mark here{log, 'o'};
        co_await inner(clock, log);
    };
    const auto before = live_frames();
    {
        running it{time, outer(time, order)};
        CHECK(live_frames() > before);
        it.cancel();
        CHECK(order == "io");
        CHECK(live_frames() == before);
        CHECK(time.idle());
    }
}

TEST_CASE("task: moving hands the frame over, assigning over one destroys it") {
    const auto before = live_frames();
    auto a = at_once(1);
    auto b = at_once(2);
    CHECK(live_frames() == before + 2);
    a = std::move(b);
    CHECK(live_frames() == before + 1);
    CHECK_FALSE(static_cast<bool>(b));
    CHECK(static_cast<bool>(a));
    a.cancel();
    CHECK(live_frames() == before);
}

namespace {

struct deep_chain {
    explicit deep_chain(virtual_loop& clock) : time{clock} {}
    task<int> level(int depth) {
        auto owned = std::make_unique<int>(depth);
        co_await time.sleep(1ms);
        if (depth == 0) throw std::runtime_error{"bottom"};
        const int below = co_await level(depth - 1);
        co_await time.yield();
        co_return *owned + below;
    }
    task<void> run() {
        try {
            co_await level(3);
        } catch (const std::runtime_error&) { fell = true; }
        co_await time.yield();
    }
    void check_finished() const { REQUIRE(fell); }
    virtual_loop& time;
    bool fell = false;
};

}  // namespace

TEST_CASE("task: a chain can be destroyed wherever it stands") { CHECK(sweep<deep_chain>() == 5); }
