#include "lib/resilience/balancer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr balancing all_ways[] = {balancing::least_latency, balancing::p2c, balancing::least_requests,
                                  balancing::round_robin};

std::vector<candidate> with_weights(const std::vector<double>& weights) {
    std::vector<candidate> made;
    for (const auto w : weights) made.push_back({.weight = w});
    return made;
}

std::vector<std::size_t> picks(balancer& b, const std::vector<candidate>& among, std::size_t n, random_source& chance) {
    std::vector<std::size_t> met(among.size());
    for (std::size_t i = 0; i < n; ++i) ++met[b.pick(std::span{among}, chance).value()];
    return met;
}

std::vector<candidate> any_candidates() {
    return *rc::gen::container<std::vector<candidate>>(rc::gen::exec([] {
        candidate c;
        c.weight = *rc::gen::element(0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0);
        c.in_flight = *rc::gen::inRange(0u, 4u);
        c.latency = milliseconds{*rc::gen::inRange(0, 4)};
        c.usable = *rc::gen::inRange(0, 4) != 0;
        c.backup = *rc::gen::inRange(0, 4) == 0;
        c.tried = *rc::gen::inRange(0, 4) == 0;
        return c;
    }));
}

}  // namespace

TEST_CASE("round robin mixes by weight") {
    balancer b{balancing::round_robin};
    random_source chance{1};
    const auto among = with_weights({5, 1, 1});
    std::string order;
    for (int i = 0; i < 7; ++i) order += static_cast<char>('a' + *b.pick(std::span{among}, chance));
    CHECK(order == "aabacaa");
}

TEST_CASE("least requests takes the least loaded for its weight") {
    balancer b{balancing::least_requests};
    random_source chance{1};
    const std::vector<candidate> among{
        {.weight = 1, .in_flight = 2}, {.weight = 4, .in_flight = 7}, {.weight = 1, .in_flight = 5}};
    CHECK(b.pick(std::span{among}, chance) == 1u);
    const std::vector<candidate> one_idle{{.in_flight = 1}, {.in_flight = 0}, {.in_flight = 1}};
    CHECK(b.pick(std::span{one_idle}, chance) == 1u);
    // Two at once: the big one takes the second too, not its small idle neighbour.
    const std::vector<candidate> unlike{{.weight = 100, .in_flight = 1}, {.weight = 1, .in_flight = 0}};
    CHECK(b.pick(std::span{unlike}, chance) == 0u);
}

TEST_CASE("idle servers share light traffic by weight") {
    random_source chance{1};
    for (const auto how : {balancing::least_requests, balancing::p2c, balancing::least_latency}) {
        balancer b{how};
        CHECK(picks(b, with_weights({3, 1}), 400, chance) == std::vector<std::size_t>{300, 100});
    }
}

TEST_CASE("equally busy servers take turns") {
    balancer b{balancing::least_requests};
    random_source chance{1};
    const std::vector<candidate> among{{.in_flight = 3}, {.in_flight = 3}, {.in_flight = 3}, {.in_flight = 9}};
    CHECK(picks(b, among, 30, chance) == std::vector<std::size_t>{10, 10, 10, 0});
}

TEST_CASE("p2c never takes the worst of many, and spreads over the others") {
    balancer b{balancing::p2c};
    random_source chance{1};
    std::vector<candidate> among(10, candidate{.in_flight = 5});
    among[3].in_flight = 6;
    among[7].in_flight = 0;
    const auto met = picks(b, among, 9000, chance);
    CHECK(met[3] == 0);                       // always beside a better one
    CHECK((met[7] > 1600 && met[7] < 2000));  // whenever drawn: in two tenths of the pairs
    for (const std::size_t i : {0, 1, 2, 4, 5, 6, 8, 9}) CHECK((met[i] > 720 && met[i] < 1080));
}

TEST_CASE("p2c looks at few of many") {
    balancer b{balancing::p2c};
    random_source chance{1};
    std::size_t looks = 0;
    const auto at = [&](std::size_t) {
        ++looks;
        return candidate{};
    };
    (void)b.pick({10'000, at}, chance);  // learns the weights
    looks = 0;
    for (int i = 0; i < 100; ++i) (void)b.pick({10'000, at}, chance);
    CHECK(looks <= 500);
}

TEST_CASE("least latency takes the one that does the work soonest") {
    random_source chance{1};
    balancer b{balancing::least_latency};
    const std::vector<candidate> busy{{.in_flight = 4, .latency = 10ms}, {.in_flight = 0, .latency = 60ms}};
    CHECK(picks(b, busy, 10, chance) == std::vector<std::size_t>{10, 0});
    const std::vector<candidate> busier{{.in_flight = 6, .latency = 10ms}, {.in_flight = 0, .latency = 60ms}};
    CHECK(picks(b, busier, 10, chance) == std::vector<std::size_t>{0, 10});
    const std::vector<candidate> heavy{{.weight = 1, .in_flight = 2, .latency = 10ms},
                                       {.weight = 4, .in_flight = 4, .latency = 20ms}};
    CHECK(picks(b, heavy, 10, chance) == std::vector<std::size_t>{0, 10});
}

TEST_CASE("an idle slow server is not taken for an idle fast one") {
    random_source chance{1};
    for (const std::size_t others : {1, 2, 9}) {
        balancer b{balancing::least_latency};
        std::vector<candidate> among(others, candidate{.latency = 10ms});
        among.push_back({.latency = 21ms});
        CHECK(picks(b, among, 1000, chance).back() == 0);
        among.back().latency = 19ms;  // hardly differs: they share
        CHECK(picks(b, among, 1000, chance).back() > 50);
    }
}

TEST_CASE("a server of unknown latency gets its share") {
    random_source chance{1};
    for (const std::size_t others : {1, 2, 9})
        for (const nanoseconds usual : {nanoseconds{100us}, nanoseconds{10s}}) {
            balancer b{balancing::least_latency};
            std::vector<candidate> among(others, candidate{.in_flight = 2, .latency = usual});
            among.push_back({.in_flight = 2});
            const auto met = picks(b, among, 1000, chance).back();
            CHECK((met > 800 / (others + 1) && met < 1200 / (others + 1)));
            among.back().in_flight = 3;
            CHECK(picks(b, among, 1000, chance).back() == 0);
        }
}

TEST_CASE("backups are picked when no other server can be") {
    random_source chance{1};
    for (const auto how : all_ways) {
        balancer b{how};
        std::vector<candidate> among{
            {.in_flight = 9, .latency = 9ms}, {.backup = true}, {.in_flight = 9}, {.backup = true}};
        CHECK(picks(b, among, 100, chance)[1] == 0);
        among[0].usable = false;
        among[2].tried = true;
        const auto met = picks(b, among, 100, chance);
        CHECK(met[1] + met[3] == 100);
        CHECK((met[1] > 20 && met[3] > 20));
        for (auto& c : among) c.tried = true;
        CHECK(b.pick(std::span<const candidate>{among}, chance) == 2u);
    }
}

TEST_CASE("a server that warms up gets the less") {
    random_source chance{1};
    for (const auto how : all_ways) {
        balancer b{how};
        std::vector<candidate> among(5, candidate{.latency = 1ms});
        among[0].weight = 0.1;
        const auto met = picks(b, among, 4100, chance)[0];
        CHECK((met > 50 && met < 150));
    }
}

TEST_CASE("loads that change while they are compared still give a pick") {
    random_source chance{1};
    balancer b{balancing::least_requests};
    unsigned looks = 0;
    const auto at = [&](std::size_t) { return candidate{.in_flight = ++looks}; };
    for (int i = 0; i < 10; ++i) CHECK(b.pick({2, at}, chance));
}

TEST_CASE("p2c keeps idle shares by weight, however the weights differ", "[property]") {
    rc::prop("within the noise of the draw", [](std::uint64_t seed) {
        const auto weights = *rc::gen::container<std::vector<double>>(
            *rc::gen::inRange<std::size_t>(4, 12), rc::gen::element(0.1, 1.0, 1.0, 2.0, 3.0, 10.0, 256.0));
        random_source chance{seed};
        balancer b{balancing::p2c};
        constexpr std::size_t rounds = 4000;
        const auto met = picks(b, with_weights(weights), rounds, chance);
        const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const double share = weights[i] / total, expected = rounds * share;
            const double deviation = std::sqrt(expected * (1 - share));
            RC_ASSERT(std::abs(static_cast<double>(met[i]) - expected) <= 6 * deviation + 2);
        }
    });
}

TEST_CASE("round robin is exact over a round", "[property]") {
    rc::prop("each gets its weight in every run of sum-of-weights picks", [] {
        const auto weights =
            *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(rc::gen::element(1.0, 2.0, 3.0, 5.0, 8.0)));
        const auto skipped = *rc::gen::inRange<std::size_t>(0, 20);
        random_source chance{1};
        balancer b{balancing::round_robin};
        const auto among = with_weights(weights);
        (void)picks(b, among, skipped, chance);
        const auto round = std::accumulate(weights.begin(), weights.end(), 0.0);
        const auto met = picks(b, among, static_cast<std::size_t>(round), chance);
        for (std::size_t i = 0; i < weights.size(); ++i) RC_ASSERT(met[i] == weights[i]);
    });
}

TEST_CASE("only the usable are picked, backups late, the tried last", "[property]") {
    rc::prop("in every way, for any candidates, again and again", [](std::uint64_t seed) {
        random_source chance{seed};
        for (const auto how : all_ways) {
            balancer b{how};
            for (int round = 0; round < 5; ++round) {
                const auto among = any_candidates();
                const auto usable = [](const candidate& c) { return c.usable && c.weight > 0; };
                const auto fresh = [&](const candidate& c) { return usable(c) && !c.tried; };
                const auto regular = [&](const candidate& c) { return usable(c) && !c.backup; };
                const auto chosen = b.pick(std::span{among}, chance);
                RC_ASSERT(chosen.has_value() == std::any_of(among.begin(), among.end(), usable));
                if (!chosen) continue;
                RC_ASSERT(*chosen < among.size());
                RC_ASSERT(usable(among[*chosen]));
                RC_ASSERT(!among[*chosen].tried || std::none_of(among.begin(), among.end(), fresh));
                if (!among[*chosen].backup) continue;
                // Only one that is tried as well may be passed over for a backup.
                for (const auto& c : among) RC_ASSERT(!regular(c) || (c.tried && !among[*chosen].tried));
            }
        }
    });
}

TEST_CASE("least requests takes no one while a cheaper one is there", "[property]") {
    rc::prop("unless both are idle", [](std::uint64_t seed) {
        random_source chance{seed};
        balancer b{balancing::least_requests};
        auto among = any_candidates();
        for (auto& c : among) c.tried = c.backup = false;
        const auto chosen = b.pick(std::span<const candidate>{among}, chance);
        if (!chosen) return;
        const auto& taken = among[*chosen];
        for (const auto& c : among)
            if (c.usable && c.weight > 0 && (c.in_flight > 0 || taken.in_flight > 0))
                RC_ASSERT((taken.in_flight + 1) / taken.weight <= (c.in_flight + 1) / c.weight);
    });
}
