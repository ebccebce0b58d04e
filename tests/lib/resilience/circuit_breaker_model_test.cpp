// The breaker beside a plain model of it: lists instead of counters, every rule spelled out, time looked at event by event.
#include <optional>
#include <utility>
#include <vector>

#include "lib/resilience/circuit_breaker.hpp"
#include "tests/support/property.hpp"

using namespace weir;
using state = circuit_breaker::state;

namespace {

constexpr time_point start{std::chrono::hours{1}};
const breaker_policy with_slow{.failures = 4, .min_requests = 8, .slow = 100ms, .slow_permille = 750};

struct open_try {
    circuit_breaker::ticket ticket;
    std::size_t era;  // of the model: changes with every transition
    bool probe;
};

struct model {
    struct result {
        std::int64_t second;
        outcome how;
        bool slow;
    };
    state is = state::closed;
    std::size_t era = 0;
    time_point since = start;
    std::optional<time_point> lease_end;
    time_point open_until{};
    int passed = 0;
    int level = 0;
    bool opened = false;  // by the last event, and the interval is still to be taken from the breaker
    time_point opened_at{};
    std::vector<result> results;

    void change(state to, time_point now) {
        is = to;
        ++era;
        since = now;
        lease_end.reset();
        passed = 0;
        if (to != state::closed) results.clear();
    }
    void open(time_point now) {
        if (is == state::closed)
            for (auto calm = now - since; calm >= 30s && level > 0; calm -= 30s) --level;
        change(state::open, now);
        opened = true;
        opened_at = now;
    }
    nanoseconds longest_interval() const {
        nanoseconds d = 1s;
        for (int i = 0; i < level; ++i) d *= 2;
        return std::min<nanoseconds>(d, 60s);
    }
    void pass_time(time_point now) {
        if (is == state::half_open && lease_end && now >= *lease_end) open(*lease_end);
    }
    /// Time alone; after an open interval is known.
    void drift(time_point now) {
        if (is == state::open && now >= open_until) is = state::half_open, since = open_until;
        if (is == state::ramp && now >= since + 4s) is = state::closed, since += 4s;
    }
    void report(const open_try& t, outcome how, bool slow, time_point now) {
        if (t.era != era) return;
        const bool failed = how == outcome::bad || how == outcome::limited;
        if (is == state::half_open) {
            if (!t.probe || !lease_end) return;
            lease_end.reset();
            if (failed || slow) open(now);
            else if (how != outcome::ignored && ++passed == 2) change(state::ramp, now);
        } else if (is == state::closed || is == state::ramp) {
            if (how == outcome::ignored && !slow) return;
            results.push_back({now.time_since_epoch() / 1s, how, slow});
            unsigned streak = 0, total = 0, bad = 0, slow_ones = 0;
            for (auto r = results.rbegin(); r != results.rend() && r->how != outcome::good; ++r)
                streak += r->how == outcome::bad;
            for (const auto& r : results)
                if (r.second > now.time_since_epoch() / 1s - 10) {
                    ++total;
                    bad += r.how == outcome::bad || r.how == outcome::limited;
                    slow_ones += r.slow;
                }
            if (how == outcome::bad && streak >= with_slow.failures) open(now);
            else if (total >= with_slow.min_requests && failed && 2 * bad >= total) open(now);
            else if (total >= with_slow.min_requests && slow && 4 * slow_ones >= 3 * total) open(now);
        }
    }
};

/// Of the full range, whatever the size of the case.
int any_below(int end) { return *rc::gen::resize(100, rc::gen::inRange(0, end)); }

/// Runs random events through both; checks after each.
struct run {
    circuit_breaker breaker{with_slow, start};
    model expected;
    random_source chance;
    time_point now = start;
    std::vector<open_try> out;
    // How the server is just now; else most runs would see nothing but openings.
    bool sick = false, sluggish = false;

    explicit run(std::uint64_t seed) : chance{seed} {}

    /// What the breaker drew is not for the model to know; that it is in the right half is.
    void learn_interval() {
        if (std::exchange(expected.opened, false)) {
            const auto drawn = breaker.open_for(expected.opened_at);
            const auto longest = expected.longest_interval();
            RC_ASSERT(drawn >= longest / 2);
            RC_ASSERT(drawn <= longest);
            if (longest < 60s) ++expected.level;
            expected.open_until = expected.opened_at + drawn;
        }
        expected.drift(now);
    }
    /// allows() makes the breaker notice a lost probe.
    bool look() {
        const bool allowed = breaker.allows(now, chance);
        expected.pass_time(now);
        learn_interval();
        RC_ASSERT(breaker.at(now) == expected.is);
        RC_ASSERT(breaker.in_state(now) == now - expected.since);
        if (expected.is == state::open) RC_ASSERT(!allowed);
        if (expected.is == state::half_open) RC_ASSERT(allowed == !expected.lease_end.has_value());
        if (expected.is == state::closed) RC_ASSERT(allowed);
        return allowed;
    }
    void begin() {
        const auto generation = breaker.generation();
        const auto t = breaker.begin(now);
        const bool due = expected.is == state::half_open && !expected.lease_end;
        RC_ASSERT(t.probe == due);
        RC_ASSERT(t.generation == breaker.generation());
        RC_ASSERT(breaker.generation() == generation + due);
        if (due) {
            ++expected.era;
            expected.lease_end = now + 5s;
        }
        out.push_back({t, expected.era, due});
    }
    void end(bool abandoned) {
        if (out.empty()) return;
        const auto i = static_cast<std::size_t>(any_below(static_cast<int>(out.size())));
        const auto t = out[i];
        out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
        const auto before = breaker.generation();
        const bool lost = expected.lease_end && now >= *expected.lease_end;
        expected.pass_time(now);
        if (abandoned) {
            breaker.abandon(t.ticket, now, chance);
            if (t.probe && t.era == expected.era && expected.lease_end) expected.open(now);
        } else {
            constexpr outcome when_sick[] = {outcome::bad,   outcome::bad,     outcome::bad, outcome::limited,
                                             outcome::alive, outcome::ignored, outcome::good};
            constexpr outcome when_well[] = {outcome::good, outcome::alive, outcome::ignored};
            const auto how = any_below(50) == 0 ? outcome::bad
                             : sick             ? when_sick[any_below(7)]
                                                : when_well[any_below(3)];
            const bool slow = sluggish && any_below(10) > 0;
            breaker.report(t.ticket, how, slow ? 100ms : 99ms, now, chance);
            expected.report(t, how, slow, now);
        }
        if (t.ticket.generation != before)
            RC_ASSERT(breaker.generation() == before + lost);  // a stale one changes nothing
        learn_interval();
    }
    void step() {
        const bool allowed = any_below(4) > 0 && look();
        expected.drift(now);
        const int what = any_below(40);
        if (what >= 20 && allowed) begin();
        if (what >= 20 && !allowed) now += milliseconds{any_below(1'000)};
        if (what >= 8 && what < 20) {
            end(false);
            now += milliseconds{any_below(100)};
        }
        switch (what) {
        case 0: end(true); break;
        case 1: begin(); break;  // overruled
        case 2:
            if (!out.empty()) out.pop_back();  // never heard of again
            break;
        case 3: now += std::chrono::seconds{any_below(70)}; break;
        case 4: sick = any_below(2) == 0; break;
        case 5: sluggish = any_below(4) == 0; break;
        case 6:
            breaker.check_passed(now);
            if (expected.is == state::open) expected.open_until = now;
            break;
        case 7: {
            const std::chrono::seconds pause{any_below(10)};
            breaker.retry_after(pause, now);
            if (expected.is == state::open) expected.open_until = std::max(expected.open_until, now + pause);
            break;
        }
        }
    }
};

}  // namespace

TEST_CASE("a breaker does what its model does", "[property]") {
    rc::prop("for any tries, late and lost ones too", [](std::uint64_t seed) {
        run both{seed};
        const int steps = any_below(1'000);
        for (int i = 0; i < steps; ++i) both.step();
    });
}

TEST_CASE("a healthy server gets all of its traffic back", "[property]") {
    rc::prop("within the interval, two probes and the ramp, whatever happened before", [](std::uint64_t seed) {
        run before{seed};
        const int steps = any_below(300);
        for (int i = 0; i < steps; ++i) before.step();

        auto& breaker = before.breaker;
        auto& now = before.now;
        (void)before.look();
        auto late = before.out;
        // A probe that is lost costs what is left of its lease and one more interval.
        const bool lease_out = breaker.at(now) == state::half_open && !breaker.allows(now, before.chance);
        const auto bound = (lease_out ? 5s + 60s : 0s) + breaker.open_for(now) + 4s + 100ms;
        const auto until = now + bound;
        while (now < until) {
            now += 10ms;
            if (!breaker.allows(now, before.chance)) continue;
            breaker.report(breaker.begin(now), outcome::good, 1ms, now, before.chance);
            // Those of before come in late and bad. What began in this generation has its say, of course.
            if (late.empty()) continue;
            if (late.back().ticket.generation != breaker.generation())
                breaker.report(late.back().ticket, outcome::bad, 1s, now, before.chance);
            late.pop_back();
        }
        RC_ASSERT(breaker.at(now) == state::closed);
    });
}

TEST_CASE("at most one probe is out", "[property]") {
    rc::prop("of tries that ask first, while open none, half open one", [](std::uint64_t seed) {
        random_source chance{seed};
        circuit_breaker breaker{{}};
        auto now = start;
        struct probing {
            circuit_breaker::ticket ticket;
            time_point until;
        };
        std::vector<probing> live;
        for (int i = 0; i < 2'000; ++i) {
            now += milliseconds{chance.below(300)};
            std::erase_if(live, [&](const probing& p) { return now >= p.until; });
            const auto was = breaker.at(now);
            if (breaker.allows(now, chance)) {
                RC_ASSERT(was != state::open);
                const auto t = breaker.begin(now);
                if (t.probe) live.push_back({t, now + 5s});
                else breaker.report(t, chance.below(3) ? outcome::bad : outcome::good, 1ms, now, chance);
            }
            RC_ASSERT(live.size() <= 1);
            if (!live.empty() && chance.below(20) == 0) {
                const auto how = chance.below(2) ? outcome::good : outcome::bad;
                breaker.report(live.back().ticket, how, 1ms, now, chance);
                live.pop_back();
            }
        }
        RC_ASSERT(breaker.probes() > 0);
    });
}
