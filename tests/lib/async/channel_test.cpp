#include "lib/async/channel.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "lib/async/race.hpp"
#include "tests/support/property.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using waiting = channel<int, when_full::wait>;
using refusing = channel<int, when_full::refuse>;
using dropping = channel<int, when_full::drop_oldest>;

template <class C>
task<std::optional<int>> receive(C& from) {
    co_return co_await from.next();
}
template <class C>
task<void> receive_all(C& from, std::vector<int>& into) {
    while (auto item = co_await from.next()) into.push_back(*item);
}
task<bool> send(waiting& to, int item) { co_return co_await to.send(item); }

}  // namespace

TEST_CASE("channel: what is pushed comes out in order, then the end") {
    virtual_loop time;
    refusing items{time, 4};
    std::vector<int> got;
    for (int i = 1; i <= 3; ++i) CHECK(items.push(i));
    running reader{time, receive_all(items, got)};
    items.push(4);
    time.settle();
    items.push(5);
    items.close();
    CHECK_FALSE(items.push(6));
    time.settle();
    CHECK(reader.done());
    CHECK(got == std::vector{1, 2, 3, 4, 5});
    CHECK(items.dropped() == 0);
}

TEST_CASE("channel: full and refusing, it counts what it refused") {
    virtual_loop time;
    refusing items{time, 2};
    CHECK(items.push(1));
    CHECK(items.push(2));
    CHECK_FALSE(items.push(3));
    CHECK(items.dropped() == 1);
    CHECK(*run(time, receive(items)) == 1);
    CHECK(items.push(4));
}

TEST_CASE("channel: full and dropping, the newest stay") {
    virtual_loop time;
    dropping items{time, 2};
    for (int i = 1; i <= 5; ++i) CHECK(items.push(i));
    CHECK(items.dropped() == 3);
    items.close();
    std::vector<int> got;
    running reader{time, receive_all(items, got)};
    time.settle();
    CHECK(got == std::vector{4, 5});
}

TEST_CASE("channel: full and waiting, senders are let in one by one, in order") {
    virtual_loop time;
    waiting items{time, 1};
    running a{time, send(items, 1)}, b{time, send(items, 2)}, c{time, send(items, 3)};
    CHECK(a.done());
    CHECK_FALSE(b.done());
    CHECK(*run(time, receive(items)) == 1);
    time.settle();
    CHECK(b.done());
    CHECK_FALSE(c.done());
    CHECK(*run(time, receive(items)) == 2);
    CHECK(*run(time, receive(items)) == 3);
}

TEST_CASE("channel: closing refuses the senders that wait and wakes the receivers") {
    virtual_loop time;
    waiting items{time, 1};
    running a{time, send(items, 1)}, b{time, send(items, 2)};
    items.close();
    time.settle();
    REQUIRE(b.done());
    CHECK(a.get());
    CHECK_FALSE(b.get());
    CHECK(*run(time, receive(items)) == 1);
    CHECK_FALSE(run(time, receive(items)));

    waiting empty{time, 1};
    running reader{time, receive(empty)};
    empty.close();
    time.settle();
    REQUIRE(reader.done());
    CHECK_FALSE(reader.get());
}

TEST_CASE("channel: a sender that was given a place and then cancelled has not sent") {
    virtual_loop time;
    waiting items{time, 1};
    running a{time, send(items, 1)}, b{time, send(items, 2)}, c{time, send(items, 3)};
    const auto take = [](waiting& from, running<bool>& victim) -> task<int> {
        auto item = co_await from.next();  // the place is now b's, who is woken but has not run
        victim.cancel();
        co_return *item;
    };
    CHECK(run(time, take(items, b)) == 1);
    CHECK(*run(time, receive(items)) == 3);
    CHECK(items.size() == 0);
}

TEST_CASE("channel: an item handed to a receiver that is cancelled is the next one's") {
    virtual_loop time;
    refusing items{time, 4};
    running first{time, receive(items)};
    items.push(1);
    items.push(2);
    first.cancel();
    CHECK(items.size() == 2);
    CHECK(*run(time, receive(items)) == 1);
    CHECK(*run(time, receive(items)) == 2);
}

TEST_CASE("channel: a receiver woken by the end still gets what another gave back") {
    virtual_loop time;
    refusing items{time, 4};
    running first{time, receive(items)}, second{time, receive(items)};
    items.push(1);  // first's
    items.close();
    first.cancel();
    time.settle();
    REQUIRE(second.done());
    CHECK(second.get() == std::optional{1});
}

TEST_CASE("channel: items may be movable only") {
    virtual_loop time;
    channel<std::unique_ptr<int>, when_full::wait> items{time, 1};
    const auto body = [](channel<std::unique_ptr<int>, when_full::wait>& c) -> task<int> {
        auto made = std::make_unique<int>(4);
        co_await c.send(std::move(made));
        auto got = co_await c.next();
        co_return **got;
    };
    CHECK(run(time, body(items)) == 4);
}

namespace {

/// Random senders, receivers and cancellations; what went in, came out, or is still there.
struct history {
    std::vector<int> accepted, received;
    std::size_t most_inside = 0;
};

template <class C>
history act(C& items, virtual_loop& time, const std::vector<std::uint8_t>& script, std::size_t readers) {
    history h;
    std::vector<std::unique_ptr<running<void>>> reading, writing;
    const auto read = [](C& from, std::vector<int>& into) -> task<void> {
        if (auto item = co_await from.next()) into.push_back(*item);
    };
    int next = 0;
    for (const auto byte : script) {
        const std::size_t which = byte / 6;
        std::erase_if(reading, [](auto& each) { return each->done(); });
        std::erase_if(writing, [](auto& each) { return each->done(); });
        switch (byte % 6) {
        case 0:
        case 1:
            if constexpr (requires { items.send(0); }) {
                const auto write = [](C& to, int item, std::vector<int>& log) -> task<void> {
                    if (co_await to.send(item)) log.push_back(item);
                };
                writing.push_back(std::make_unique<running<void>>(time, write(items, next++, h.accepted)));
            } else if (items.push(next++)) {
                h.accepted.push_back(next - 1);
            }
            break;
        case 2:
            if (reading.size() < readers)
                reading.push_back(std::make_unique<running<void>>(time, read(items, h.received)));
            break;
        case 3:
            if (!reading.empty()) reading.erase(reading.begin() + static_cast<std::ptrdiff_t>(which % reading.size()));
            break;
        case 4:
            if (!writing.empty()) writing.erase(writing.begin() + static_cast<std::ptrdiff_t>(which % writing.size()));
            break;
        default:
            if (which % 2 == 0) time.step();
            else time.settle();
        }
        h.most_inside = std::max(h.most_inside, items.size());
    }
    reading.clear();
    time.settle();
    writing.clear();
    items.close();
    running<void> rest{time, receive_all(items, h.received)};
    time.settle();
    return h;
}

}  // namespace

TEST_CASE("channel: nothing is lost, doubled or overtaken", "[property]") {
    const auto capacities = rc::gen::inRange<std::size_t>(1, 4);
    rc::prop("waiting: one receiver sees exactly what was accepted, in order",
             [&](const std::vector<std::uint8_t>& script) {
        virtual_loop time;
        const auto capacity = *capacities;
        waiting items{time, capacity};
        const auto h = act(items, time, script, 1);
        RC_ASSERT(h.received == h.accepted);
        RC_ASSERT(h.most_inside <= capacity + 1);
    });
    rc::prop("waiting: several receivers share it", [&](const std::vector<std::uint8_t>& script) {
        virtual_loop time;
        waiting items{time, *capacities};
        auto h = act(items, time, script, 3);
        std::sort(h.received.begin(), h.received.end());
        std::sort(h.accepted.begin(), h.accepted.end());
        RC_ASSERT(h.received == h.accepted);
    });
    rc::prop("refusing: what was refused is counted, the rest arrives in order",
             [&](const std::vector<std::uint8_t>& script) {
        virtual_loop time;
        const auto capacity = *capacities;
        refusing items{time, capacity};
        const auto h = act(items, time, script, 1);
        RC_ASSERT(h.received == h.accepted);
        RC_ASSERT(h.most_inside <= capacity + 1);
    });
    rc::prop("dropping: what was pushed out is counted, the rest arrives in order",
             [&](const std::vector<std::uint8_t>& script) {
        virtual_loop time;
        const auto capacity = *capacities;
        dropping items{time, capacity};
        const auto h = act(items, time, script, 1);
        RC_ASSERT(h.received.size() + items.dropped() == h.accepted.size());
        RC_ASSERT(std::is_sorted(h.received.begin(), h.received.end()));
        RC_ASSERT(std::adjacent_find(h.received.begin(), h.received.end()) == h.received.end());
        RC_ASSERT(h.most_inside <= capacity + 1);
    });
}

namespace {

struct pipeline {
    explicit pipeline(virtual_loop& clock) : time{clock}, items{clock, 2} {}
    task<void> produce(int from) {
        for (int i = from; i < from + 4; ++i) {
            const bool sent = co_await items.send(i);
            if (sent) ++accepted;
        }
    }
    task<void> consume() {
        while (true) {
            auto item = co_await timeout(time, 2ms, items.next());
            if (!item || !*item) co_return;
            ++received;
            co_await time.sleep(1ms);
        }
    }
    task<void> run() {
        scope work{time};
        work.spawn(produce(0));
        work.spawn(produce(10));
        work.spawn(consume());
        co_await work.at_most(1);
        co_await race(items.send(99), time.sleep(1ms));
        items.close();
        co_await work.joined();
    }
    void check_released() const { REQUIRE(received <= accepted + 1); }
    virtual_loop& time;
    waiting items;
    int accepted = 0, received = 0;
};

}  // namespace

TEST_CASE("channel: senders and receivers can be destroyed at any point") {
    sweep<pipeline>();
    sweep_with_delays<pipeline>(30);
}
