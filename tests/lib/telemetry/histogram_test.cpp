#include "lib/telemetry/histogram.hpp"

#include <algorithm>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

latency_counts counts_of(const std::vector<std::uint64_t>& values) {
    latency_histogram histogram;
    for (const auto v : values) histogram.record_us(v);
    latency_counts counts;
    histogram.add_to(counts);
    return counts;
}

/// Of every magnitude alike.
rc::Gen<std::uint64_t> durations_us() {
    return rc::gen::exec([] {
        const auto bits = *rc::gen::inRange(0, latency_buckets::range_log2);
        return *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{2} << bits >> 1);
    });
}

}  // namespace

TEST_CASE("an empty histogram answers 0") {
    const latency_counts none;
    CHECK(none.total() == 0);
    CHECK(none.quantile_us(0.5) == 0);
}

TEST_CASE("quantiles of few small values are exact") {
    const auto counts = counts_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    CHECK(counts.quantile_us(0) == 1);
    CHECK(counts.quantile_us(0.1) == 1);
    CHECK(counts.quantile_us(0.5) == 5);
    CHECK(counts.quantile_us(0.91) == 10);
    CHECK(counts.quantile_us(1) == 10);
    CHECK(counts.total() == 10);
    CHECK(counts.sum_us() == 55);
}

TEST_CASE("what is beyond the range counts as the longest") {
    const auto counts = counts_of({~std::uint64_t{0}, latency_buckets::largest_us});
    CHECK(counts.bucket(latency_buckets::count - 1) == 2);
    CHECK(counts.quantile_us(1) > latency_buckets::largest_us / 32 * 31);
}

TEST_CASE("buckets cover the range without gap or overlap") {
    for (std::size_t i = 0; i < latency_buckets::count; ++i) {
        CHECK(latency_buckets::index_of(latency_buckets::lowest_us(i)) == i);
        CHECK(latency_buckets::index_of(latency_buckets::middle_us(i)) == i);
        if (i > 0) CHECK(latency_buckets::index_of(latency_buckets::lowest_us(i) - 1) == i - 1);
    }
}

TEST_CASE("a quantile is near the true one", "[property]") {
    rc::prop("off by at most 1/32, for any values and share", [] {
        auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(durations_us()));
        const auto per_mille = *rc::gen::inRange<std::size_t>(0, 1001);
        const auto counts = counts_of(values);
        std::sort(values.begin(), values.end());
        const auto rank = std::max<std::size_t>(1, (values.size() * per_mille + 999) / 1000);
        const auto truth = static_cast<double>(values[rank - 1]);
        // The exact rank and the one computed in floating point may differ by one where the product is whole.
        const auto next = static_cast<double>(values[std::min(rank, values.size() - 1)]);
        const auto told = static_cast<double>(counts.quantile_us(static_cast<double>(per_mille) / 1000));
        const auto near = [told](double v) { return std::abs(told - v) <= v / 32; };
        RC_ASSERT(near(truth) || near(next));
    });
}

TEST_CASE("merging is recording everything in one", "[property]") {
    rc::prop("whatever is split", [] {
        const auto a = *rc::gen::container<std::vector<std::uint64_t>>(durations_us());
        const auto b = *rc::gen::container<std::vector<std::uint64_t>>(durations_us());
        auto both = a;
        both.insert(both.end(), b.begin(), b.end());
        auto merged = counts_of(a);
        merged.merge(counts_of(b));
        RC_ASSERT(merged == counts_of(both));
    });
}
