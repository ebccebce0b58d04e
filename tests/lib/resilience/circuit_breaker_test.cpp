#include "lib/resilience/circuit_breaker.hpp"

#include <set>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;
using state = circuit_breaker::state;
using cause = circuit_breaker::cause;

namespace {

constexpr time_point start{std::chrono::hours{1}};

/// A breaker, the time and some shorthand.
struct bench {
    circuit_breaker breaker;
    time_point now = start;
    random_source chance{1};

    explicit bench(const breaker_policy& policy = {}) : breaker{policy, start} {}

    state at() const { return breaker.at(now); }
    bool allows() { return breaker.allows(now, chance); }
    void report(circuit_breaker::ticket t, outcome how, nanoseconds took = 1ms) {
        breaker.report(t, how, took, now, chance);
    }
    void one(outcome how, nanoseconds took = 1ms) { report(breaker.begin(now), how, took); }
    void some(int n, outcome how, nanoseconds took = 1ms) {
        for (int i = 0; i < n; ++i) one(how, took);
    }
    nanoseconds open_for() const { return breaker.open_for(now); }
    void wait_half_open() {
        now += open_for();
        REQUIRE(at() == state::half_open);
    }
    void trip() {
        some(5, outcome::bad);
        REQUIRE(at() == state::open);
    }
    void trip_and_wait() {
        trip();
        wait_half_open();
    }
};

}  // namespace

TEST_CASE("a breaker opens after failures in a row") {
    bench b;
    b.some(4, outcome::bad);
    b.one(outcome::good);
    b.some(4, outcome::bad);
    CHECK(b.at() == state::closed);
    b.one(outcome::bad);
    CHECK(b.at() == state::open);
    CHECK_FALSE(b.allows());
    CHECK(b.breaker.why() == cause::streak);
    CHECK(b.breaker.changes(cause::streak) == 1);
    CHECK(b.breaker.opened() == 1);
}

TEST_CASE("a breaker opens when half of enough requests fail") {
    bench b;
    for (int i = 0; i < 9; ++i) b.one(outcome::good), b.one(outcome::bad);
    CHECK(b.at() == state::closed);
    b.one(outcome::good);
    b.one(outcome::bad);  // 10 of 20
    CHECK(b.at() == state::open);
    CHECK(b.breaker.why() == cause::share);
}

TEST_CASE("what is older than ten seconds does not count") {
    bench b;
    for (int i = 0; i < 9; ++i) b.one(outcome::good), b.one(outcome::bad);
    b.now += 10s;
    b.one(outcome::good);
    b.one(outcome::bad);
    CHECK(b.at() == state::closed);
}

TEST_CASE("a breaker opens when most tries are slow") {
    bench b{{.slow = 100ms}};
    b.some(4, outcome::good);
    b.some(15, outcome::good, 100ms);
    CHECK(b.at() == state::closed);
    b.one(outcome::good, 100ms);  // 16 of 20
    CHECK(b.at() == state::open);
    CHECK(b.breaker.why() == cause::slow);

    bench no_rule;
    no_rule.some(100, outcome::good, 1h);
    CHECK(no_rule.at() == state::closed);
}

TEST_CASE("clients that wait longer than slow and leave are slow tries, others are nothing") {
    bench b{{.slow = 100ms}};
    b.some(100, outcome::ignored, 99ms);
    b.some(19, outcome::ignored, 100ms);
    CHECK(b.at() == state::closed);
    b.one(outcome::ignored, 100ms);
    CHECK(b.at() == state::open);
}

TEST_CASE("429 counts in the share, not in the streak") {
    bench b;
    b.some(9, outcome::limited);
    CHECK(b.at() == state::closed);
    b.some(10, outcome::good);
    b.one(outcome::limited);
    CHECK(b.at() == state::open);
    CHECK(b.breaker.why() == cause::share);
}

TEST_CASE("a breaker that is off opens by order only") {
    bench b{{.on = false}};
    b.some(1000, outcome::bad);
    CHECK(b.allows());
    b.breaker.force_open(b.now);
    CHECK_FALSE(b.allows());
    b.breaker.reset(b.now);
    CHECK(b.allows());
}

TEST_CASE("the open interval doubles with each failed probe, up to the most") {
    bench b;
    b.trip();
    for (const auto d : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s}) {
        CHECK(b.open_for() >= d / 2.0);
        CHECK(b.open_for() <= d);
        b.now += b.open_for() - 1ns;
        CHECK_FALSE(b.allows());
        b.now += 1ns;
        CHECK(b.allows());
        b.one(outcome::bad);
        CHECK(b.breaker.why() == cause::probe_failed);
    }
}

TEST_CASE("a flapping server does not start from the beginning, one that has been calm does") {
    const auto reopened_after = [](nanoseconds calm) {
        bench b;
        b.trip_and_wait();
        b.one(outcome::bad);  // 2 s
        b.wait_half_open();
        b.some(2, outcome::good);
        b.now += 4s;  // the ramp
        REQUIRE(b.at() == state::closed);
        b.now += calm;
        b.trip();
        return b.open_for();
    };
    CHECK(reopened_after(29s) > 2s - 1ms);  // of 4 s
    CHECK(reopened_after(29s) <= 4s);
    CHECK(reopened_after(30s) <= 2s);
    CHECK(reopened_after(60s) <= 1s);
    CHECK(reopened_after(10h) <= 1s);
}

TEST_CASE("several proxies spread out") {
    std::set<nanoseconds> met;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        bench b;
        b.chance = random_source{seed};
        b.trip();
        met.insert(b.open_for() / 1ms * 1ms);
    }
    CHECK(met.size() > 80);
}

TEST_CASE("two probes in a row, then a ramp") {
    bench b;
    b.trip_and_wait();
    const auto first = b.breaker.begin(b.now);
    CHECK(first.probe);
    CHECK_FALSE(b.allows());
    b.report(first, outcome::good);
    CHECK(b.at() == state::half_open);
    CHECK(b.allows());
    const auto second = b.breaker.begin(b.now);
    CHECK(second.probe);
    b.report(second, outcome::alive);  // a 4xx is a sign of life
    CHECK(b.at() == state::ramp);
    CHECK(b.breaker.why() == cause::recovered);
    CHECK(b.breaker.probes() == 2);

    for (const int permille : {100, 250, 500, 1000}) {
        int allowed = 0;
        for (int ms = 0; ms < 1000; ++ms) {
            allowed += b.allows();
            b.now += 1ms;
        }
        CHECK(allowed >= permille * 7 / 10);
        CHECK(allowed <= permille * 13 / 10);
    }
    CHECK(b.at() == state::closed);
    CHECK(b.breaker.in_state(b.now + 3s) == 3s);
}

TEST_CASE("in the ramp, whoever asks twice gets the same answer, and servers take different turns") {
    bench b, other;
    other.chance = random_source{2};
    int differ = 0;
    for (auto* one : {&b, &other}) {
        one->trip();
        one->breaker.check_passed(one->now);
        one->some(2, outcome::good);
    }
    for (int ms = 0; ms < 3'000; ++ms) {
        const bool allowed = b.allows();
        for (int i = 0; i < 5; ++i) REQUIRE(b.allows() == allowed);
        differ += other.allows() != allowed;
        b.now += 1ms;
        other.now += 1ms;
    }
    CHECK(differ > 500);
}

TEST_CASE("failures in the ramp open it again, for longer") {
    bench b;
    b.trip_and_wait();
    b.some(2, outcome::good);
    b.now += 3s;
    REQUIRE(b.at() == state::ramp);
    b.trip();
    CHECK(b.open_for() >= 1s);
}

TEST_CASE("results of the ramp count when it is over") {
    bench b;
    b.trip_and_wait();
    b.some(2, outcome::good);
    std::vector<circuit_breaker::ticket> tries;
    for (int i = 0; i < 5; ++i) tries.push_back(b.breaker.begin(b.now));
    b.now += 10s;
    REQUIRE(b.at() == state::closed);
    for (const auto t : tries) b.report(t, outcome::bad);
    CHECK(b.at() == state::open);
}

TEST_CASE("a probe that is limited or slow fails") {
    for (const auto how : {outcome::limited, outcome::good}) {
        bench b{{.slow = 100ms}};
        b.trip_and_wait();
        b.one(how, how == outcome::good ? 100ms : 1ms);
        CHECK(b.at() == state::open);
    }
}

TEST_CASE("a server may ask for a longer pause, but not for a shorter or an endless one") {
    bench b;
    b.breaker.retry_after(100s, b.now);
    CHECK(b.at() == state::closed);
    b.trip();
    b.breaker.retry_after(0s, b.now);
    CHECK(b.open_for() >= 500ms);
    b.breaker.retry_after(100s, b.now);
    CHECK(b.open_for() == 100s);
    b.breaker.retry_after(50s, b.now);
    CHECK(b.open_for() == 100s);
    b.breaker.retry_after(std::chrono::seconds::max(), b.now);
    CHECK(b.open_for() == 300s);
}

TEST_CASE("a passed check ends the interval, and probes follow") {
    bench b;
    b.trip();
    b.breaker.check_passed(b.now);
    CHECK(b.at() == state::half_open);
    CHECK(b.breaker.begin(b.now).probe);
    b.breaker.check_passed(b.now);
    CHECK_FALSE(b.allows());  // still one at a time
}

TEST_CASE("orders hold whatever happens") {
    bench b;
    b.breaker.force_open(b.now);
    b.now += 1h;
    b.some(10, outcome::good);
    b.breaker.check_passed(b.now);
    CHECK(b.at() == state::forced_open);
    CHECK_FALSE(b.allows());
    b.breaker.force_close(b.now);
    b.some(100, outcome::bad);
    CHECK(b.at() == state::forced_closed);
    CHECK(b.allows());
    b.breaker.reset(b.now);
    CHECK(b.at() == state::closed);
    CHECK(b.allows());
    b.trip();
    CHECK(b.open_for() <= 1s);
}

// ---- what went wrong elsewhere ----

TEST_CASE("a probe that never reports does not keep the breaker half open for days") {
    bench b;
    b.trip_and_wait();
    (void)b.breaker.begin(b.now);
    b.now += 5s - 1ns;
    CHECK_FALSE(b.allows());
    b.now += 1ns;
    CHECK_FALSE(b.allows());  // failed as of now: a new interval
    CHECK(b.breaker.why() == cause::probe_lost);
    b.wait_half_open();
    CHECK(b.allows());
}

TEST_CASE("a lost probe that is noticed late costs no further interval") {
    bench b;
    b.trip_and_wait();
    (void)b.breaker.begin(b.now);
    b.now += 1h;
    CHECK(b.allows());
    CHECK(b.breaker.begin(b.now).probe);
}

TEST_CASE("a probe that is dropped without a verdict has failed") {
    bench b;
    b.trip_and_wait();
    b.breaker.abandon(b.breaker.begin(b.now), b.now, b.chance);
    CHECK(b.at() == state::open);
    CHECK(b.breaker.opened() == 2);
}

TEST_CASE("a dropped try that is no probe is nothing") {
    bench b;
    for (int i = 0; i < 100; ++i) b.breaker.abandon(b.breaker.begin(b.now), b.now, b.chance);
    CHECK(b.at() == state::closed);
}

TEST_CASE("4xx frees the probe's place, but does not hide an outage") {
    bench b;
    for (int i = 0; i < 4; ++i) b.one(outcome::bad), b.one(outcome::alive);
    b.one(outcome::bad);
    CHECK(b.at() == state::open);  // a streak, with 4xx between
    b.wait_half_open();
    b.one(outcome::alive);
    CHECK(b.allows());
}

TEST_CASE("what weir itself refuses fails no probe, and passes none") {
    bench b;
    b.trip_and_wait();
    for (int i = 0; i < 100; ++i) {
        REQUIRE(b.allows());
        const auto t = b.breaker.begin(b.now);
        REQUIRE(t.probe);
        b.report(t, outcome::ignored);
        REQUIRE(b.at() == state::half_open);
    }
    b.one(outcome::good);
    b.one(outcome::ignored);
    b.one(outcome::good);
    CHECK(b.at() == state::ramp);
}

TEST_CASE("a late answer of an old try decides nothing") {
    bench b;
    const auto old = b.breaker.begin(b.now), older = b.breaker.begin(b.now);
    b.trip_and_wait();
    const auto probe = b.breaker.begin(b.now);
    b.report(old, outcome::good);
    b.report(older, outcome::bad);
    CHECK(b.breaker.ignored() == 2);
    CHECK(b.at() == state::half_open);
    b.report(probe, outcome::good);
    b.one(outcome::good);
    CHECK(b.at() == state::ramp);
}

TEST_CASE("the answer of a lost probe is not taken for the next one's") {
    bench b;
    b.trip_and_wait();
    const auto lost = b.breaker.begin(b.now);
    b.now += 5s;
    CHECK_FALSE(b.allows());
    b.wait_half_open();
    const auto next = b.breaker.begin(b.now);
    b.report(lost, outcome::bad);
    CHECK(b.at() == state::half_open);
    CHECK_FALSE(b.allows());  // `next` is still out
    b.report(next, outcome::good);
    CHECK(b.allows());
}

TEST_CASE("half open admits one, whatever the load") {
    bench b;
    b.trip_and_wait();
    int admitted = 0;
    for (int i = 0; i < 10'000; ++i)
        if (b.allows()) {
            ++admitted;
            (void)b.breaker.begin(b.now);
        }
    CHECK(admitted == 1);
}

TEST_CASE("tries that overrule an open breaker have no say, but are the probe when one is due") {
    bench b;
    b.trip();
    b.some(10, outcome::good);
    b.some(10, outcome::bad);
    CHECK(b.breaker.opened() == 1);
    b.wait_half_open();
    const auto probe = b.breaker.begin(b.now), beside = b.breaker.begin(b.now);
    CHECK(probe.probe);
    CHECK_FALSE(beside.probe);
    b.report(beside, outcome::bad);
    CHECK(b.at() == state::half_open);
}

TEST_CASE("words of a breaker differ") {
    std::set<std::string_view> words;
    for (int i = 0; i <= static_cast<int>(state::forced_closed); ++i) words.insert(word(static_cast<state>(i)));
    CHECK(words.size() == 6);
    words.clear();
    for (int i = 0; i <= static_cast<int>(cause::reset); ++i) words.insert(word(static_cast<cause>(i)));
    CHECK(words.size() == 10);
}
