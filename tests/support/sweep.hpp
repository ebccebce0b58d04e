#pragma once
/// The cancellation sweep: a scenario is run again and again, and destroyed at each of its suspension points in turn.
///
///     struct transfer {                                        // one world, built anew for every run
///         explicit transfer(virtual_loop& time) : time{time}, places{time, 1} {}
///         task<void> run() { auto permit = co_await places.acquire(); co_await time.sleep(1s); }      // the root
///         void check_released() const { REQUIRE(places.available() == 1); }      // optional: right after it was destroyed
///         void check_finished() const { REQUIRE(...); }                          // optional: when it ran to its end
///         virtual_loop& time;
///         semaphore places;
///     };
///     sweep<transfer>();                          // further arguments go to the constructor, after the loop
///     sweep_with_delays<transfer>(20);            // the same with every wake-up late by a drawn time, for seeds 1 to 20
///
/// The world may run helpers of its own (a fake server in a scope): the sweep then also stops between their steps. After
/// each destruction it demands: nothing of the root is resumed, armed or linked any more; with the world gone, no
/// coroutine frame is left, no timer, nobody who waits. Run it under ASan, which sees what is used after it was freed.
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "lib/async/scope.hpp"
#include "lib/async/virtual_loop.hpp"
#include "tests/support/catch.hpp"

namespace weir::testing {

struct sweep_outcome {
    bool finished = false;  // the root came to its end before it was to be destroyed
    std::string problem;    // empty: none
};

/// Wakes late by 0 to `most`; half of them not at all, so that orders mix.
inline std::function<nanoseconds()> drawn_delays(std::uint64_t seed, milliseconds most = 20ms) {
    return [random = std::mt19937_64{seed}, most]() mutable -> nanoseconds {
        if (random() % 2 == 0) return 0ns;
        return nanoseconds{
            milliseconds{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most.count() + 1))}};
    };
}

/// One run: destroys the root after `steps` resumptions. Seed 0: no delays.
template <class World, class... Args>
sweep_outcome cancel_after(std::size_t steps, std::uint64_t seed, const Args&... args) {
    constexpr auto long_after = 10min;  // late callbacks have had their time
    const auto frames = live_frames();
    sweep_outcome outcome;
    virtual_loop time;
    if (seed != 0) time.delay_wakes(drawn_delays(seed));
    {
        World world{time, args...};
        scope root{time};
        root.spawn(world.run());
        std::size_t taken = 0;
        while (!root.empty() && taken < steps && time.step_or_wait()) ++taken;
        outcome.finished = root.empty();
        if (!outcome.finished && taken < steps) outcome.problem = "the root waits for something that never happens";
        if constexpr (requires { world.check_finished(); }) {
            if (outcome.finished) world.check_finished();
        }
        root.cancel();
        if constexpr (requires { world.check_released(); }) world.check_released();
        const bool alone = time.statistics.tasks_live == 0;
        if (alone && !time.idle()) outcome.problem = "the root left somebody ready, or a timer";
        const auto resumed = time.statistics.resumed;
        time.advance(long_after);
        if (alone && time.statistics.resumed != resumed) outcome.problem = "somebody was resumed after the root's end";
    }
    const auto resumed = time.statistics.resumed;
    if (time.statistics.tasks_live != 0) outcome.problem = "a child of a scope is left";
    if (live_frames() != frames) outcome.problem = "a coroutine frame is left";
    if (!time.idle()) outcome.problem = "somebody ready, or a timer, is left";
    time.advance(long_after);
    if (time.statistics.resumed != resumed) outcome.problem = "somebody was resumed after all was gone";
    return outcome;
}

/// Destroys the root after 0, 1, 2 ... resumptions until it comes to its end; how many suspension points there were.
template <class World, class... Args>
std::size_t sweep_seeded(std::uint64_t seed, const Args&... args) {
    for (std::size_t steps = 0; steps < 100'000; ++steps) {
        INFO("root destroyed after " << steps << " resumptions, delays of seed " << seed);
        const auto outcome = cancel_after<World>(steps, seed, args...);
        if (!outcome.problem.empty()) FAIL(outcome.problem);
        if (outcome.finished) return steps;
    }
    FAIL("the root does not end");
    return 0;
}

template <class World, class... Args>
std::size_t sweep(const Args&... args) {
    const auto points = sweep_seeded<World>(0, args...);
    REQUIRE(points > 0);  // else nothing was swept
    return points;
}

template <class World, class... Args>
void sweep_with_delays(std::uint64_t seeds, const Args&... args) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) sweep_seeded<World>(seed, args...);
}

}  // namespace weir::testing
