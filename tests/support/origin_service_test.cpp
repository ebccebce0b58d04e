#include "tests/support/origin_service.hpp"

#include <algorithm>
#include <cmath>

#include "tests/support/property.hpp"

using namespace std::chrono_literals;

namespace {

const origin::steady::time_point t0{1h};

/// Who has been served by `now`, in order.
std::vector<std::uint64_t> finished(origin::service& desk, origin::steady::time_point now) {
    std::vector<std::uint64_t> all;
    while (const auto who = desk.next_finished(now)) all.push_back(*who);
    return all;
}

using list = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("service: as many at once as it has slots, the others in turn") {
    origin::service desk;
    CHECK_FALSE(desk.on());
    REQUIRE(desk.set("slots=2&mean=10ms", t0).empty());
    CHECK(desk.on());
    for (std::uint64_t who = 0; who < 5; ++who) desk.arrive(who, t0);
    CHECK(desk.next_end() == t0 + 10ms);
    CHECK(finished(desk, t0 + 9ms).empty());
    CHECK(finished(desk, t0 + 10ms) == list{0, 1});
    CHECK(finished(desk, t0 + 25ms) == list{2, 3});
    CHECK(finished(desk, t0 + 1h) == list{4});
    CHECK(desk.next_end() == origin::steady::time_point::max());
}

TEST_CASE("service: who looks late does not cost capacity") {
    origin::service desk;
    desk.set("slots=3&mean=10ms", t0);
    for (std::uint64_t who = 0; who < 100; ++who) desk.arrive(who, t0);
    CHECK(finished(desk, t0 + 200ms).size() == 60);
}

TEST_CASE("service: capacity and speed change at run time") {
    origin::service desk;
    desk.set("slots=4&mean=10ms", t0);
    for (std::uint64_t who = 0; who < 20; ++who) desk.arrive(who, t0);
    desk.set("slots=2", t0 + 5ms);
    CHECK(finished(desk, t0 + 10ms) == list{0, 1, 2, 3});  // who was being served stays so
    CHECK(finished(desk, t0 + 20ms) == list{4, 5});
    desk.set("slow=3", t0 + 20ms);
    CHECK(finished(desk, t0 + 30ms) == list{6, 7});  // begun before
    CHECK(finished(desk, t0 + 59ms).empty());
    CHECK(finished(desk, t0 + 60ms) == list{8, 9});
    desk.set("slots=10&slow=1", t0 + 60ms);
    CHECK(finished(desk, t0 + 70ms) == list{12, 13, 14, 15, 16, 17, 18, 19});
    CHECK(finished(desk, t0 + 90ms) == list{10, 11});
    CHECK(desk.set("slots=many", t0) == "bad value in 'slots=many'");
    CHECK(desk.set("places=3", t0) == "unknown option 'places'");
}

TEST_CASE("service: spread times keep their mean, and the same seed gives the same times") {
    const auto took = [](const std::string& setting) {
        origin::service desk;
        REQUIRE(desk.set("slots=1&mean=10ms&" + setting, t0).empty());
        constexpr int n = 20'000;
        for (std::uint64_t who = 0; who < n; ++who) desk.arrive(who, t0);
        auto end = t0;
        while (desk.next_end() != origin::steady::time_point::max()) {
            end = desk.next_end();
            desk.next_finished(end);
        }
        return std::chrono::duration<double, std::milli>(end - t0).count() / n;
    };
    CHECK(std::abs(took("spread=exponential") - 10) < 0.3);
    CHECK(std::abs(took("spread=lognormal&cv=1") - 10) < 0.3);
    CHECK(took("spread=lognormal&seed=5") == took("spread=lognormal&seed=5"));
    CHECK(took("spread=lognormal&seed=5") != took("spread=lognormal&seed=6"));
}

TEST_CASE("service against a model", "[property]") {
    rc::prop("each starts when it has come and the first slot is free", [] {
        const auto slots = *rc::gen::inRange(1u, 5u);
        const auto gaps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
        origin::service desk;
        desk.set("slots=" + std::to_string(slots) + "&mean=7ms", t0);
        std::vector<origin::steady::time_point> free(slots, t0);
        list expected, met;
        auto now = t0;
        for (std::uint64_t who = 0; who < gaps.size(); ++who) {
            now += std::chrono::milliseconds{gaps[who]};
            desk.arrive(who, now);
            const auto first = std::ranges::min_element(free);
            *first = std::max(*first, now) + 7ms;
            if (gaps[who] % 2 == 0)
                std::ranges::copy(finished(desk, now), std::back_inserter(met));  // looks now and then only
            expected.push_back(who);                                              // equal times: the order of coming
        }
        const auto last = *std::ranges::max_element(free);
        std::ranges::copy(finished(desk, last - 1ns), std::back_inserter(met));
        RC_ASSERT(gaps.empty() || met.size() < gaps.size() || last <= now);
        std::ranges::copy(finished(desk, last), std::back_inserter(met));
        RC_ASSERT(met == expected);
    });
}
