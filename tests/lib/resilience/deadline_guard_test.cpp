#include "lib/resilience/deadline_guard.hpp"

#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{1h};

}  // namespace

TEST_CASE("what has too little time left is refused, what has enough is not") {
    deadline_guard guard;
    for (int i = 0; i < 20; ++i) CHECK_FALSE(guard.refuses(1s, 100ms, start));
    CHECK_FALSE(guard.refuses(100ms, 100ms, start));
    CHECK(guard.refuses(99ms, 100ms, start));
    CHECK(guard.refuses(-1ms, 100ms, start));
    CHECK_FALSE(guard.refuses(1ms, std::nullopt, start));
}

TEST_CASE("hopeless callers do not stop the samples that would correct the guess") {
    deadline_guard guard;
    int refused = 0;
    for (auto now = start; now < start + 60s; now += 10ms) refused += guard.refuses(1ms, 1s, now);
    CHECK((refused > 1000 && refused <= 1200));  // a fifth of 6,000
}

TEST_CASE("at most the capped share of requests is refused", "[property]") {
    rc::prop("in every window, and none without reason", [](const std::vector<std::uint16_t>& requests) {
        deadline_guard guard;
        std::vector<std::pair<time_point, bool>> all;
        auto now = start;
        for (const auto r : requests) {
            now += milliseconds{r % 500};
            const milliseconds left{r % 300};
            const bool refused = guard.refuses(left, 100ms, now);
            if (refused) RC_ASSERT(left < 100ms);
            all.emplace_back(now, refused);
            std::size_t recent = 0, recent_refused = 0;
            for (const auto& [when, was_refused] : all) {
                recent += when > now - 10s;
                recent_refused += was_refused && when > now - 9s;
            }
            RC_ASSERT(!refused || recent_refused * 5 <= recent);
        }
    });
}
