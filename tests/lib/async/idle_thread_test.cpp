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

/// Those on which the thread in that place may run.
cpu_set_t processors_of(idle_place here) {
    auto judge = left_by(always_to_spare());
    idle_thread spare{"spare", here};
    cpu_set_t its;
    CHECK(spare.do_now([&] { sched_getaffinity(0, sizeof its, &its); }, judge));
    return its;
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

TEST_CASE("idle thread: as many as processors have one each, more of them go round, and fewer go where there is room") {
    const auto all = static_cast<unsigned>(processors_allowed());
    cpu_set_t taken;
    CPU_ZERO(&taken);
    for (unsigned i = 0; i < all; ++i) {
        const auto its = processors_of({.number = i, .of = all});
        CHECK(CPU_COUNT(&its) == 1);
        CPU_OR(&taken, &taken, &its);
    }
    CHECK(CPU_COUNT(&taken) == static_cast<int>(all));
    const auto first = processors_of({.number = 0, .of = all + 1}),
               again = processors_of({.number = all, .of = all + 1});
    CHECK(CPU_EQUAL(&first, &again));
    const auto free = processors_of({.number = 0, .of = all - 1});
    CHECK(CPU_COUNT(&free) == static_cast<int>(all));
    CHECK(processors_allowed() == static_cast<int>(all));  // whoever makes them stays as he is
}
