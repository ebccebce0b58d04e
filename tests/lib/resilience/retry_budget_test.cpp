#include "lib/resilience/retry_budget.hpp"

#include <algorithm>
#include <tuple>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{1h};

int charge_all(retry_budget& budget, time_point now) {
    int n = 0;
    while (budget.charge(now)) ++n;
    return n;
}

/// Tries per first attempt when every try wants another: what servers see, at worst.
double amplification(const retry_budget_policy& policy, int rate, bool all_fail, nanoseconds lasting) {
    retry_budget budget{policy};
    (void)charge_all(budget, start);  // what the start gives is not part of the rate
    int first = 0, extra = 0;
    for (auto now = start; now < start + lasting; now += nanoseconds{1s} / rate) {
        budget.first_attempt(now);
        if (all_fail) budget.outcome(false, now);
        ++first;
        while (budget.charge(now)) {
            ++extra;
            if (all_fail) budget.outcome(false, now);
        }
    }
    return 1 + static_cast<double>(extra) / first;
}

}  // namespace

TEST_CASE("extra tries are a share of the first ones and the reserve") {
    const std::tuple<int, double, double> rows[] = {// rate; with 20 % + 10/s; with 10 % + 1/s
                                                    {1, 11.2, 2.1},
                                                    {10, 2.2, 1.2},
                                                    {50, 1.4, 1.12},
                                                    {100, 1.3, 1.11},
                                                    {1000, 1.21, 1.10}};
    for (const auto& [rate, generous, sparing] : rows) {
        CHECK(amplification({.share_permille = 200, .reserve = 10}, rate, false, 100s) <= generous + 1e-3);
        CHECK(amplification({.share_permille = 200, .reserve = 10}, rate, false, 100s) >= generous - 0.11);
        CHECK(amplification({.share_permille = 100, .reserve = 1}, rate, false, 100s) <= sparing + 1e-3);
        CHECK(amplification({.share_permille = 100, .reserve = 1}, rate, false, 100s) >= sparing - 0.02);
    }
}

TEST_CASE("when everything fails for ten minutes the load hardly grows") {
    CHECK(amplification({}, 10, true, 600s) <= 1.101);
    CHECK(amplification({}, 100, true, 600s) <= 1.011);
}

TEST_CASE("no share is rounded") {
    for (const unsigned permille : {1u, 3u, 300u, 333u, 400u, 700u}) {
        retry_budget budget{{.share_permille = permille, .reserve = 0}};
        int extra = 0;
        for (int i = 0; i < 10'000; ++i) {
            budget.first_attempt(start);
            extra += budget.charge(start);
        }
        CHECK(extra == static_cast<int>(permille) * 10);
    }
}

TEST_CASE("a backend with little traffic has the reserve") {
    retry_budget budget{{}};
    CHECK(charge_all(budget, start) == 10);
    CHECK(budget.tokens(start - 5ms) == 0);  // another loop's clock lags
    CHECK(charge_all(budget, start + 999ms) == 0);
    CHECK(charge_all(budget, start + 1s) == 1);
    CHECK(charge_all(budget, start + 1h) == 10);
}

TEST_CASE("what was earned long ago is lost") {
    retry_budget budget{{.share_permille = 100, .reserve = 0}};
    for (int i = 0; i < 1000; ++i) budget.first_attempt(start);
    CHECK(budget.tokens(start + 8s) == 100);
    CHECK(budget.tokens(start + 11s) == 0);
    CHECK(charge_all(budget, start + 11s) == 0);
}

TEST_CASE("while most tries fail, the reserve alone pays") {
    retry_budget budget{{}};
    for (int i = 0; i < 1000; ++i) budget.first_attempt(start);
    for (int i = 0; i < 499; ++i) budget.outcome(true, start);
    for (int i = 0; i < 499; ++i) budget.outcome(false, start);
    CHECK(budget.tokens(start) == 110);
    budget.outcome(false, start);
    CHECK(budget.tokens(start) == 10);
    CHECK(charge_all(budget, start) == 10);
    WHEN("they succeed again") {
        for (int i = 0; i < 2; ++i) budget.outcome(true, start);
        THEN("what was earned can be spent") { CHECK(charge_all(budget, start) == 100); }
    }
    WHEN("pressure closes the reserve") {
        budget.close_reserve(true);
        THEN("nothing pays") { CHECK(charge_all(budget, start + 5s) == 0); }
        budget.close_reserve(false);
        THEN("it fills meanwhile") { CHECK(charge_all(budget, start + 5s) == 5); }
    }
}

TEST_CASE("in panic half as many extra tries are made") {
    retry_budget budget{{}};
    for (int i = 0; i < 1000; ++i) budget.first_attempt(start);
    budget.halve(true);
    CHECK(charge_all(budget, start) == 55);
    CHECK(charge_all(budget, start + 1s) == 0);
    budget.halve(false);
    CHECK(charge_all(budget, start + 1s) == 1);
}

TEST_CASE("extra tries never exceed what was brought in", "[property]") {
    rc::prop("in every window of ten seconds and over all", [](const std::vector<std::uint16_t>& steps) {
        const retry_budget_policy policy{.share_permille = *rc::gen::inRange(0u, 1001u),
                                         .reserve = *rc::gen::inRange(0u, 5u)};
        retry_budget budget{policy};
        std::vector<time_point> first, extra;
        const auto within = [](const std::vector<time_point>& all, time_point from, time_point to) {
            return static_cast<double>(
                std::count_if(all.begin(), all.end(), [&](time_point t) { return t > from && t <= to; }));
        };
        auto now = start;
        for (const auto step : steps) {
            now += milliseconds{step % 700};
            // Another loop's clock may lag.
            const auto seen_at = now - milliseconds{step % 3};
            switch (step % 5) {
            case 0:
            case 1:
                budget.first_attempt(seen_at);
                first.push_back(now);
                break;
            case 2: budget.outcome(step % 7 < 4, seen_at); break;
            default: {
                const bool affordable = budget.tokens(seen_at) >= 1;
                const bool charged = budget.charge(seen_at);
                RC_ASSERT(charged == affordable);
                if (charged) extra.push_back(now);
            }
            }
            // A window spends what was brought in during it, and what was kept of the ten seconds before.
            const double share = policy.share_permille / 1000.0, reserve = policy.reserve;
            RC_ASSERT(within(extra, now - 10s, now) <=
                      share * within(first, now - 20'005ms, now) + reserve * 20 + 1e-9);
            const double seconds = std::chrono::duration<double>(now - start).count();
            RC_ASSERT(static_cast<double>(extra.size()) <=
                      share * static_cast<double>(first.size()) + reserve * (10 + seconds) + 1e-9);
        }
    });
}
