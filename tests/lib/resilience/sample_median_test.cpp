#include "lib/resilience/sample_median.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("the median of one sample is about that sample, from a microsecond to a quarter of an hour") {
    for (const nanoseconds sample : std::vector<nanoseconds>{1us, 250us, 1ms, 10ms, 999ms, 60s, 900s}) {
        sample_median median;
        median.add(sample);
        const auto apart = std::abs(static_cast<double>((median.value() - sample).count()));
        CHECK(apart <= 0.035 * static_cast<double>(sample.count()));
    }
}

TEST_CASE("a median of nothing is zero, and cleared is nothing") {
    sample_median median;
    CHECK(median.value() == 0ns);
    median.add(5ms);
    median.clear();
    CHECK(median.count() == 0);
    CHECK(median.value() == 0ns);
}

TEST_CASE("what is out of range counts at its end") {
    sample_median median;
    median.add(-5ms);
    CHECK(median.value() < 1us);
    median.add(24h);
    median.add(24h);
    CHECK(median.value() > 1000s);
}

TEST_CASE("the median of many is near the true one", "[property]") {
    rc::prop("within a bucket of a sixteenth of a doubling", [] {
        const auto samples = *rc::gen::nonEmpty(
            rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1'000, 3'000'000'000)));
        sample_median median;
        for (const auto s : samples) median.add(nanoseconds{s});
        auto sorted = samples;
        std::ranges::sort(sorted);
        const auto low = static_cast<double>(sorted[(sorted.size() - 1) / 2]);
        const auto high = static_cast<double>(sorted[sorted.size() / 2]);
        const auto found = static_cast<double>(median.value().count());
        RC_ASSERT(median.count() == samples.size());
        RC_ASSERT(found >= low * 0.93 - 64);
        RC_ASSERT(found <= high * 1.07 + 64);
    });
}
