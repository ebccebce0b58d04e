#include "lib/resilience/slow_start.hpp"

#include <cmath>

#include "tests/support/property.hpp"

using namespace weir;

namespace {
constexpr time_point start{std::chrono::hours{1}};
bool near(double a, double b) { return std::abs(a - b) < 1e-9; }
}  // namespace

TEST_CASE("a server's share grows from a tenth to all") {
    slow_start warming{10s};
    CHECK(warming.factor(start) == 1);  // not begun
    warming.begin(start);
    CHECK(near(warming.factor(start), 0.1));
    CHECK(near(warming.factor(start - 1ms), 0.1));  // a loop whose time is behind
    CHECK(near(warming.factor(start + 5s), 0.55));
    CHECK(warming.factor(start + 10s) == 1);
    CHECK(warming.factor(start + 1h) == 1);
    warming.begin(start + 20s);
    CHECK(near(warming.factor(start + 20s), 0.1));
}

TEST_CASE("no duration, no slow start") {
    slow_start warming{0s};
    warming.begin(start);
    CHECK(warming.factor(start) == 1);
}

TEST_CASE("the share never falls", "[property]") {
    rc::prop("and stays within a tenth and all", [](std::uint16_t duration, const std::vector<std::uint8_t>& pauses) {
        slow_start warming{milliseconds{duration}};
        auto now = start;
        warming.begin(now);
        double last = 0.1;
        for (const auto pause : pauses) {
            now += milliseconds{pause} * 20;
            const auto factor = warming.factor(now);
            RC_ASSERT(factor >= last);
            RC_ASSERT(factor <= 1);
            last = factor;
        }
        RC_ASSERT(warming.factor(start + milliseconds{duration}) == 1);
    });
}
