#include "lib/async/offload.hpp"

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/async/task.hpp"
#include "lib/async/uv_loop.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/scheduling.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

/// A thread of the pool that is held until the test lets it go: what comes after it has to queue.
struct gate {
    gate() = default;
    ~gate() { open(); }
    void open() {
        if (!is_open) way.set_value();
        is_open = true;
    }
    std::promise<void> way;
    std::shared_future<void> passed = way.get_future().share();
    bool is_open = false;
};

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
task<int> number(loop& time, offload_pool& pool, int n) {
    auto work = [n] { return n; };
    auto got = co_await pool.run(time, std::move(work));
    co_return got ? *got : -1;
}
task<int> held(loop& time, offload_pool& pool, std::shared_future<void> until) {
    auto work = [until] {
        until.wait();
        return 1;
    };
    auto got = co_await pool.run(time, std::move(work));
    co_return got ? *got : -1;
}
task<void> keep(task<int> body, int& result) { result = co_await body; }

/// Until `n` jobs run: their threads are busy from then on.
task<void> busy(loop& time, const offload_pool& pool, std::size_t n) {
    while (pool.statistics().busy < n) co_await time.yield();
}

}  // namespace

TEST_CASE("offload: work runs on another thread and its result comes back to ours") {
    uv_loop time;
    offload_pool pool{"test", 2, 16};
    const auto body = [](loop& clock, offload_pool& from) -> task<void> {
        const auto here = std::this_thread::get_id();
        auto work = [] { return std::this_thread::get_id(); };
        auto there = co_await from.run(clock, std::move(work));
        CHECK(there);
        CHECK(*there != here);
        CHECK(std::this_thread::get_id() == here);
        CHECK(from.statistics().done == 1);
        CHECK(from.statistics().busy == 0);
    };
    run(time, body(time, pool));
}

TEST_CASE("offload: an exception of the work comes out of run()") {
    uv_loop time;
    offload_pool pool{"test", 1, 16};
    const auto body = [](loop& clock, offload_pool& from) -> task<void> {
        std::string said;
        try {
            auto work = []() -> int { throw std::runtime_error{"no"}; };
            co_await from.run(clock, std::move(work));
        } catch (const std::runtime_error& e) { said = e.what(); }
        CHECK(said == "no");
    };
    run(time, body(time, pool));
}

TEST_CASE("offload: a full queue refuses at once and counts") {
    uv_loop time;
    gate door;
    offload_pool pool{"test", 1, 2};
    const auto body = [](loop& clock, offload_pool& to, gate& g) -> task<void> {
        scope work{clock};
        int first = 0, second = 0, third = 0;
        work.spawn(keep(held(clock, to, g.passed), first));
        co_await busy(clock, to, 1);
        work.spawn(keep(number(clock, to, 2), second));
        work.spawn(keep(number(clock, to, 3), third));
        CHECK(to.statistics().queued == 2);
        const int refused = co_await number(clock, to, 4);
        CHECK(refused == -1);
        CHECK(to.statistics().refused == 1);
        g.open();
        co_await work.joined();
        CHECK(first == 1);
        CHECK(second == 2);
        CHECK(third == 3);
    };
    run(time, body(time, pool, door));
}

TEST_CASE("offload: a cancelled job that has not begun is skipped, and frees its place in the queue") {
    uv_loop time;
    gate door;
    std::atomic<bool> ran = false;
    offload_pool pool{"test", 1, 1};
    const auto body = [](loop& clock, offload_pool& to, gate& g, std::atomic<bool>& mark) -> task<void> {
        scope work{clock};
        int first = 0, second = 0;
        work.spawn(keep(held(clock, to, g.passed), first));
        co_await busy(clock, to, 1);
        {
            auto never = [&mark] {
                mark = true;
                return 0;
            };
            const auto late = co_await timeout(clock, 1ms, to.run(clock, std::move(never)));
            CHECK_FALSE(late);
        }
        work.spawn(keep(number(clock, to, 2), second));
        CHECK(to.statistics().refused == 0);
        CHECK(to.statistics().skipped == 1);
        g.open();
        co_await work.joined();
        CHECK(second == 2);
    };
    run(time, body(time, pool, door, ran));
    CHECK_FALSE(ran.load());
}

TEST_CASE("offload: keys take turns, so that who asks for much waits behind himself only") {
    uv_loop time;
    gate door;
    offload_pool pool{"test", 1, 16};
    const auto body = [](loop& clock, offload_pool& to, gate& g) -> task<void> {
        std::vector<int> order;
        const auto noted = [](loop& c, offload_pool& p, int n, std::uint64_t key,
                              std::vector<int>& into) -> task<void> {
            auto work = [n] { return n; };
            const auto got = co_await p.run(c, std::move(work), key);
            into.push_back(*got);
        };
        scope work{clock};
        int first = 0;
        work.spawn(keep(held(clock, to, g.passed), first));
        co_await busy(clock, to, 1);
        for (int n = 1; n <= 3; ++n) work.spawn(noted(clock, to, n, 1, order));
        work.spawn(noted(clock, to, 100, 2, order));
        g.open();
        co_await work.joined();
        CHECK(order == std::vector{1, 100, 2, 3});
    };
    run(time, body(time, pool, door));
}

TEST_CASE("offload: a full queue refuses the last of the longest line rather than a newcomer") {
    uv_loop time;
    gate door;
    offload_pool pool{"test", 1, 3};
    const auto body = [](loop& clock, offload_pool& to, gate& g) -> task<void> {
        std::array<int, 4> got{};
        const auto keyed = [](loop& c, offload_pool& p, int n, std::uint64_t key, int& into) -> task<void> {
            auto work = [n] { return n; };
            const auto result = co_await p.run(c, std::move(work), key);
            into = result ? *result : -1;
        };
        scope work{clock};
        int first = 0;
        work.spawn(keep(held(clock, to, g.passed), first));
        co_await busy(clock, to, 1);
        for (int n = 0; n < 3; ++n) work.spawn(keyed(clock, to, n + 1, 1, got[static_cast<std::size_t>(n)]));
        work.spawn(keyed(clock, to, 4, 2, got[3]));
        g.open();
        co_await work.joined();
        CHECK(got == std::array{1, 2, -1, 4});
        CHECK(to.statistics().refused == 1);
    };
    run(time, body(time, pool, door));
}

TEST_CASE("offload: a job that has waited longer than the pool's patience is refused, not run") {
    uv_loop time;
    gate door;
    std::atomic<bool> ran = false;
    offload_options hasty;
    hasty.patience = nanoseconds{-1};  // every wait is too long
    offload_pool pool{"test", 1, 16, hasty};
    const auto body = [](loop& clock, offload_pool& to, std::atomic<bool>& mark) -> task<void> {
        auto never = [&mark] {
            mark = true;
            return 0;
        };
        const auto got = co_await to.run(clock, std::move(never));
        CHECK_FALSE(got);
        CHECK(to.statistics().expired == 1);
        CHECK(to.statistics().done == 0);
    };
    run(time, body(time, pool, ran));
    CHECK_FALSE(ran.load());
}

TEST_CASE("offload: a job that runs when it is cancelled ends on its own, with data of its own") {
    uv_loop time;
    gate door;
    auto data = std::make_shared<std::string>("owned");
    {
        offload_pool pool{"test", 1, 4};
        const auto body = [](loop& clock, offload_pool& to, gate& g, std::shared_ptr<std::string> mine) -> task<void> {
            {
                scope work{clock};
                const auto orphan = [](loop& c, offload_pool& p, std::shared_future<void> until,
                                       std::shared_ptr<std::string> d) -> task<void> {
                    auto job = [until, d] {
                        until.wait();
                        return *d + "!";
                    };
                    co_await p.run(c, std::move(job));
                };
                work.spawn(orphan(clock, to, g.passed, std::move(mine)));
                co_await busy(clock, to, 1);
            }
            g.open();
            const int after = co_await number(clock, to, 5);  // the thread is free again
            CHECK(after == 5);
        };
        run(time, body(time, pool, door, data));
        CHECK(pool.statistics().done == 2);
    }
    CHECK(data.use_count() == 1);
}

TEST_CASE("offload: a pool that ends refuses what has not begun, so nobody waits for ever") {
    uv_loop time;
    gate door;
    auto pool = std::make_unique<offload_pool>("test", 1, 4);
    const auto body = [](loop& clock, std::unique_ptr<offload_pool>& to, gate& g) -> task<void> {
        scope work{clock};
        int running = 0, waiting = 0;
        work.spawn(keep(held(clock, *to, g.passed), running));
        co_await busy(clock, *to, 1);
        work.spawn(keep(number(clock, *to, 2), waiting));
        std::thread opener{[&g, &to_look = *to] {
            while (to_look.statistics().queued > 0) std::this_thread::yield();  // until the pool's end has begun
            g.open();
        }};
        to.reset();
        opener.join();
        co_await work.joined();
        CHECK(running == 1);
        CHECK(waiting == -1);
    };
    run(time, body(time, pool, door));
}

TEST_CASE("offload: a pool may outlive the loop whose job it runs") {
    gate door;
    auto data = std::make_shared<int>(1);
    offload_pool pool{"test", 1, 4};
    {
        uv_loop time;
        const auto body = [](loop& clock, offload_pool& to, std::shared_future<void> until,
                             std::shared_ptr<int> mine) -> task<void> {
            scope work{clock};
            const auto left_behind = [](loop& c, offload_pool& p, std::shared_future<void> u,
                                        std::shared_ptr<int> d) -> task<void> {
                auto job = [u, d] {
                    u.wait();
                    return *d;
                };
                co_await p.run(c, std::move(job));
            };
            work.spawn(left_behind(clock, to, std::move(until), std::move(mine)));
            co_await busy(clock, to, 1);
        };
        run(time, body(time, pool, door.passed, data));
    }
    door.open();
    while (pool.statistics().busy > 0) std::this_thread::yield();
    CHECK(pool.statistics().done == 1);
}

TEST_CASE("offload: two loops, many jobs, some cancelled: every result comes once, to its own loop") {
    std::array<std::unique_ptr<uv_loop>, 2> loops{std::make_unique<uv_loop>(), std::make_unique<uv_loop>()};
    {
        offload_pool pool{"test", 3, 10'000};
        std::vector<std::thread> threads;
        std::array<int, 2> sums{};
        for (std::size_t i = 0; i < 2; ++i) {
            threads.emplace_back([&, i] {
                const auto body = [](loop& clock, offload_pool& to, int& sum) -> task<void> {
                    const auto one = [](loop& c, offload_pool& p, int n, int& total) -> task<void> {
                        if (n % 5 == 0) co_await race(number(c, p, n), c.yield());
                        total += co_await number(c, p, n) == n ? 1 : 0;
                    };
                    scope work{clock};
                    for (int n = 0; n < 500; ++n) work.spawn(one(clock, to, n, sum));
                    co_await work.joined();
                };
                auto& mine = *loops[i];
                scope work{mine};
                work.spawn(then_stop(mine, body(mine, pool, sums[i])));
                mine.run();
            });
        }
        for (auto& each : threads) each.join();
        CHECK(sums == std::array{500, 500});
        CHECK(pool.statistics().refused == 0);
    }
}

namespace {

task<bool> spared(loop& time, offload_pool& pool, bool brief) {
    auto work = [] { return gives_way(); };
    const auto got = co_await pool.run(time, std::move(work), 0, brief);
    co_return got && *got;
}

}  // namespace

TEST_CASE("offload: in an idle pool idle threads do what is brief, as soon as there is time to spare") {
    uv_loop time;
    offload_options idle;
    idle.idle = always_to_spare();
    offload_pool pool{"test", 1, 16, idle};
    const auto body = [](loop& clock, offload_pool& to) -> task<void> {
        const std::array gave_way{co_await spared(clock, to, true), co_await spared(clock, to, true),
                                  co_await spared(clock, to, false), co_await spared(clock, to, true)};
        CHECK(gave_way == std::array{false, true, false, true});
        CHECK(to.statistics().done == 4);
        CHECK(to.statistics().spared == 2);
    };
    run(time, body(time, pool));
}

TEST_CASE("offload: in an idle pool with a thread for each processor every idle one has a processor of its own") {
    uv_loop time;
    offload_options idle;
    idle.idle = always_to_spare();
    offload_pool pool{"test", static_cast<unsigned>(processors_allowed()), 16, idle};
    const auto body = [](loop& clock, offload_pool& to) -> task<void> {
        int its = 0;
        for (int job = 0; job < 10'000 && its != 1; ++job) {  // let go when the machine is full, and tried again
            auto work = [] { return gives_way() ? processors_allowed() : 0; };
            its = (co_await to.run(clock, std::move(work))).value_or(0);
        }
        CHECK(its == 1);
    };
    run(time, body(time, pool));
}

TEST_CASE("offload: while an idle thread gets no time its pool's thread does the jobs, and the late one ends, too") {
    uv_loop time;
    gate door;
    offload_options idle;
    idle.idle = to_spare_until_it_waits();
    offload_pool pool{"test", 1, 16, idle};
    const auto body = [](loop& clock, offload_pool& to, gate& g) -> task<void> {
        co_await spared(clock, to, true);
        scope work{clock};
        int late = 0;
        work.spawn(keep(held(clock, to, g.passed), late));  // who waits uses no processor time either
        co_await busy(clock, to, 1);
        for (int n = 2; n < 5; ++n) {
            const int got = co_await number(clock, to, n);
            CHECK(got == n);
        }
        CHECK(late == 0);
        CHECK(to.statistics().spared == 0);
        CHECK(to.statistics().busy == 1);
        g.open();
        co_await work.joined();
        CHECK(late == 1);
        CHECK(to.statistics().done == 5);
        CHECK(to.statistics().spared == 1);
        CHECK(to.statistics().busy == 0);
    };
    run(time, body(time, pool, door));
}

TEST_CASE("offload: an idle pool that ends waits for the late job") {
    uv_loop time;
    gate of_late, of_second;
    offload_options idle;
    idle.idle = to_spare_until_it_waits();
    auto pool = std::make_unique<offload_pool>("test", 1, 16, idle);
    const auto body = [](loop& clock, std::unique_ptr<offload_pool>& to, gate& first, gate& second) -> task<void> {
        co_await spared(clock, *to, true);
        scope work{clock};
        int late = 0, by_thread = 0, waiting = 0;
        work.spawn(keep(held(clock, *to, first.passed), late));
        work.spawn(keep(held(clock, *to, second.passed), by_thread));
        co_await busy(clock, *to, 2);
        work.spawn(keep(number(clock, *to, 2), waiting));
        std::thread opener{[&, &to_look = *to] {
            while (to_look.statistics().queued > 0) std::this_thread::yield();  // until the pool's end has begun
            second.open();
            while (to_look.statistics().done < 2) std::this_thread::yield();  // its thread has nothing more to do
            first.open();
        }};
        to.reset();
        opener.join();
        co_await work.joined();
        CHECK(late == 1);
        CHECK(by_thread == 1);
        CHECK(waiting == -1);
    };
    run(time, body(time, pool, of_late, of_second));
}
