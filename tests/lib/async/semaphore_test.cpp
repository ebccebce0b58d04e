#include "lib/async/semaphore.hpp"

#include <memory>
#include <vector>

#include "lib/async/event.hpp"
#include "lib/async/race.hpp"
#include "tests/support/property.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

task<void> hold(semaphore& places, loop& time, nanoseconds how_long, std::vector<int>& order, int me) {
    auto permit = co_await places.acquire();
    order.push_back(me);
    co_await time.sleep(how_long);
}

}  // namespace

TEST_CASE("semaphore: at most its places at once, the rest in order") {
    virtual_loop time;
    semaphore places{time, 2};
    std::vector<int> order;
    scope work{time};
    for (int i = 0; i < 5; ++i) work.spawn(hold(places, time, 1s, order, i));
    CHECK(order == std::vector{0, 1});
    CHECK(places.waiting() == 3);
    CHECK_FALSE(places.try_acquire());
    time.advance(1s);
    CHECK(order == std::vector{0, 1, 2, 3});
    time.advance(2s);
    CHECK(order == std::vector{0, 1, 2, 3, 4});
    CHECK(places.available() == 2);
    CHECK(places.waiting() == 0);
}

TEST_CASE("semaphore: a newcomer does not slip in before one who was granted a place") {
    virtual_loop time;
    semaphore places{time, 1};
    std::vector<int> order;
    auto mine = places.try_acquire();
    running waiting{time, hold(places, time, 1s, order, 1)};
    mine.reset();  // granted to the waiter, which has not resumed yet
    CHECK_FALSE(places.try_acquire());
    time.settle();
    CHECK(order == std::vector{1});
}

TEST_CASE("semaphore: a place granted to somebody who is cancelled goes to the next") {
    virtual_loop time;
    semaphore places{time, 1};
    std::vector<int> order;
    auto mine = places.try_acquire();
    running first{time, hold(places, time, 1s, order, 1)};
    running second{time, hold(places, time, 1s, order, 2)};
    mine.reset();
    first.cancel();
    time.settle();
    CHECK(order == std::vector{2});
    time.advance(1s);
    CHECK(places.available() == 1);
}

TEST_CASE("semaphore: an acquire that loses its race keeps no place") {
    virtual_loop time;
    semaphore places{time, 1};
    auto mine = places.try_acquire();
    const auto impatient = [](semaphore& from, loop& clock) -> task<bool> {
        auto got = co_await timeout(clock, 1s, from.acquire());
        co_return got.has_value();
    };
    running it{time, impatient(places, time)};
    time.advance(1s);
    REQUIRE(it.done());
    CHECK_FALSE(it.get());
    CHECK(places.waiting() == 0);
    mine.reset();
    CHECK(places.available() == 1);
}

TEST_CASE("semaphore: permits are conserved and served in order, whoever comes, goes or gives up", "[property]") {
    rc::prop("against a queue of our own", [](const std::vector<std::uint8_t>& script) {
        const auto places_count = *rc::gen::inRange<std::size_t>(0, 4);
        virtual_loop time;
        semaphore places{time, places_count};
        struct customer {
            bool served = false;
            event leave;
            std::unique_ptr<running<void>> life;
            explicit customer(loop& clock) : leave{clock} {}
        };
        const auto live = [](semaphore& from, customer& me, std::vector<customer*>& order) -> task<void> {
            auto permit = co_await from.acquire();
            me.served = true;
            order.push_back(&me);
            co_await me.leave.wait();
        };
        std::vector<std::unique_ptr<customer>> all;
        std::vector<customer*> order, queue, inside;
        const auto admit = [&] {
            while (inside.size() < places_count && !queue.empty()) {
                inside.push_back(queue.front());
                queue.erase(queue.begin());
            }
        };
        for (const auto byte : script) {
            const auto action = byte % 4;
            const std::size_t which = byte / 4;
            if (action == 0) {  // comes, when those granted a place have it: so the order of service is that of arrival
                time.settle();
                auto& c = *all.emplace_back(std::make_unique<customer>(time));
                queue.push_back(&c);
                admit();
                c.life = std::make_unique<running<void>>(time, live(places, c, order));
            } else if (action == 1 && !inside.empty()) {  // is destroyed inside, perhaps before it knows that it is
                auto* c = inside[which % inside.size()];
                c->life->cancel();
                std::erase(inside, c);
                admit();
            } else if (action == 2 && !queue.empty()) {  // gives up waiting
                auto* c = queue[which % queue.size()];
                c->life->cancel();
                std::erase(queue, c);
            } else {
                time.settle();
                for (auto* c : inside) RC_ASSERT(c->served);
            }
            for (auto* c : queue) RC_ASSERT(!c->served);
            RC_ASSERT(places.available() + inside.size() == places_count);
            RC_ASSERT(places.waiting() == queue.size());
        }
        std::vector<customer*> by_arrival;
        for (auto& c : all)
            if (c->served) by_arrival.push_back(c.get());
        RC_ASSERT(order == by_arrival);
        all.clear();
        RC_ASSERT(places.available() == places_count);
    });
}

namespace {

struct contended {
    explicit contended(virtual_loop& clock) : time{clock}, places{clock, 1} {}
    task<void> run() {
        scope others{time};
        std::vector<int> order;
        for (int i = 0; i < 3; ++i) others.spawn(hold(places, time, 5ms, order, i));
        auto permit = co_await timeout(time, 7ms, places.acquire());
        REQUIRE_FALSE(permit);
        auto later = co_await places.acquire();
        co_await others.joined();
    }
    void check_released() const {
        REQUIRE(places.available() == 1);
        REQUIRE(places.waiting() == 0);
    }
    virtual_loop& time;
    semaphore places;
};

struct contended_late : contended {
    using contended::contended;
    task<void> run() {
        scope others{time};
        std::vector<int> order;
        for (int i = 0; i < 3; ++i) others.spawn(hold(places, time, 5ms, order, i));
        co_await timeout(time, 7ms, places.acquire());
        co_await race(places.acquire(), others.at_most(1));
        co_await others.joined();
    }
};

}  // namespace

TEST_CASE("semaphore: whoever is destroyed wherever, all places come back") {
    sweep<contended>();
    sweep<contended_late>();
    sweep_with_delays<contended_late>(20);
}
