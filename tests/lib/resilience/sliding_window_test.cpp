#include "lib/resilience/sliding_window.hpp"

#include "tests/support/property.hpp"

using namespace weir;

namespace {
constexpr time_point start{std::chrono::hours{1}};
}

TEST_CASE("a window forgets bucket by bucket") {
    sliding_window<2> recent;
    for (int second = 0; second < 10; ++second) recent.add(0, start + second * 1s);
    CHECK(recent.total(start + 9s) == std::array{10u, 0u});
    CHECK(recent.total(start + 10s - 1ns) == std::array{10u, 0u});
    CHECK(recent.total(start + 10s) == std::array{9u, 0u});
    CHECK(recent.total(start + 15s) == std::array{4u, 0u});
    CHECK(recent.total(start + 19s) == std::array{0u, 0u});
}

TEST_CASE("a window that slept for long is empty, and cleared it is too") {
    sliding_window<1> recent;
    recent.add(0, start);
    CHECK(recent.total(start + std::chrono::hours{1'000})[0] == 0);
    recent.add(0, start + std::chrono::hours{1'000});
    CHECK(recent.total(start + std::chrono::hours{1'000})[0] == 1);
    recent.clear();
    CHECK(recent.total(start + std::chrono::hours{1'000})[0] == 0);
}

TEST_CASE("a loop whose time is behind counts in the newest bucket") {
    sliding_window<1> recent;
    recent.add(0, start + 5s);
    recent.add(0, start + 3s);
    CHECK(recent.total(start + 14s)[0] == 2);
    CHECK(recent.total(start + 15s)[0] == 0);
}

TEST_CASE("a window counts as a list would", "[property]") {
    rc::prop("with any width, for any events", [](const std::vector<std::pair<std::uint16_t, bool>>& events) {
        const auto width = milliseconds{*rc::gen::inRange(1, 3'000)};
        sliding_window<2, 7> recent{width};
        std::vector<std::pair<std::int64_t, bool>> all;
        auto now = start;
        for (const auto& [pause, kind] : events) {
            now += milliseconds{pause % 4'096};
            const auto bucket = now.time_since_epoch() / width;
            recent.add(kind, now);
            all.emplace_back(bucket, kind);
            std::array<std::uint32_t, 2> expected{};
            for (const auto& [when, what] : all) expected[what] += when > bucket - 7;
            RC_ASSERT(recent.total(now) == expected);
        }
    });
}
