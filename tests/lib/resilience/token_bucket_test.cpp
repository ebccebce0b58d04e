#include "lib/resilience/token_bucket.hpp"

#include <vector>

#include "lib/resilience/random.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{std::chrono::hours{1}};

unsigned take_all(token_bucket& bucket, const token_rate& rate, time_point now) {
    unsigned taken = 0;
    while (bucket.take(rate, now)) ++taken;
    return taken;
}

}  // namespace

TEST_CASE("a new bucket is full, and fills evenly") {
    const token_rate rate{.tokens = 10, .per = 1s, .burst = 20};
    token_bucket bucket;
    CHECK(bucket.until_next(rate, start) == 0ns);
    CHECK(bucket.until_full(rate, start) == 0ns);
    CHECK(take_all(bucket, rate, start) == 20);
    CHECK(bucket.until_next(rate, start) == 100ms);
    CHECK(bucket.until_full(rate, start) == 2s);
    CHECK(!bucket.take(rate, start + 100ms - 1ns));
    CHECK(bucket.take(rate, start + 100ms));
    CHECK(take_all(bucket, rate, start + 1s) == 9);
    CHECK(take_all(bucket, rate, start + 24h) == 20);
}

TEST_CASE("asking often does not slow a slow bucket down") {
    const token_rate rate{.tokens = 1, .per = std::chrono::hours{1}, .burst = 1};
    token_bucket bucket;
    REQUIRE(bucket.take(rate, start));
    for (auto now = start; now < start + 59min; now += 77ms) REQUIRE(!bucket.take(rate, now));
    CHECK(bucket.take(rate, start + 1h + 1ms));
}

TEST_CASE("what is gained between two takes is not lost") {
    const token_rate rate{.tokens = 7, .per = 1s, .burst = 2};
    token_bucket bucket;
    unsigned taken = 0;
    for (auto now = start; now < start + 1000s; now += 1'000'700ns) taken += bucket.take(rate, now);
    CHECK(taken >= 7001);
    CHECK(taken <= 7002);
}

TEST_CASE("a new rate holds from the next call on") {
    token_bucket bucket;
    CHECK(take_all(bucket, {.tokens = 1, .per = 1s, .burst = 5}, start) == 5);
    CHECK(take_all(bucket, {.tokens = 100, .per = 1s, .burst = 50}, start + 100ms) == 10);
    CHECK(take_all(bucket, {.tokens = 100, .per = 1s, .burst = 2}, start + 10s) == 2);
}

TEST_CASE("the largest numbers do not overflow") {
    const token_rate most{.tokens = ~0u, .per = 1ms, .burst = ~0u}, least{.tokens = 1, .per = 24h, .burst = ~0u};
    token_bucket bucket;
    CHECK(bucket.take(most, start));
    CHECK(bucket.take(least, start + 24h * 3650));
    CHECK(bucket.until_full(least, start + 24h * 3650) >= 24h);
}

TEST_CASE("never more than the burst and the rate, and hardly less", "[property]") {
    rc::prop("whenever it is asked", [](std::uint64_t seed) {
        const token_rate rate{.tokens = *rc::gen::inRange(1u, 2000u),
                              .per = milliseconds{*rc::gen::inRange(1, 100'000)},
                              .burst = *rc::gen::inRange(1u, 100u)};
        const double per_ns = rate.tokens / (1e6 * static_cast<double>(rate.per.count()));
        random_source chance{seed};
        token_bucket bucket;
        auto now = start;
        double model = rate.burst;  // the same in floating point
        for (int i = 0; i < 300; ++i) {
            const auto step = nanoseconds{static_cast<std::int64_t>(chance.unit() * 3 / per_ns)};
            now += step;
            model = std::min<double>(rate.burst, model + static_cast<double>(step.count()) * per_ns);
            const auto wait = bucket.until_next(rate, now);
            const bool took = bucket.take(rate, now);
            RC_ASSERT(took == (wait == 0ns));
            if (took) {
                RC_ASSERT(model >= 1 - 1e-6);
                model -= 1;
            } else {
                RC_ASSERT(model <= 1 + 2e-3);
                auto later = bucket;
                RC_ASSERT(!later.take(rate, now + wait - 1ns));
                RC_ASSERT(later.take(rate, now + wait));
            }
        }
    });
}
