#include "tests/support/loadgen_schedule.hpp"

#include <cmath>

#include "tests/support/property.hpp"

using namespace std::chrono_literals;
using loadgen::schedule;

namespace {

std::vector<std::size_t> counts(schedule due, std::size_t steps, std::chrono::nanoseconds until) {
    std::vector<std::size_t> per_step(steps);
    for (; due.next() < until; due.advance()) ++per_step[due.step()];
    return per_step;
}

}  // namespace

TEST_CASE("schedule: even distances, without drift") {
    schedule due{4};
    for (int i = 0; i < 1000; ++i, due.advance()) REQUIRE(due.next() == i * 250ms);
}

TEST_CASE("schedule: each step has its own rate") {
    const std::vector<loadgen::step> surge{{0s, 1}, {10s, 5}, {15s, 0}, {16s, 0.5}};
    CHECK(counts(schedule{100, surge}, 4, 20s) == std::vector<std::size_t>{1000, 2500, 0, 200});
    CHECK(counts(schedule{100, {{0s, 1}, {2s, 0}}}, 2, 1h) == std::vector<std::size_t>{200, 0});
}

TEST_CASE("schedule: random distances keep the rate, and repeat with their seed") {
    const std::vector<loadgen::step> surge{{0s, 1}, {100s, 10}};
    const auto met = counts(schedule{100, surge, 7}, 2, 200s);
    CHECK(std::abs(static_cast<double>(met[0]) - 10'000) < 500);
    CHECK(std::abs(static_cast<double>(met[1]) - 100'000) < 2'000);
    CHECK(counts(schedule{100, surge, 7}, 2, 200s) == met);
    CHECK(counts(schedule{100, surge, 8}, 2, 200s) != met);
}

TEST_CASE("schedule: never backwards", "[property]") {
    rc::prop("whatever the steps", [] {
        std::vector<loadgen::step> steps{{0s, 1}};
        for (const auto& [gap, factor] : *rc::gen::container<std::vector<std::pair<int, int>>>(
                 rc::gen::pair(rc::gen::inRange(1, 500), rc::gen::inRange(0, 4))))
            steps.push_back({steps.back().from + std::chrono::milliseconds{gap}, static_cast<double>(factor)});
        schedule due{50, steps, *rc::gen::element<std::optional<std::uint64_t>>(std::nullopt, 3)};
        auto before = 0ns;
        for (int i = 0; i < 200 && due.next() != schedule::never; ++i, due.advance()) {
            RC_ASSERT(due.next() >= before);
            RC_ASSERT(due.next() >= steps[due.step()].from);
            if (due.step() + 1 < steps.size()) RC_ASSERT(due.next() <= steps[due.step() + 1].from);
            before = due.next();
        }
    });
}
