#include "lib/resilience/share_cap.hpp"

#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{1h};

}  // namespace

TEST_CASE("a share of the events is let through, no more") {
    share_cap cap{50};
    int taken = 0;
    for (auto now = start; now < start + 60s; now += 1ms) {
        cap.event(now);
        taken += cap.take(now);
    }
    CHECK((taken > 2700 && taken <= 3000));
}

TEST_CASE("what was not taken is lost after ten seconds") {
    share_cap cap{50};
    for (int i = 0; i < 1000; ++i) cap.event(start);
    CHECK(cap.take(start + 8s));
    for (int i = 0; i < 40; ++i) cap.event(start + 11s);
    int taken = 0;
    for (int i = 0; i < 100; ++i) taken += cap.take(start + 11s);
    CHECK(taken == 1);  // of 40 two, and one is gone
}

TEST_CASE("nothing is let through for a share of nothing") {
    share_cap none{0}, half{500};
    CHECK_FALSE(half.take(start));
    for (int i = 0; i < 1000; ++i) none.event(start);
    CHECK_FALSE(none.take(start));
}

TEST_CASE("in every window what is taken is within the share", "[property]") {
    rc::prop("for any share and any order of events", [](const std::vector<std::uint16_t>& steps, std::uint16_t share) {
        const auto permille = share % 1001u;
        share_cap cap{permille};
        std::vector<std::pair<time_point, bool>> all;
        auto now = start;
        for (const auto step : steps) {
            now += milliseconds{step % 1000};
            if (step % 3 != 0) {
                cap.event(now);
                all.emplace_back(now, false);
            } else if (cap.take(now)) {
                all.emplace_back(now, true);
                // The window that ends here holds at most the share of the events of the ten seconds before.
                std::size_t taken = 0, events = 0;
                for (const auto& [when, was_taken] : all) {
                    if (was_taken) taken += when > now - 9s;
                    else events += when > now - 10s;
                }
                RC_ASSERT(taken * 1000 <= events * permille);
            }
        }
    });
}
