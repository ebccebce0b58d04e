#include "lib/resilience/idle_limit.hpp"

#include "tests/support/property.hpp"

using namespace weir;

namespace {
constexpr time_point start{std::chrono::hours{1}};
}

SCENARIO("the idle limit of a server is learned") {
    idle_limit limit{{}};
    THEN("it starts low") { CHECK(limit.at(start) == 4s); }

    WHEN("a connection dies idle at 2 s") {
        limit.died_idle(2s, start);
        THEN("the limit is below that, for ten minutes") {
            CHECK(limit.at(start) == 1600ms);
            CHECK(limit.at(start + 10min - 1ns) == 1600ms);
            CHECK(limit.at(start + 10min) == 4s);
        }
        AND_WHEN("one pooled earlier dies at 3 s") {
            limit.died_idle(3s, start + 5min);
            THEN("nothing changes") {
                CHECK(limit.at(start + 5min) == 1600ms);
                CHECK(limit.at(start + 10min) == 4s);
            }
        }
        AND_WHEN("another dies at 1 s") {
            limit.died_idle(1s, start + 5min);
            THEN("the limit falls further and is kept longer") {
                CHECK(limit.at(start + 14min) == 800ms);
                CHECK(limit.at(start + 15min) == 4s);
            }
        }
        AND_WHEN("the server says it keeps them for 60 s") {
            limit.hinted(60s);
            THEN("what was seen beats what was said") { CHECK(limit.at(start) == 1600ms); }
        }
    }
    WHEN("one dies long after the limit") {
        limit.died_idle(100s, start);
        THEN("the limit does not rise") { CHECK(limit.at(start) == 4s); }
    }
    WHEN("one dies at once") {
        limit.died_idle(50ms, start);
        THEN("the server has restarted, and nothing is learned") { CHECK(limit.at(start) == 4s); }
    }
    WHEN("the server tells its timeout") {
        limit.hinted(5s);
        THEN("the limit stays safely below") { CHECK(limit.at(start) == 4s); }
        limit.hinted(10s);
        THEN("the last word counts") { CHECK(limit.at(start) == 8s); }
        limit.hinted(std::chrono::seconds::max());
        THEN("and is not believed beyond the bound") { CHECK(limit.at(start) == 60s); }
        limit.hinted(0s);
        THEN("none are kept if it keeps none") { CHECK(limit.at(start) == 0s); }
    }
}

TEST_CASE("the limit is always below every death within memory", "[property]") {
    rc::prop("whatever happens", [](const std::vector<std::pair<std::uint16_t, std::uint16_t>>& history) {
        const idle_limit_policy policy;
        idle_limit limit{policy};
        auto now = start;
        std::vector<std::pair<time_point, milliseconds>> deaths;
        for (const auto& [pause, what] : history) {
            now += milliseconds{pause} * 4;
            if (what % 4 == 0) {
                limit.hinted(std::chrono::seconds{what % 100});
            } else {
                // Only a connection the pool still held can die in it.
                const milliseconds age{std::min<std::int64_t>(what, limit.at(now).count())};
                limit.died_idle(age, now);
                if (age >= policy.youngest) deaths.emplace_back(now, age);
            }
            RC_ASSERT(limit.at(now) <= policy.longest);
            for (const auto& [when, age] : deaths)
                if (now < when + policy.memory) RC_ASSERT(limit.at(now) < age);
        }
    });
}

TEST_CASE("jitter is within a tenth and on both sides", "[property]") {
    rc::prop("for any value", [](std::uint32_t raw, std::uint64_t seed) {
        random_source chance{seed};
        const auto value = raw % 100'000'000;
        bool above = false, below = false;
        for (int i = 0; i < 50; ++i) {
            const milliseconds age = with_jitter(milliseconds{value}, chance);
            const unsigned requests = with_jitter(value, chance);
            for (const auto n : {static_cast<double>(age.count()), static_cast<double>(requests)}) {
                RC_ASSERT(std::abs(n - value) <= value * 0.1 + 0.5);
                above = above || n > value;
                below = below || n < value;
            }
        }
        if (value > 100) RC_ASSERT(above && below);
    });
    random_source chance{1};
    CHECK(with_jitter(0u, chance) == 0);
    CHECK(with_jitter(1u, chance) == 1);
    CHECK(with_jitter(~0u, chance) > 0);
}
