/// A pool without threads, whose jobs the loop does in turns.
#include <algorithm>
#include <optional>
#include <vector>

#include "lib/async/offload.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/running.hpp"
#include "tests/support/sweep.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

task<int> note(loop& time, offload_pool& pool, std::vector<int>& order, int n, std::uint64_t key = 0) {
    auto work = [&order, n] {
        order.push_back(n);
        return n;
    };
    const auto got = co_await pool.run(time, std::move(work), key);
    co_return got ? *got : -1;
}

/// Somebody else on the loop, who has something to do each turn.
task<void> note_turns(loop& time, std::vector<int>& order) {
    while (true) {
        order.push_back(0);
        co_await time.yield();
    }
}

}  // namespace

TEST_CASE("offload on a loop: one job a turn, keys take turns, and everyone else has theirs between two") {
    virtual_loop time;
    offload_pool pool{"test", 0, 16};
    std::vector<int> order;
    running<void> worker{time, pool.work_on(time)};
    running<int> first{time, note(time, pool, order, 1, 7)}, second{time, note(time, pool, order, 2, 7)},
        of_another{time, note(time, pool, order, 3, 8)};
    CHECK(order.empty());
    {
        running<void> other{time, note_turns(time, order)};
        while (!second.done()) time.step();
    }
    const auto repeated = std::ranges::unique(order);
    order.erase(repeated.begin(), repeated.end());
    order.resize(6);
    CHECK(order == std::vector{0, 1, 0, 3, 0, 2});
    CHECK(first.get() == 1);
    CHECK(of_another.get() == 3);
    CHECK(second.get() == 2);
    CHECK(pool.statistics().done == 3);

    running<int> later{time, note(time, pool, order, 4)};  // the worker had gone to sleep
    time.settle();
    CHECK(later.get() == 4);
}

TEST_CASE("offload on a loop: who leaves is skipped, who finds it full is refused") {
    virtual_loop time;
    offload_pool pool{"test", 0, 2};
    std::vector<int> order;
    running<void> worker{time, pool.work_on(time)};
    {
        running<int> leaves{time, note(time, pool, order, 1)};
        running<int> stays{time, note(time, pool, order, 2)}, too_many{time, note(time, pool, order, 3)};
        CHECK(too_many.get() == -1);
        leaves.cancel();
        time.settle();
        CHECK(stays.get() == 2);
    }
    CHECK(order == std::vector{2});
    CHECK(pool.statistics().refused == 1);
    CHECK(pool.statistics().skipped == 1);
}

TEST_CASE("offload on a loop: without its worker jobs wait for the next one, and a pool that ends refuses them") {
    virtual_loop time;
    std::vector<int> order;
    std::optional<offload_pool> pool;
    pool.emplace("test", 0, 16);
    {
        running<void> worker{time, pool->work_on(time)};
        time.settle();
    }
    running<int> waits{time, note(time, *pool, order, 1)};
    time.settle();
    CHECK_FALSE(waits.done());
    {
        running<void> worker{time, pool->work_on(time)};
        time.settle();
        CHECK(waits.get() == 1);
    }
    running<int> refused{time, note(time, *pool, order, 2)};
    pool.reset();
    time.settle();
    CHECK(refused.get() == -1);
    CHECK(order == std::vector{1});
}

namespace {

struct offload_on_loop {
    explicit offload_on_loop(virtual_loop& loop) : time{loop}, worker{loop} { worker.spawn(pool.work_on(time)); }
    task<void> run() {
        for (int n = 1; n <= 3; ++n) sum += co_await note(time, pool, order, n);
    }
    void check_finished() const { REQUIRE(sum == 6); }

    virtual_loop& time;
    offload_pool pool{"test", 0, 16};
    std::vector<int> order;
    int sum = 0;
    scope worker;
};

}  // namespace

TEST_CASE("offload on a loop: destroyed at each suspension point", "[sweep]") { sweep<offload_on_loop>(); }
