#include "lib/resilience/hedge_trigger.hpp"

#include <queue>
#include <vector>

#include "lib/resilience/random.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{1h};

}  // namespace

TEST_CASE("a try is hedged after the percentile, once it is known") {
    hedge_trigger hedge{{.permille = 950}};
    rolling_quantile times;
    for (int i = 1; i <= 99; ++i) times.add(milliseconds{10 * i}, start);
    CHECK_FALSE(hedge.delay(times, start));
    times.add(1s, start);
    const auto after = hedge.delay(times, start).value();
    CHECK((after > 890ms && after < 1010ms));
    CHECK_FALSE(hedge.delay(times, start + 21s));
}

TEST_CASE("no try is hedged earlier than the least delay") {
    hedge_trigger hedge{{}};
    rolling_quantile times;
    for (int i = 0; i < 100; ++i) times.add(100us, start);
    CHECK(hedge.delay(times, start) == 5ms);
}

TEST_CASE("a fixed delay needs no samples") {
    hedge_trigger hedge{{.fixed = 30ms}};
    rolling_quantile times;
    CHECK(hedge.delay(times, start) == 30ms);
}

TEST_CASE("when all servers turn slow at once, hedges stay within their budget") {
    hedge_trigger hedge{{.budget_permille = 50}};
    rolling_quantile times;
    for (int i = 0; i < 10'000; ++i) times.add(10ms, start);
    int hedges = 0;
    for (auto now = start; now < start + 9s; now += 1ms) {
        hedge.request(now);
        CHECK(hedge.delay(times, now));
        hedges += hedge.charge(now);  // every one passes the percentile
    }
    CHECK(hedges == 450);
}

TEST_CASE("hedging cuts the tail for little load") {
    // One request in a hundred takes fifty times as long. The bulk is 10 ms, evenly spread to 20.
    const auto tail = [](bool hedged, int& extra) {
        random_source chance{1};
        const auto drawn = [&] {
            const auto bulk = 10ms + nanoseconds{chance.below(10'000'000)};
            return chance.below(100) == 0 ? 50 * bulk : bulk;
        };
        hedge_trigger hedge{{.permille = 950}};
        rolling_quantile times;
        std::vector<nanoseconds> took;
        for (auto now = start; now < start + 60s; now += 1ms) {
            hedge.request(now);
            auto t = drawn();
            const auto after = hedge.delay(times, now);
            if (hedged && after && t > *after && hedge.charge(now)) {
                ++extra;
                t = std::min(t, *after + drawn());
            }
            times.add(t, now);
            took.push_back(t);
        }
        std::sort(took.begin(), took.end());
        return took[took.size() * 999 / 1000];
    };
    int extra = 0;
    const auto without = tail(false, extra), with = tail(true, extra);
    CHECK(extra <= 3000);  // of 60,000
    CHECK(with * 5 < without);
}
