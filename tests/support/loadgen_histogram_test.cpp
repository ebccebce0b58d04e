#include "tests/support/loadgen_histogram.hpp"

#include <algorithm>
#include <cmath>

#include "tests/support/property.hpp"

using std::chrono::nanoseconds;

TEST_CASE("loadgen: an empty histogram is all zeros") {
    const loadgen::histogram empty;
    CHECK(empty.percentile(99).count() == 0);
    CHECK(empty.min().count() == 0);
    CHECK(empty.mean().count() == 0);
}

TEST_CASE("loadgen: percentiles are those of the sorted values, to within 0.8 %", "[property]") {
    rc::prop("any values", [] {
        const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(
            rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 62), rc::gen::inRange<std::int64_t>(0, 1 << 20)),
                         [](const auto& pair) { return (std::int64_t{1} << pair.first) + pair.second; })));
        loadgen::histogram h;
        for (const auto value : values) h.record(nanoseconds{value});
        auto sorted = values;
        std::ranges::sort(sorted);
        for (const double share : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
            const auto rank = std::max<std::size_t>(
                1, static_cast<std::size_t>(std::ceil(static_cast<double>(sorted.size()) * share / 100 - 1e-9)));
            const auto exact = static_cast<double>(sorted[rank - 1]);
            const auto got = static_cast<double>(h.percentile(share).count());
            RC_ASSERT(got >= exact);
            RC_ASSERT(got <= exact * 1.008 + 1);
        }
        RC_ASSERT(h.max().count() == sorted.back());
        RC_ASSERT(h.min().count() == sorted.front());
        RC_ASSERT(h.count() == values.size());
    });
}

TEST_CASE("loadgen: the extremes have a place") {
    loadgen::histogram h;
    h.record(nanoseconds{-5});
    h.record(nanoseconds::max());
    CHECK(h.min().count() == 0);
    CHECK(h.max() == nanoseconds::max());
    CHECK(h.percentile(100) == nanoseconds::max());
}
