#include "lib/resilience/outlier_detector.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "tests/support/property.hpp"

using namespace weir;
using verdict = outlier_detector::verdict;

namespace {

constexpr time_point start{std::chrono::hours{1}};

/// A group of servers under load, swept every 10 s.
struct group {
    group_guard guard{500};
    outlier_detector outliers;
    std::vector<server_condition> conditions;
    std::vector<double> failing;      // of each, the share of its requests
    std::vector<milliseconds> takes;  // to the first byte
    std::vector<int> requests;        // in 10 s
    time_point now = start;
    random_source chance{1};

    explicit group(std::size_t n, int requests_each = 200)
        : outliers{{}, n}, conditions(n), failing(n), takes(n, 10ms), requests(n, requests_each) {}

    std::vector<outlier_detector::decision> step() {
        for (std::size_t i = 0; i < failing.size(); ++i) {
            if (outliers.ejected(i)) continue;
            const int share = outliers.weight(i) < 1 ? requests[i] / 10 : requests[i];
            for (int k = 0; k < share; ++k) outliers.count(i, chance.unit() >= failing[i], takes[i]);
        }
        now += 10s;
        const auto decided = outliers.sweep(conditions, guard, now, chance);
        return {decided.begin(), decided.end()};
    }
    std::set<std::size_t> out() const {
        std::set<std::size_t> found;
        for (std::size_t i = 0; i < conditions.size(); ++i)
            if (outliers.ejected(i)) found.insert(i);
        return found;
    }
};

/// What others do: below the mean by 1.9 standard deviations.
std::size_t found_by_deviation(const std::vector<double>& good) {
    double mean = 0, square = 0;
    for (const auto s : good) mean += s / static_cast<double>(good.size());
    for (const auto s : good) square += (s - mean) * (s - mean) / static_cast<double>(good.size());
    return static_cast<std::size_t>(
        std::ranges::count_if(good, [&](double s) { return s < mean - 1.9 * std::sqrt(square); }));
}

}  // namespace

TEST_CASE("one bad server of three is ejected, and comes back") {
    group g{3};
    g.failing[1] = 0.5;
    const auto decided = g.step();
    REQUIRE(decided.size() == 1);
    CHECK(decided[0].server == 1);
    CHECK(decided[0].what == verdict::ejected);
    CHECK(g.conditions[1].ejected);
    CHECK(g.outliers.ejections(1) == 1);

    const auto until = g.outliers.ejected_until(1);
    CHECK(until >= g.now + 24s);
    CHECK(until <= g.now + 36s);
    CHECK(g.outliers.release(until - 1ns).empty());
    const auto back = g.outliers.release(until);
    REQUIRE(back.size() == 1);
    CHECK(back[0].what == verdict::returned);
    CHECK_FALSE(g.outliers.ejected(1));
}

TEST_CASE("four bad of ten are all found, whether they fail always or seldom") {
    for (const double failing : {1.0, 0.3}) {
        group g{10};
        for (std::size_t i = 0; i < 4; ++i) g.failing[2 * i] = failing;
        g.step();
        CHECK(g.out() == std::set<std::size_t>{0, 2, 4, 6});
        // The rule it replaces finds none of them.
        std::vector<double> good;
        for (const auto f : g.failing) good.push_back(1 - f);
        CHECK(found_by_deviation(good) == 0);
    }
}

TEST_CASE("chance errors eject no good server in a day") {
    group g{10, 0};
    std::mt19937_64 chance{1};
    std::binomial_distribution errors{100, 0.01};  // as few requests as are judged
    for (int sweep = 0; sweep < 24 * 360; ++sweep) {
        for (std::size_t i = 0; i < 10; ++i) {
            const int bad = errors(chance);
            for (int k = 0; k < 100; ++k) g.outliers.count(i, k >= bad, -1ns);
        }
        g.now += 10s;
        for (const auto d : g.outliers.sweep(g.conditions, g.guard, g.now, g.chance))
            REQUIRE(d.what != verdict::ejected);
    }
}

TEST_CASE("all equally bad, nobody is ejected") {
    group g{5};
    std::ranges::fill(g.failing, 0.6);
    for (int i = 0; i < 10; ++i) CHECK(g.step().empty());
}

TEST_CASE("ten points below the median are no outlier, however much alike the others are") {
    for (const int good : {86, 85}) {
        group g{5, 0};
        for (std::size_t i = 0; i < 5; ++i)
            for (int k = 0; k < 100; ++k) g.outliers.count(i, k < (i == 0 ? good : 96), 1ms);
        CHECK(g.step().empty() == (good == 86));
    }
}

TEST_CASE("where all differ, the last is no outlier") {
    group g{5, 0};
    for (std::size_t i = 0; i < 5; ++i)
        for (int k = 0; k < 100; ++k) g.outliers.count(i, k < 50 + 10 * static_cast<int>(i), 1ms);
    CHECK(g.step().empty());
}

TEST_CASE("what servers did a minute ago is nothing to compare with") {
    group g{3};
    g.step();
    g.requests = {0, 0, 0};
    for (int i = 0; i < 5; ++i) g.step();
    g.requests[0] = 100;
    g.failing[0] = 1;
    CHECK(g.step().empty());
}

TEST_CASE("ejected servers are nothing to compare with") {
    group g{6};
    for (const std::size_t i : {0, 1}) {
        g.failing[i] = 1;
        g.takes[i] = 1s;
    }
    REQUIRE(g.step().size() == 2);
    SECTION("shares") {
        g.failing[2] = 0.5;
        CHECK(g.step().size() == 1);
        CHECK(g.outliers.ejected(2));
    }
    SECTION("times") {
        g.takes[2] = 100ms;
        g.step();
        g.step();
        CHECK(g.outliers.weight(2) < 1);
    }
}

TEST_CASE("nobody is ejected for results of an earlier sweep") {
    group g{5};
    g.failing[0] = 1;
    g.conditions[3].breaker_open = g.conditions[4].breaker_open = true;
    CHECK(g.step().empty());  // the guard says no
    g.conditions[3].breaker_open = g.conditions[4].breaker_open = false;
    g.requests = {0, 0, 0, 0, 0};
    CHECK(g.step().empty());
    g.requests[0] = 100;
    CHECK(g.step().size() == 1);
}

TEST_CASE("no more than half are ejected, the worst first") {
    group g{5};
    // More would not be outliers; the guard is asked for each, so an open breaker leaves less.
    g.failing = {0.3, 0.9, 0, 0, 0};
    g.conditions[4].breaker_open = true;
    g.step();
    CHECK(g.out() == std::set<std::size_t>{1});
}

TEST_CASE("few requests are summed up for a minute, then forgotten") {
    group g{3, 30};
    g.failing[0] = 1;
    for (int i = 0; i < 3; ++i) CHECK(g.step().empty());
    CHECK(g.step().size() == 1);  // 120 by now

    group few{3, 14};  // 98 in 70 s
    few.failing[0] = 1;
    for (int i = 0; i < 100; ++i) CHECK(few.step().empty());
}

TEST_CASE("servers whose results are enough at different times are compared all the same") {
    group g{3};
    g.requests = {120, 35, 26};
    g.failing[2] = 1;
    std::size_t found = 0;
    for (int i = 0; i < 4; ++i) found += g.step().size();
    CHECK(found == 1);
    CHECK(g.out() == std::set<std::size_t>{2});
}

TEST_CASE("two servers have nothing to compare with") {
    group g{2};
    g.failing[0] = 1;
    g.takes[0] = 10s;
    for (int i = 0; i < 10; ++i) CHECK(g.step().empty());
}

TEST_CASE("ejections get longer up to a bound, and are forgiven") {
    group g{4};
    g.failing[0] = 1;
    const auto next_ejection = [&] {
        g.now = std::max(g.now, g.outliers.ejected_until(0));
        (void)g.outliers.release(g.now);
        for (int i = 0; i < 3 && !g.outliers.ejected(0); ++i) g.step();
        REQUIRE(g.outliers.ejected(0));
        return g.outliers.ejected_until(0) - g.now;
    };
    for (int count = 1; count <= 15; ++count) {
        const auto lasts = next_ejection();
        const auto usual = std::min<nanoseconds>(count * 30s, 300s);
        CHECK(lasts >= usual * 8 / 10);
        CHECK(lasts <= usual * 12 / 10);
    }
    g.failing[0] = 0;
    g.now = g.outliers.ejected_until(0);
    (void)g.outliers.release(g.now);
    for (int i = 0; i < 9; ++i) g.step();
    g.failing[0] = 1;
    CHECK(next_ejection() <= 72s);  // the second again: ten less nine
}

TEST_CASE("proxies do not let a server back all at once") {
    std::set<nanoseconds> met;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        group g{3};
        g.failing[0] = 1;
        g.chance = random_source{seed};
        g.step();
        met.insert((g.outliers.ejected_until(0) - g.now) / 100ms * 100ms);
    }
    CHECK(met.size() > 50);
}

TEST_CASE("what an ejected server does meanwhile counts nothing") {
    group g{3};
    g.failing[0] = 1;
    g.step();
    g.now += 10s;
    for (int i = 0; i < 1'000; ++i) g.outliers.count(0, false, 1ms);
    CHECK(g.outliers.sweep(g.conditions, g.guard, g.now, g.chance).empty());
    for (int i = 0; i < 1'000; ++i) g.outliers.count(0, false, 1ms);
    g.now = g.outliers.ejected_until(0);
    const auto decided = g.outliers.sweep(g.conditions, g.guard, g.now, g.chance);
    REQUIRE(decided.size() == 1);
    CHECK(decided[0].what == verdict::returned);
    CHECK_FALSE(g.conditions[0].ejected);
}

TEST_CASE("a slow server gets a tenth after two sweeps, and all again after two") {
    group g{4};
    g.takes[2] = 100ms;
    CHECK(g.step().empty());
    CHECK(g.outliers.weight(2) == 1);
    auto decided = g.step();
    REQUIRE(decided.size() == 1);
    CHECK(decided[0].server == 2);
    CHECK(decided[0].what == verdict::slowed);
    CHECK(g.outliers.weight(2) == 0.1);
    CHECK(g.out().empty());
    for (int i = 0; i < 10; ++i) CHECK(g.step().empty());
    g.takes[2] = 10ms;
    CHECK(g.step().empty());
    decided = g.step();
    REQUIRE(decided.size() == 1);
    CHECK(decided[0].what == verdict::restored);
    CHECK(g.outliers.weight(2) == 1);
}

TEST_CASE("slow means three times and 50 ms more") {
    group near{4};
    near.takes[0] = 59ms;  // six times
    group twice{4};
    std::ranges::fill(twice.takes, 100ms);
    twice.takes[0] = 300ms;  // and 200 ms more
    group now_and_then{4};
    for (int i = 0; i < 10; ++i) {
        CHECK(near.step().empty());
        CHECK(twice.step().empty());
        now_and_then.takes[0] = i % 2 ? 10ms : 1s;
        CHECK(now_and_then.step().empty());
    }
}

TEST_CASE("a slow server that nobody measures any more is not slow for ever") {
    group g{4};
    g.takes[0] = 1s;
    g.step();
    g.step();
    REQUIRE(g.outliers.weight(0) < 1);
    g.requests[0] = 0;
    for (int i = 0; i < 5; ++i) CHECK(g.step().empty());
    CHECK(g.step().size() == 1);
    CHECK(g.outliers.weight(0) == 1);
}

TEST_CASE("a slow server whose peers nobody measures any more is not slow for ever") {
    group g{4};
    g.takes[0] = 1s;
    g.step();
    g.step();
    REQUIRE(g.outliers.weight(0) < 1);
    g.requests = {1'000, 0, 0, 0};
    for (int i = 0; i < 5; ++i) CHECK(g.step().empty());
    CHECK(g.step().size() == 1);
    CHECK(g.outliers.weight(0) == 1);
}

TEST_CASE("times are thinned out evenly") {
    // Slow in the middle, for a little more than half of the requests: neither the first nor the last would tell.
    group g{3, 0};
    for (int sweep = 0; sweep < 2; ++sweep) {
        for (int k = 0; k < 10'000; ++k)
            for (std::size_t i = 0; i < 3; ++i)
                g.outliers.count(i, true, i == 0 && k >= 1'800 && k < 8'000 ? 1s : 10ms);
        g.step();
    }
    CHECK(g.outliers.weight(0) < 1);
    CHECK(g.outliers.weight(1) == 1);
    CHECK(g.outliers.weight(2) == 1);
}

TEST_CASE("ejection keeps within the guard, and ends", "[property]") {
    rc::prop("for any group and any failures", [](std::uint64_t seed) {
        const auto n = *rc::gen::inRange<std::size_t>(1, 12);
        group g{n, *rc::gen::element(20, 60, 120)};
        g.chance = random_source{seed};
        for (int sweep = 0; sweep < 40; ++sweep) {
            for (std::size_t i = 0; i < n; ++i) {
                if (g.chance.below(8) == 0) g.failing[i] = g.chance.below(2) ? g.chance.unit() : 0;
                if (g.chance.below(8) == 0) g.takes[i] = milliseconds{1 + g.chance.below(400)};
                g.conditions[i].breaker_open = g.chance.below(6) == 0;
                g.conditions[i].health_down = g.chance.below(10) == 0;
            }
            const auto before = g.out();
            const auto decided = g.step();
            bool any_ejected = false;
            for (const auto [i, what, own, usual] : decided) {
                any_ejected = any_ejected || what == verdict::ejected;
                if (what == verdict::ejected) RC_ASSERT(!before.contains(i) || g.outliers.ejected_until(i) > g.now);
                if (what == verdict::returned) RC_ASSERT(before.contains(i));
                if (what == verdict::slowed) RC_ASSERT(g.outliers.weight(i) < 1);
            }
            std::size_t taken_out = 0;
            for (std::size_t i = 0; i < n; ++i) {
                RC_ASSERT(g.conditions[i].ejected == g.outliers.ejected(i));
                if (g.outliers.ejected(i)) RC_ASSERT(g.outliers.ejected_until(i) > g.now);
                if (g.outliers.ejected(i)) RC_ASSERT(g.outliers.weight(i) == 1);
                taken_out += g.outliers.ejected(i) || g.conditions[i].breaker_open;
            }
            if (any_ejected) {
                std::vector<use> uses(n);
                RC_ASSERT(taken_out <= n / 2);
                RC_ASSERT(!g.guard.judge(g.conditions, uses).panic);
            }
        }
        g.now += 361s;
        (void)g.outliers.release(g.now);
        RC_ASSERT(g.out().empty());
    });
}
