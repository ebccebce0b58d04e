#include "lib/resilience/backoff.hpp"

#include <algorithm>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("backoff is spread over the whole interval, which doubles up to the most") {
    const backoff_policy policy{.first = 25ms, .most = 1s};
    random_source chance{1};
    const std::pair<unsigned, nanoseconds> intervals[] = {{0, 25ms},  {1, 50ms}, {2, 100ms},
                                                          {5, 800ms}, {6, 1s},   {~0u, 1s}};
    for (const auto& [retries, longest] : intervals) {
        std::vector<nanoseconds> waits(1000);
        for (auto& wait : waits) wait = backoff(policy, retries, chance);
        const auto [least, most] = std::minmax_element(waits.begin(), waits.end());
        CHECK(*least < longest / 50);
        CHECK(*most > longest - longest / 50);
        CHECK(*most <= longest);
        const auto below_half = std::count_if(waits.begin(), waits.end(), [&](auto w) { return w < longest / 2; });
        CHECK((below_half > 400 && below_half < 600));
    }
}

TEST_CASE("backoff stays within what the policy says", "[property]") {
    rc::prop("for any policy", [](std::uint64_t seed, std::uint32_t first, std::uint32_t most, std::uint16_t retries) {
        random_source chance{seed};
        const auto wait = backoff({.first = milliseconds{first}, .most = milliseconds{most}}, retries, chance);
        RC_ASSERT(wait >= 0ns);
        RC_ASSERT(wait <= milliseconds{most});
        if (retries == 0) RC_ASSERT(wait <= milliseconds{first});
    });
    random_source chance{1};
    CHECK(backoff({.first = 0ms, .most = 1s}, 1000, chance) == 0ns);
}
