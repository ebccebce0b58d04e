#include "lib/telemetry/counter.hpp"

#include <array>
#include <thread>
#include <type_traits>

#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("a counter grows, a gauge goes both ways") {
    counter requests;
    requests.add();
    requests.add(41);
    CHECK(requests.value() == 42);

    gauge open;
    open.add(3);
    open.subtract();
    CHECK(open.value() == 2);
    open.subtract(5);
    CHECK(open.value() == -3);
    open.set(7);
    CHECK(open.value() == 7);
}

TEST_CASE("numbers stay where their readers look") {
    CHECK_FALSE(std::is_copy_constructible_v<counter>);
    CHECK_FALSE(std::is_move_constructible_v<gauge>);
}

TEST_CASE("another thread never sees a counter go back, and in the end all of it") {
    constexpr std::uint64_t each = 200'000;
    std::array<counter, 2> workers;
    std::thread writers[] = {std::thread{[&] {
        for (std::uint64_t i = 0; i < each; ++i) workers[0].add();
    }},
                             std::thread{[&] {
        for (std::uint64_t i = 0; i < each; ++i) workers[1].add();
    }}};
    std::uint64_t before = 0;
    bool grew_only = true;
    while (before < each) {
        const auto now = workers[0].value();
        grew_only = grew_only && now >= before;
        before = now;
    }
    for (auto& writer : writers) writer.join();
    CHECK(grew_only);
    CHECK(workers[0].value() + workers[1].value() == 2 * each);
}
