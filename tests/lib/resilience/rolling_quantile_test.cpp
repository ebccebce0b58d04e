#include "lib/resilience/rolling_quantile.hpp"

#include <algorithm>
#include <deque>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{1h};

/// One eighth, and a microsecond for the grain.
bool near(nanoseconds answer, nanoseconds truth) {
    return std::abs((answer - truth).count()) <= truth.count() / 8 + 1000;
}

}  // namespace

TEST_CASE("quantiles of the recent times") {
    rolling_quantile times;
    for (int i = 1; i <= 1000; ++i) times.add(milliseconds{i}, start);
    CHECK(near(*times.at(500, start), 500ms));
    CHECK(near(*times.at(950, start), 950ms));
    CHECK(near(*times.at(990, start), 990ms));
    CHECK(near(*times.at(1000, start), 1000ms));
    CHECK(near(*times.at(0, start), 1ms));
    STATIC_REQUIRE(sizeof(rolling_quantile) <= 2048);
}

TEST_CASE("where times are spread a quantile is exact to a few percent") {
    rolling_quantile times;
    for (int us = 10'000; us < 20'000; ++us) times.add(std::chrono::microseconds{us}, start);
    for (const unsigned q : {100u, 500u, 950u, 990u}) {
        const nanoseconds truth = 10ms + std::chrono::microseconds{10 * q};
        CHECK(std::abs((*times.at(q, start) - truth).count()) <= truth.count() / 33);
    }
}

TEST_CASE("too few times give no quantile") {
    rolling_quantile times;
    CHECK_FALSE(times.at(500, start, 0));
    for (int i = 0; i < 99; ++i) times.add(1ms, start);
    CHECK(times.at(950, start));
    CHECK_FALSE(times.at(950, start, 100));
    times.add(1ms, start);
    CHECK(times.at(950, start, 100));
}

TEST_CASE("an answer is kept for a tenth of a second, each quantile its own") {
    rolling_quantile times;
    for (int i = 0; i < 100; ++i) times.add(1ms, start);
    for (const unsigned q : {500, 900, 950, 990, 999}) CHECK(near(*times.at(q, start), 1ms));
    for (int i = 0; i < 900; ++i) times.add(10ms, start);
    for (const unsigned q : {500, 900, 950, 990}) CHECK(near(*times.at(q, start + 99ms), 1ms));
    for (const unsigned q : {500, 900, 950, 990}) CHECK(near(*times.at(q, start + 100ms), 10ms));
    CHECK(near(*times.at(50, start + 100ms), 1ms));
}

TEST_CASE("what is old is forgotten between ten and twenty seconds later") {
    rolling_quantile times;
    for (int i = 0; i < 100; ++i) times.add(1s, start);
    for (auto now = start; now <= start + 20s; now += 10ms) {
        times.add(1ms, now);
        if (now < start + 10s) CHECK(near(*times.at(1000, now), 1s));
    }
    CHECK(near(*times.at(1000, start + 20s), 1ms));
    // Silence forgets all, and nothing was kept of what was answered before.
    CHECK_FALSE(times.at(500, start + 41s));
    times.add(7ms, start + 41s);
    CHECK(near(*times.at(500, start + 41s, 1), 7ms));
}

TEST_CASE("times out of range count as the nearest") {
    rolling_quantile times;
    times.add(-1s, start);
    CHECK(*times.at(500, start, 1) == 0ns);
    rolling_quantile long_ones;
    long_ones.add(nanoseconds::max(), start);
    CHECK(near(*long_ones.at(500, start, 1), std::chrono::microseconds{1 << 28}));
}

TEST_CASE("a quantile is that of the last ten to twenty seconds", "[property]") {
    rc::prop("whatever came when", [](const std::vector<std::pair<std::uint16_t, std::uint32_t>>& events) {
        rolling_quantile times;
        std::deque<std::pair<time_point, nanoseconds>> all;
        auto now = start;
        for (const auto& [pause, took_us] : events) {
            now += milliseconds{pause % 1500};
            // Another loop's clock may lag.
            const auto seen_at = now - milliseconds{took_us % 3};
            times.add(std::chrono::microseconds{took_us % 10'000'000}, seen_at);
            all.emplace_back(now, std::chrono::microseconds{took_us % 10'000'000});
        }
        now += 100ms;
        for (const unsigned permille : {500u, 950u, 990u, 1000u}) {
            // What is ten to twenty seconds old counts or not: the answer is that of some suffix of all.
            const auto answer = times.at(permille, now, 1);
            bool explained = false;
            for (std::size_t from = 0; from <= all.size() && !explained; ++from) {
                if (from < all.size() && all[from].first < now - 20'010ms) continue;
                if (from > 0 && all[from - 1].first > now - 9'990ms) break;
                std::vector<nanoseconds> counted;
                for (auto i = from; i < all.size(); ++i) counted.push_back(all[i].second);
                std::sort(counted.begin(), counted.end());
                const auto rank = (counted.size() * permille + 999) / 1000;
                explained =
                    counted.empty() ? !answer : answer && near(*answer, counted[std::max<std::size_t>(rank, 1) - 1]);
            }
            RC_ASSERT(explained);
        }
    });
}
