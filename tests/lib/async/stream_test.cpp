#include "lib/async/stream.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "lib/async/channel.hpp"
#include "tests/support/property.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using numbers = channel<int, when_full::refuse>;
using ints = std::vector<int>;

ints up_to(int n) {
    ints all;
    for (int i = 0; i < n; ++i) all.push_back(i);
    return all;
}
task<void> feed(loop& time, numbers& to, int count, nanoseconds every) {
    for (int i = 0; i < count; ++i) {
        co_await time.sleep(every);
        to.push(i);
    }
    to.close();
}
template <class S, class T>
task<void> note(loop& time, S& source, std::vector<std::pair<milliseconds, T>>& log) {
    const auto began = time.now();
    while (auto item = co_await source.next())
        log.emplace_back(std::chrono::duration_cast<milliseconds>(time.now() - began), std::move(*item));
}

}  // namespace

TEST_CASE("stream: map, filter and take make a pipeline that stops asking when it has enough") {
    virtual_loop time;
    int mapped = 0;
    auto pipeline = iterate{up_to(100)} | map([&mapped](int n) {
        ++mapped;
        return n * n;
    }) | filter([](int n) { return n % 2 == 0; }) |
                    take(3);
    CHECK(run(time, collect(std::move(pipeline))) == ints{0, 4, 16});
    CHECK(mapped == 5);
}

TEST_CASE("stream: an lvalue source is used, not taken") {
    virtual_loop time;
    numbers source{time, 8};
    for (const int n : {1, 2, 3}) source.push(n);
    CHECK(run(time, collect(source | take(2))) == ints{1, 2});
    source.close();
    CHECK(run(time, collect(source)) == ints{3});
}

TEST_CASE("stream: map turns items into another type; for_each sees all in order") {
    virtual_loop time;
    std::string text;
    auto letters = iterate{up_to(4)} | map([](int n) { return static_cast<char>('a' + n); });
    run(time, for_each(std::move(letters), [&text](char c) { text += c; }));
    CHECK(text == "abcd");
}

TEST_CASE("stream: take_until ends at once, even while it waits, and for good") {
    virtual_loop time;
    numbers source{time, 8};
    event stop{time};
    auto until = source | take_until(stop);
    std::vector<std::pair<milliseconds, int>> log;
    running reader{time, note(time, until, log)};
    source.push(1);
    time.advance(1s);
    CHECK_FALSE(reader.done());
    stop.set();
    time.settle();
    CHECK(reader.done());
    CHECK(log.size() == 1);
    stop.clear();
    source.push(2);
    CHECK_FALSE(run(time, until.next()));
    CHECK(source.size() == 1);
}

TEST_CASE("stream: an item that arrives in the turn of the stop is delivered or still in the source") {
    virtual_loop time;
    for (const bool item_first : {true, false}) {
        numbers source{time, 8};
        event stop{time};
        auto until = source | map([](int n) { return n; }) | take_until(stop);
        running next{time, until.next()};
        if (item_first) source.push(1);
        stop.set();
        if (!item_first) source.push(1);
        time.settle();
        REQUIRE(next.done());
        CHECK((next.get() ? 1u : 0u) + source.size() == 1);
    }
}

TEST_CASE("stream: throttle lets the first pass at once, then one an interval, and drops none") {
    virtual_loop time;
    auto slow = iterate{up_to(4)} | throttle(time, 100ms);
    std::vector<std::pair<milliseconds, int>> log;
    running reader{time, note(time, slow, log)};
    time.advance(1h);
    using entry = std::pair<milliseconds, int>;
    CHECK(log == std::vector<entry>{{0ms, 0}, {100ms, 1}, {200ms, 2}, {300ms, 3}});
}

TEST_CASE("stream: ticks come on the beat, and those a slow consumer missed do not pile up") {
    virtual_loop time;
    ticks beat{time, 10ms};
    const auto began = time.now();
    const auto body = [](loop& clock, ticks& from, time_point start) -> task<std::vector<long>> {
        std::vector<long> at;
        for (int i = 0; i < 4; ++i) {
            co_await from.next();
            at.push_back((clock.now() - start) / 1ms);
            if (i == 1) co_await clock.sleep(25ms);
        }
        co_return at;
    };
    CHECK(run(time, body(time, beat, began)) == std::vector<long>{10, 20, 45, 50});
}

TEST_CASE("stream: chunks are cut by size, by time, and by the end, and are never empty") {
    virtual_loop time;
    numbers source{time, 64};
    running feeder{time, feed(time, source, 7, 10ms)};
    auto cut = source | chunks(time, 3, 25ms);
    std::vector<std::pair<milliseconds, ints>> log;
    running reader{time, note(time, cut, log)};
    time.advance(30ms);
    CHECK(log.back() == std::pair{milliseconds{30}, ints{0, 1, 2}});
    time.advance(1s);
    REQUIRE(reader.done());
    CHECK(log.size() == 3);
    CHECK(log[1] == std::pair{milliseconds{60}, ints{3, 4, 5}});
    CHECK(log[2] == std::pair{milliseconds{70}, ints{6}});  // closed: no use waiting

    numbers slow{time, 64};
    running trickle{time, feed(time, slow, 3, 20ms)};
    auto timed = slow | chunks(time, 9, 25ms);
    log.clear();
    running other{time, note(time, timed, log)};
    time.advance(1s);
    CHECK(log == std::vector<std::pair<milliseconds, ints>>{{45ms, {0, 1}}, {60ms, {2}}});
}

TEST_CASE("stream: chunks keep what they have when a next() is cancelled") {
    virtual_loop time;
    numbers source{time, 8};
    auto cut = source | chunks(time, 3, 1s);
    {
        running first{time, cut.next()};
        source.push(1);
        source.push(2);
        time.settle();
        first.cancel();
    }
    source.push(3);
    CHECK(run(time, cut.next()) == std::optional{ints{1, 2, 3}});
}

namespace {

task<int> job(loop& time, int id, nanoseconds takes, int& at_once, int& most) {
    most = std::max(most, ++at_once);
    co_await time.sleep(takes);
    --at_once;
    co_return id;
}

}  // namespace

TEST_CASE("stream: buffer_unordered gives results as they complete") {
    virtual_loop time;
    int at_once = 0, most = 0;
    auto results = iterate{ints{30, 10, 20}} |
                   map([&](int n) { return job(time, n, milliseconds{n}, at_once, most); }) | buffer_unordered(time, 8);
    CHECK(run(time, collect(std::move(results))) == ints{10, 20, 30});
    CHECK(most == 3);
}

TEST_CASE("stream: buffer_unordered never exceeds its bound and gives every result once", "[property]") {
    rc::prop("whatever the jobs take, and however often a next() is cancelled", [] {
        const auto limit = *rc::gen::inRange<std::size_t>(1, 5);
        const auto takes = *rc::gen::container<ints>(rc::gen::inRange(0, 4));
        const auto patience = *rc::gen::inRange(1, 5);
        virtual_loop time;
        int at_once = 0, most = 0;
        numbers source{time, 1024};
        auto results = source | map([&](int n) {
            return job(time, n, milliseconds{takes[static_cast<std::size_t>(n)]}, at_once, most);
        }) | buffer_unordered(time, limit);
        const auto body = [](loop& clock, decltype(results)& from, int wait) -> task<ints> {
            ints got;
            while (true) {
                auto item = co_await timeout(clock, milliseconds{wait}, from.next());  // cancels and asks again
                if (!item) continue;
                if (!*item) co_return got;
                got.push_back(**item);
            }
        };
        running feeder{time, feed(time, source, static_cast<int>(takes.size()), 1ms)};
        auto got = run(time, body(time, results, patience));
        std::sort(got.begin(), got.end());
        RC_ASSERT(got == up_to(static_cast<int>(takes.size())));
        RC_ASSERT(most <= static_cast<int>(limit));
        RC_ASSERT(at_once == 0);
        RC_ASSERT(time.idle());
    });
}

TEST_CASE("stream: for_each_concurrent keeps its bound, runs everything, and waits for the last", "[property]") {
    rc::prop("against the numbers", [] {
        const auto limit = *rc::gen::inRange<std::size_t>(1, 5);
        const auto takes = *rc::gen::container<ints>(rc::gen::inRange(0, 4));
        virtual_loop time;
        int at_once = 0, most = 0;
        ints done;
        const auto handle = [&](int n) -> task<void> {
            done.push_back(co_await job(time, n, milliseconds{takes[static_cast<std::size_t>(n)]}, at_once, most));
        };
        run(time, for_each_concurrent(time, iterate{up_to(static_cast<int>(takes.size()))}, limit, handle));
        RC_ASSERT(most <= static_cast<int>(limit));
        RC_ASSERT(most == static_cast<int>(std::min<std::size_t>(limit, takes.size())) ||
                  std::count(takes.begin(), takes.end(), 0) > 0);
        std::sort(done.begin(), done.end());
        RC_ASSERT(done == up_to(static_cast<int>(takes.size())));
    });
}

TEST_CASE("stream: for_each_concurrent asks for an item only when there is room") {
    virtual_loop time;
    numbers source{time, 8};
    for (int i = 0; i < 5; ++i) source.push(i);
    int at_once = 0, most = 0;
    const auto handle = [&](int n) -> task<void> { co_await job(time, n, 1s, at_once, most); };
    running it{time, for_each_concurrent(time, source, 2, handle)};
    CHECK(source.size() == 3);
    time.advance(1s);
    CHECK(source.size() == 1);
    it.cancel();
    CHECK(source.size() == 1);
    CHECK(time.idle());
}

namespace {

struct everything {
    explicit everything(virtual_loop& clock) : time{clock}, source{clock, 64}, stop{clock} {}
    task<int> work(int n) {
        co_await time.sleep(milliseconds{n % 3});
        co_return n;
    }
    task<void> handle(std::vector<int> chunk) {
        co_await time.yield();
        co_await time.sleep(2ms);
        handled += static_cast<int>(chunk.size());
    }
    task<void> end_it() {
        co_await time.sleep(200ms);
        stop.set();
    }
    task<void> run() {
        scope helpers{time};
        helpers.spawn(feed(time, source, 12, 2ms));
        helpers.spawn(end_it());
        auto pipeline = source | filter([](int n) { return n != 5; }) | map([this](int n) { return work(n); }) |
                        buffer_unordered(time, 2) | throttle(time, 1ms) | chunks(time, 3, 4ms) | take_until(stop);
        const auto handler = [this](std::vector<int> chunk) { return handle(std::move(chunk)); };
        co_await for_each_concurrent(time, std::move(pipeline), 2, handler);
        co_await helpers.joined();
    }
    void check_finished() const { REQUIRE(handled == 11); }
    virtual_loop& time;
    numbers source;
    event stop;
    int handled = 0;
};

}  // namespace

TEST_CASE("stream: a pipeline of every combinator can be destroyed at any point") {
    CHECK(sweep<everything>() > 20);
    sweep_with_delays<everything>(5);
}
