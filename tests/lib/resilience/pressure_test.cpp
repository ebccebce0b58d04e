#include "lib/resilience/pressure.hpp"

#include <cmath>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{std::chrono::hours{1}};

bool near(double a, double b) { return std::abs(a - b) < 1e-6; }

/// The value after `n` samples of 50 ms.
double after(pressure& p, const pressure_sample& sample, int n, time_point& now) {
    double value = p.value();
    for (int i = 0; i < n; ++i) value = p.update(sample, now += 50ms);
    return value;
}

}  // namespace

TEST_CASE("each signal counts between its thresholds") {
    auto now = start;
    const auto settled = [&](const pressure_sample& sample) {
        pressure p{{}};
        return after(p, sample, 100, now);
    };
    CHECK(settled({}) == 0);
    CHECK(settled({.loop_delay = 5ms}) == 0);
    CHECK(near(settled({.loop_delay = 27500us}), 0.5));
    CHECK(near(settled({.loop_delay = 50ms}), 1));
    CHECK(settled({.offload_wait = 10ms}) == 0);
    CHECK(near(settled({.offload_wait = 105ms}), 0.5));
    CHECK(settled({.offload_wait = 10s}) == 1);
    CHECK(near(settled({.memory_used = 700, .memory_limit = 1000}), 0));
    CHECK(near(settled({.memory_used = 825, .memory_limit = 1000}), 0.5));
    CHECK(settled({.memory_used = 2000, .memory_limit = 1000}) == 1);
    CHECK(near(settled({.descriptors_open = 75, .descriptors_limit = 100}), 0));
    CHECK(near(settled({.descriptors_open = 86, .descriptors_limit = 100}), 0.5));
    CHECK(near(settled({.descriptors_open = 97, .descriptors_limit = 100}), 1));
    CHECK(settled({.memory_used = 1'000'000, .descriptors_open = 1'000'000}) == 0);  // limits not known
}

TEST_CASE("the greatest counts, and the parts tell which") {
    pressure p{{}};
    const auto value = p.update({.offload_wait = 105ms,
                                 .memory_used = 825,
                                 .memory_limit = 1000,
                                 .descriptors_open = 97,
                                 .descriptors_limit = 100},
                                start);
    CHECK(near(value, 1));
    CHECK(near(p.parts().offload, 0.5));
    CHECK(near(p.parts().memory, 0.5));
    CHECK(near(p.parts().descriptors, 1));
    CHECK(p.parts().loop_delay == 0);
}

TEST_CASE("a loop that is busy all the time and late with nothing is healthy") {
    pressure p{{}};
    auto now = start;
    CHECK(near(after(p, {.loop_delay = 4ms, .busy_share = 1}, 1000, now), 0.25));
    CHECK(near(after(p, {.busy_share = 0.85}, 1000, now), 0));
}

TEST_CASE("it rises at once and falls by half each second") {
    pressure p{{}};
    auto now = start;
    CHECK(after(p, {.offload_wait = 200ms}, 1, now) == 1);
    CHECK(near(after(p, {}, 20, now), 0.5));
    CHECK(near(after(p, {}, 20, now), 0.25));
    CHECK(near(after(p, {.offload_wait = 105ms}, 1, now), 0.5));
    CHECK(near(p.update({}, now += 1s), 0.25));  // a sample that comes late
}

TEST_CASE("one slow turn is smoothed, lasting delay is not") {
    pressure p{{}};
    auto now = start;
    (void)after(p, {}, 10, now);
    CHECK(after(p, {.loop_delay = 50ms}, 1, now) < 0.4);
    CHECK(after(p, {.loop_delay = 50ms}, 5, now) > 0.85);
}

TEST_CASE("pressure is a share that never falls faster than its half-life", "[property]") {
    rc::prop("whatever is measured", [] {
        pressure p{{}};
        auto now = start;
        for (int i = 0; i < 50; ++i) {
            const auto before = p.value();
            pressure_sample sample;
            sample.loop_delay = milliseconds{*rc::gen::inRange(0, 200)};
            sample.busy_share = *rc::gen::inRange(0, 101) / 100.0;
            sample.offload_wait = milliseconds{*rc::gen::inRange(0, 400)};
            sample.memory_used = *rc::gen::inRange(0u, 1200u);
            sample.memory_limit = *rc::gen::element(0u, 1000u);
            const auto step = milliseconds{*rc::gen::inRange(0, 200)};
            const auto value = p.update(sample, now += step);
            RC_ASSERT(value >= 0);
            RC_ASSERT(value <= 1);
            RC_ASSERT(value >= p.parts().greatest());
            RC_ASSERT(value >= before * std::exp2(-std::chrono::duration<double>{step}.count()) - 1e-9);
            RC_ASSERT(value <= std::max(before, p.parts().greatest()));
        }
    });
}
