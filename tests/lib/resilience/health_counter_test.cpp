#include "lib/resilience/health_counter.hpp"

#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("a server is up until so many checks in a row say otherwise") {
    health_counter health{2, 3};
    CHECK(health.up());
    CHECK_FALSE(health.record(false));
    CHECK_FALSE(health.record(false));
    CHECK_FALSE(health.record(true));  // not in a row
    CHECK_FALSE(health.record(false));
    CHECK_FALSE(health.record(false));
    CHECK(health.record(false));
    CHECK_FALSE(health.up());
    CHECK_FALSE(health.record(false));
    CHECK_FALSE(health.record(true));
    CHECK_FALSE(health.record(false));
    CHECK_FALSE(health.record(true));
    CHECK(health.record(true));
    CHECK(health.up());
}

TEST_CASE("zero is one") {
    health_counter health{0, 0};
    CHECK(health.record(false));
    CHECK(health.record(true));
}

TEST_CASE("health changes only with the last results agreeing", "[property]") {
    rc::prop("for any results", [](const std::vector<bool>& results) {
        const auto rise = *rc::gen::inRange(1u, 5u), fall = *rc::gen::inRange(1u, 5u);
        health_counter health{rise, fall};
        unsigned in_a_row = 0;
        for (std::size_t i = 0; i < results.size(); ++i) {
            const bool was_up = health.up();
            in_a_row = i > 0 && results[i] == results[i - 1] ? in_a_row + 1 : 1;
            const bool changed = health.record(results[i]);
            RC_ASSERT(changed == (health.up() != was_up));
            RC_ASSERT(changed == (results[i] != was_up && in_a_row >= (was_up ? fall : rise)));
        }
    });
}
