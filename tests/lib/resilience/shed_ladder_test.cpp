#include "lib/resilience/shed_ladder.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lib/resilience/pressure.hpp"
#include "lib/resilience/random.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

constexpr time_point start{std::chrono::hours{1}};
constexpr auto critical = priority_class::critical, normal = priority_class::normal,
               sheddable = priority_class::sheddable;
constexpr unsigned users = 2000;

/// The share of the users of this class who are refused.
double refused(shed_ladder& ladder, priority_class cls, time_point now) {
    unsigned n = 0;
    for (unsigned user = 0; user < users; ++user) n += ladder.refuse(cls, user, now);
    return n / static_cast<double>(users);
}

shed_ladder settled(double pressure, nanoseconds for_so_long = 20s) {
    shed_ladder ladder;
    for (auto now = start - for_so_long; now <= start; now += 50ms) ladder.update(pressure, 0, now);
    return ladder;
}

}  // namespace

TEST_CASE("the steps come in order, each from its threshold on") {
    constexpr double from[shed_steps] = {0.2, 0.3, 0.4, 0.5, 0.7, 0.85, 0.95};
    for (std::size_t i = 0; i < shed_steps; ++i) {
        shed_ladder ladder;
        ladder.update(from[i] - 0.001, 0, start);
        for (std::size_t j = 0; j < shed_steps; ++j) CHECK(ladder.on(static_cast<shed_step>(j)) == (j < i));
        ladder.update(from[i], 0, start);
        for (std::size_t j = 0; j < shed_steps; ++j) {
            CHECK(ladder.on(static_cast<shed_step>(j)) == (j <= i));
            CHECK(ladder.taken(static_cast<shed_step>(j)) == (j <= i));
        }
    }
}

TEST_CASE("at ease nothing is given up") {
    shed_ladder ladder;
    ladder.update(0.19, 0, start);
    CHECK(ladder.hedges_allowed());
    CHECK(ladder.idle_timeout_scale() == 1);
    CHECK(!ladder.close_idle());
    CHECK(!ladder.retry_reserve_off());
    CHECK(refused(ladder, sheddable, start) == 0);
    CHECK(!ladder.refuse_before_parsing());
    CHECK(!ladder.pause_accept());
    CHECK(!ladder.reset_largest_buffers());
}

TEST_CASE("idle timeouts shrink with pressure") {
    CHECK(settled(0.3).idle_timeout_scale() == 1);
    CHECK(std::abs(settled(0.625).idle_timeout_scale() - 0.55) < 1e-6);
    CHECK(std::abs(settled(0.95).idle_timeout_scale() - 0.1) < 1e-6);
    CHECK(std::abs(settled(1).idle_timeout_scale() - 0.1) < 1e-6);
}

TEST_CASE("classes are refused lowest first") {
    for (const auto [pressure, most, middle, least] :
         {std::array{0.49, 0.0, 0.0, 0.0}, std::array{0.5, 0.0, 0.0, 1.0}, std::array{0.69, 0.0, 0.0, 1.0},
          std::array{0.84, 0.0, 1.0, 1.0}, std::array{0.85, 1.0, 1.0, 1.0}}) {
        auto ladder = settled(pressure);
        CHECK(refused(ladder, critical, start) == most);
        CHECK(refused(ladder, normal, start) == middle);
        CHECK(refused(ladder, sheddable, start) == least);
        CHECK(ladder.refused(normal) == middle * users);
    }
}

TEST_CASE("buffers are reset when memory is what is short") {
    shed_ladder ladder;
    ladder.update(1, 0.5, start);
    CHECK(ladder.pause_accept());
    CHECK(!ladder.reset_largest_buffers());
    ladder.update(1, 0.95, start);
    CHECK(ladder.reset_largest_buffers());
}

TEST_CASE("a user is in or out for a minute, and not for ever") {
    auto ladder = settled(0.8, 6s);
    const auto share = ladder.refused_share();
    REQUIRE(std::abs(share - 0.35) < 1e-6);  // 6 s of 0.5 times 0.1, and half of 0.1
    CHECK(std::abs(refused(ladder, normal, start) - share) < 0.05);

    std::vector<unsigned> changes(users);
    unsigned at_most_at_once = 0;
    std::vector<bool> out(users);
    for (unsigned user = 0; user < users; ++user) out[user] = ladder.refuse(normal, user, start);
    for (auto second = 1; second <= 600; ++second) {
        unsigned at_once = 0;
        for (unsigned user = 0; user < users; ++user) {
            const bool now_out = ladder.refuse(normal, user, start + std::chrono::seconds{second});
            if (now_out != out[user]) ++changes[user], ++at_once;
            out[user] = now_out;
        }
        at_most_at_once = std::max(at_most_at_once, at_once);
    }
    CHECK(*std::ranges::max_element(changes) <= 10);      // once a minute
    CHECK(std::ranges::count(changes, 0u) < users / 20);  // 0.35^11 + 0.65^11 stay as they were
    CHECK(at_most_at_once < users / 50);                  // not all at the same moment
}

TEST_CASE("the more is refused the same users are still out") {
    auto some = settled(0.8, 4s), more = settled(0.8, 8s);
    for (unsigned user = 0; user < users; ++user)
        if (some.refuse(normal, user, start)) CHECK(more.refuse(normal, user, start));
}

TEST_CASE("the share is kept for a while and then let go") {
    auto ladder = settled(0.84);
    auto now = start;
    const auto run = [&](double pressure, nanoseconds how_long) {
        for (const auto end = now + how_long; now < end;) ladder.update(pressure, 0, now += 50ms);
        return ladder.refused_share();
    };
    CHECK(ladder.refused_share() == 1);
    CHECK(run(0.6, 1s) > 0.95);
    CHECK(run(0.1, 1s) > 0);
    CHECK(ladder.refuse(sheddable, 1, now));
    CHECK(run(0.1, 1s) == 0);
    CHECK(!ladder.refuse(sheddable, 1, now));
}

TEST_CASE("a healthy loop under full load is left alone") {
    pressure strain{{}};
    shed_ladder ladder;
    for (auto now = start; now < start + 60s; now += 50ms) {
        ladder.update(strain.update({.loop_delay = 4900us, .busy_share = 1}, now), 0, now);
        REQUIRE(!ladder.close_idle());
        REQUIRE(refused(ladder, sheddable, now) == 0);
    }
    CHECK(!ladder.hedges_allowed());
}

namespace {

constexpr double refusal_cost = 0.02;  // of a request

/// A loop that does one second of work a second, with normal requests coming for about so many. Whatever is accepted
/// waits for its turn, which is the loop's delay.
struct worker {
    explicit worker(std::uint64_t seed) : chance{seed} {}

    pressure strain{{}};
    shed_ladder ladder;
    random_source chance;
    time_point now = start;
    double backlog = 0, most_backlog = 0;  // seconds of work
    double served = 0;

    /// Share of the time that went into requests.
    double run(double mean_load, nanoseconds how_long) {
        constexpr double step = 0.05;
        served = most_backlog = 0;
        for (const auto end = now + how_long; now < end;) {
            const auto load = mean_load * (0.8 + 0.4 * chance.unit());
            const auto share = ladder.refuse_before_parsing() ? 1 : ladder.refused_share();
            const auto refusing = std::min(step, refusal_cost * load * share * step);
            backlog += load * (1 - share) * step;
            const auto done = std::min(backlog, step - refusing);
            backlog -= done;
            most_backlog = std::max(most_backlog, backlog);
            served += done;
            now += 50ms;
            const auto delay = nanoseconds{static_cast<std::int64_t>(backlog * 1e9)};
            ladder.update(strain.update({.loop_delay = delay, .busy_share = done / step}, now), 0, now);
        }
        return served / std::chrono::duration<double>{how_long}.count();
    }
};

}  // namespace

TEST_CASE("under too much load a share is refused and the processor kept at work", "[property]") {
    rc::prop("and all is served again soon after", [](std::uint64_t seed) {
        for (const double load : {1.2, 2.0, 3.0, 5.0, 10.0}) {
            worker w{seed};
            w.run(load, 10s);
            const auto best = std::min(1.0, (1 - load * refusal_cost) / (1 - refusal_cost));
            const auto goodput = w.run(load, 60s) / best;
            RC_ASSERT(goodput >= 0.8);
            RC_ASSERT(w.most_backlog < 0.2);
            w.run(0.5, 5s);
            RC_ASSERT(w.ladder.refused_share() == 0);
            RC_ASSERT(w.ladder.hedges_allowed());
        }
    });
}

TEST_CASE("no class is refused while a lower one is served", "[property]") {
    rc::prop("whatever the pressure, and the share within 0 to 1", [] {
        shed_ladder ladder;
        auto now = start;
        for (int i = 0; i < 100; ++i) {
            const auto pressure = *rc::gen::inRange(0, 1001) / 1000.0;
            ladder.update(pressure, *rc::gen::inRange(0, 1001) / 1000.0,
                          now += milliseconds{*rc::gen::inRange(0, 300)});
            const auto user = *rc::gen::arbitrary<std::uint64_t>();
            const bool most = ladder.refuse(critical, user, now), middle = ladder.refuse(normal, user, now),
                       least = ladder.refuse(sheddable, user, now);
            RC_ASSERT(most <= middle);
            RC_ASSERT(middle <= least);
            RC_ASSERT(least == (pressure >= 0.5 || ladder.refused_share() > 0));
            RC_ASSERT(most == ladder.refuse_before_parsing());
            RC_ASSERT(ladder.refused_share() >= 0);
            RC_ASSERT(ladder.refused_share() <= 1);
            RC_ASSERT(ladder.idle_timeout_scale() >= 0.1 - 1e-9);
            RC_ASSERT(ladder.idle_timeout_scale() <= 1);
        }
    });
}

TEST_CASE("every step has a word of its own") {
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < shed_steps; ++i) words.push_back(word(static_cast<shed_step>(i)));
    std::ranges::sort(words);
    CHECK(!words.front().empty());
    CHECK(std::ranges::adjacent_find(words) == words.end());
}
