#include "lib/async/timer_wheel.hpp"

#include <deque>
#include <map>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

/// A deadline that reaches every level of the wheel and the corners between two.
rc::Gen<std::uint64_t> distances() {
    return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 40), rc::gen::inRange<std::uint64_t>(0, 200)),
                        [](std::pair<int, std::uint64_t> drawn) {
        const auto base = std::uint64_t{1} << drawn.first;
        return drawn.second >= 100 ? base + drawn.second - 100 : base - std::min(base, drawn.second);
    });
}

struct step {
    enum kind { arm, disarm, advance } what;
    std::uint64_t amount;
    std::size_t which;
};
void showValue(const step& s, std::ostream& os) {
    os << (s.what == step::arm      ? "arm "
           : s.what == step::disarm ? "disarm "
                                    : "advance ")
       << s.amount << " #" << s.which;
}
rc::Gen<step> steps() {
    return rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 4), distances(), rc::gen::inRange<std::size_t>(0, 1000)),
                        [](auto t) {
        const int kind = std::get<0>(t);
        return step{kind <= 1 ? step::arm : kind == 2 ? step::disarm : step::advance, std::get<1>(t), std::get<2>(t)};
    });
}

std::vector<std::uint64_t> due_until(timer_wheel& wheel, std::uint64_t now) {
    std::vector<std::uint64_t> fired;
    wheel.advance(now, [&](timed_waiter& t) { fired.push_back(t.due_ms); });
    return fired;
}

}  // namespace

TEST_CASE("timer wheel: fires at the deadline and not a millisecond before") {
    for (const std::uint64_t distance : {1, 63, 64, 65, 4095, 4096, 4097, 262'143, 262'144, 30'000'000}) {
        timer_wheel wheel{12'345};
        timed_waiter t;
        wheel.add(t, 12'345 + distance);
        CHECK(due_until(wheel, 12'345 + distance - 1).empty());
        CHECK_FALSE(wheel.empty());
        CHECK(due_until(wheel, 12'345 + distance).size() == 1);
        CHECK(wheel.empty());
    }
}

TEST_CASE("timer wheel: what is due already is due at the next advance") {
    timer_wheel wheel{1000};
    timed_waiter past, present;
    wheel.add(past, 10);
    wheel.add(present, 1000);
    CHECK(wheel.next() == 1001);
    CHECK(due_until(wheel, 1001).size() == 2);
}

TEST_CASE("timer wheel: a deadline beyond its reach waits its full time") {
    timer_wheel wheel;
    timed_waiter t;
    const auto far = (std::uint64_t{1} << 37) + 77;
    wheel.add(t, far);
    CHECK(due_until(wheel, far - 1).empty());
    CHECK(due_until(wheel, far).size() == 1);
}

TEST_CASE("timer wheel: a disarmed timer never fires, and may be armed again") {
    timer_wheel wheel;
    timed_waiter t;
    wheel.add(t, 5000);
    t.unlink();
    CHECK(wheel.empty());
    wheel.add(t, 7000);
    CHECK(due_until(wheel, 6999).empty());
    CHECK(due_until(wheel, 7000) == std::vector<std::uint64_t>{7000});
}

TEST_CASE("timer wheel: agrees with a sorted list, whatever is armed, disarmed and skipped", "[property]") {
    rc::prop("same deadlines in the same order of time", [] {
        const auto start = *rc::gen::inRange<std::uint64_t>(0, 1'000'000'000);
        const auto script = *rc::gen::container<std::vector<step>>(steps());
        timer_wheel wheel{start};
        std::deque<timed_waiter> timers;
        std::multimap<std::uint64_t, timed_waiter*> model;
        for (const auto& s : script) {
            if (s.what == step::arm) {
                auto& t = timers.emplace_back();
                wheel.add(t, wheel.now() + s.amount);
                model.emplace(std::max(wheel.now() + s.amount, wheel.now() + 1), &t);
            } else if (s.what == step::disarm) {
                if (model.empty()) continue;
                const auto it = std::next(model.begin(), static_cast<std::ptrdiff_t>(s.which % model.size()));
                it->second->unlink();
                model.erase(it);
            } else {
                const auto to = wheel.now() + s.amount;
                std::vector<std::uint64_t> expected;
                while (!model.empty() && model.begin()->first <= to) {
                    expected.push_back(model.begin()->first);
                    model.erase(model.begin());
                }
                RC_ASSERT(due_until(wheel, to) == expected);
                RC_ASSERT(wheel.now() == to);
            }
            RC_ASSERT(wheel.empty() == model.empty());
            if (!model.empty()) {
                const auto next = wheel.next();
                RC_ASSERT(next.has_value());
                RC_ASSERT(*next > wheel.now());
                RC_ASSERT(*next <= model.begin()->first);
            }
        }
    });
}

TEST_CASE("timer wheel: next() is exact within 64 ms and never early by more than one slot", "[property]") {
    rc::prop("a loop that sleeps until next() wakes at most once for each level", [] {
        const auto start = *rc::gen::inRange<std::uint64_t>(0, 1'000'000'000);
        const auto distance = *rc::gen::inRange<std::uint64_t>(1, std::uint64_t{1} << 35);
        timer_wheel wheel{start};
        timed_waiter t;
        wheel.add(t, start + distance);
        unsigned wakes = 0;
        while (t.linked()) {
            ++wakes;
            wheel.advance(wheel.next().value(), [](timed_waiter&) {});
        }
        RC_ASSERT(wheel.now() == start + distance);
        RC_ASSERT(wakes <= 6u);
    });
}
