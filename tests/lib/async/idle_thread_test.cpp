#include "lib/async/idle_thread.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include <unistd.h>

#include "tests/support/catch.hpp"
#include "tests/support/scheduling.hpp"

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

spare_time left_by(const spare_time_policy& policy) {
    spare_time judge{policy};
    judge.nice_had({}, {});
    REQUIRE(judge.left());
    return judge;
}

cpu_set_t processors_of(idle_thread& spare) {
    auto judge = left_by(always_to_spare());
    cpu_set_t its;
    CHECK(spare.do_now([&] { sched_getaffinity(0, sizeof its, &its); }, judge));
    return its;
}

int count_of(idle_thread& spare) {
    const auto its = processors_of(spare);
    return CPU_COUNT(&its);
}

/// The one on which it stays. On a full machine it is let go now and then, and tried again.
cpu_set_t own_of(idle_thread& spare) {
    auto its = processors_of(spare);
    for (int piece = 0; piece < 10'000 && CPU_COUNT(&its) != 1; ++piece) its = processors_of(spare);
    CHECK(CPU_COUNT(&its) == 1);
    return its;
}

cpu_set_t own_of(idle_place here) {
    idle_thread spare{"spare", here};
    return own_of(spare);
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
        const auto its = own_of({.number = i, .of = all});
        CPU_OR(&taken, &taken, &its);
    }
    CHECK(CPU_COUNT(&taken) == static_cast<int>(all));
    const auto first = own_of({.number = 0, .of = all + 1}), again = own_of({.number = all, .of = all + 1});
    CHECK(CPU_EQUAL(&first, &again));
    idle_thread free{"spare", {.number = 0, .of = all - 1}};
    CHECK(count_of(free) == static_cast<int>(all));
    CHECK(processors_allowed() == static_cast<int>(all));  // whoever makes them stays as he is
}

TEST_CASE(
    "idle thread: one that gets nowhere on its processor is let go to all of them, and stays on one again later") {
    const int all = processors_allowed();
    idle_thread spare{"spare", {.number = 0, .of = static_cast<unsigned>(all)}};
    own_of(spare);
    auto judge = left_by(always_to_spare());
    int at_last = 0;
    CHECK(spare.do_now([&] {
        const auto enough = std::chrono::steady_clock::now() + 10s;
        while ((at_last = processors_allowed()) != all && std::chrono::steady_clock::now() < enough) {}
    }, judge));
    CHECK(at_last == all);
    CHECK(count_of(spare) == all);
    own_of(spare);
}

TEST_CASE("idle thread: one that is late is let go to all processors") {
    const int all = processors_allowed();
    std::promise<void> way;
    auto passed = way.get_future().share();
    std::promise<pid_t> itself;
    auto judge = left_by(to_spare_until_it_waits());
    idle_thread spare{"spare", {.number = 0, .of = static_cast<unsigned>(all)}};
    const auto work = [passed, &itself] {
        itself.set_value(gettid());
        passed.wait();
    };
    CHECK_FALSE(spare.do_now(work, judge));
    CHECK(processors_allowed(itself.get_future().get()) == all);
    way.set_value();
}

TEST_CASE("idle thread: one that has to end is let go to all processors") {
    const int all = processors_allowed();
    struct last_look {
        ~last_look() { *into = processors_allowed(); }
        int* into;
    };
    int at_end = 0;
    {
        idle_thread spare{"spare", {.number = 0, .of = static_cast<unsigned>(all)}};
        auto judge = left_by(always_to_spare());
        CHECK(spare.do_now([&at_end] { static thread_local const last_look here{&at_end}; }, judge));
        own_of(spare);
    }
    CHECK(at_end == all);
}
