#include "lib/resilience/keyed_limit.hpp"

#include <map>

#include "lib/resilience/random.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{std::chrono::hours{1}};
constexpr token_rate ten_a_minute{.tokens = 10, .per = 60s, .burst = 10};

int allowed(keyed_limit& limit, std::uint64_t key, int times, time_point now) {
    int n = 0;
    for (int i = 0; i < times; ++i) n += !limit.take(key, now);
    return n;
}

}  // namespace

TEST_CASE("each key has its own rate, and is told when to come back") {
    keyed_limit limit{ten_a_minute, 1024, 1};
    CHECK(allowed(limit, 1, 50, start) == 10);
    CHECK(allowed(limit, 2, 50, start) == 10);
    CHECK(limit.take(1, start) == 6s);
    CHECK(limit.take(1, start + 5500ms) == 1s);
    CHECK(!limit.take(1, start + 6s));
    keyed_limit fast{{.tokens = 1000, .per = 1s, .burst = 10}, 1024, 1};
    REQUIRE(allowed(fast, 3, 50, start) == 10);
    CHECK(fast.take(3, start) == 1s);  // a millisecond, rounded up
}

TEST_CASE("the key 0 is one like the others") {
    keyed_limit limit{ten_a_minute, 8, 1};
    CHECK(allowed(limit, 0, 50, start) == 10);
    for (std::uint64_t key = 1; key < 8; ++key) CHECK(allowed(limit, key, 50, start) == 10);
    CHECK(allowed(limit, 0, 50, start) == 0);
}

TEST_CASE("places are rounded up") {
    CHECK(keyed_limit{ten_a_minute, 0, 1}.places() == 8);
    CHECK(keyed_limit{ten_a_minute, 9, 1}.places() == 16);
    CHECK(keyed_limit{ten_a_minute, 1000, 1}.places() == 1024);
}

TEST_CASE("one at its limit is not forgotten for newcomers, who are") {
    keyed_limit limit{ten_a_minute, 8, 1};
    CHECK(allowed(limit, 1, 50, start) == 10);
    for (std::uint64_t key = 100; key < 10'000; ++key) REQUIRE(!limit.take(key, start));
    CHECK(allowed(limit, 1, 50, start) == 0);
    CHECK(allowed(limit, 100, 50, start) == 10);  // had 9 left
}

TEST_CASE("with room for all it is a map of buckets", "[property]") {
    rc::prop("whatever comes, and when", [](std::uint64_t seed) {
        random_source chance{seed};
        const token_rate rate{.tokens = 1 + chance.below(10), .per = 1s, .burst = 1 + chance.below(10)};
        keyed_limit limit{rate, 4096, seed};  // 16 keys: nine of them in one of 512 sets will not happen
        std::map<std::uint64_t, token_bucket> model;
        auto now = start;
        for (int i = 0; i < 500; ++i) {
            now += milliseconds{chance.below(50)};
            const std::uint64_t key = chance.below(16);
            RC_ASSERT(limit.take(key, now).has_value() == !model[key].take(rate, now));
        }
    });
}
