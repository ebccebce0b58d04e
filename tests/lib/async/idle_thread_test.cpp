#include "lib/async/idle_thread.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/scheduling.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

spare_time left_by(const spare_time_policy& policy) {
    spare_time judge{policy};
    judge.nice_had({}, {});
    REQUIRE(judge.left());
    return judge;
}

}  // namespace

TEST_CASE("idle thread: does the work on a thread of its own that gives way to everyone, and is done when it says so") {
    auto judge = left_by(always_to_spare());
    idle_thread spare{"spare"};
    for (int i = 0; i < 3; ++i) {
        std::thread::id where;
        bool gave_way = false;
        CHECK(spare.do_now([&] {
            where = std::this_thread::get_id();
            gave_way = gives_way();
        }, judge));
        CHECK(where != std::thread::id{});
        CHECK(where != std::this_thread::get_id());
        CHECK(gave_way);
        CHECK_FALSE(spare.at_work());
    }
    CHECK_FALSE(gives_way());  // whoever asks it stays as he is
}

TEST_CASE("idle thread: one that gets no processor time is not waited for, and ends when it can") {
    std::promise<void> way;
    auto passed = std::make_shared<std::future<void>>(way.get_future());
    auto judge = left_by(to_spare_until_it_waits());
    idle_thread spare{"spare"};
    CHECK_FALSE(spare.do_now([passed] { passed->wait(); }, judge));  // who waits uses no processor time either
    CHECK_FALSE(judge.left());
    CHECK(spare.at_work());
    way.set_value();
    while (spare.at_work()) std::this_thread::yield();
    CHECK(passed.use_count() == 1);  // what the work captured is gone by then
}

TEST_CASE("idle thread: its end waits for the work in hand") {
    std::promise<void> way;
    auto passed = way.get_future().share();
    auto judge = left_by(to_spare_until_it_waits());
    std::atomic<bool> ended = false;
    {
        idle_thread spare{"spare"};
        const auto work = [passed, &ended] {
            passed.wait();
            ended = true;
        };
        CHECK_FALSE(spare.do_now(work, judge));
        way.set_value();
    }
    CHECK(ended.load());
}
