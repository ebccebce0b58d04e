#include "lib/telemetry/journal.hpp"

#include <thread>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

journal_entry opened(std::string server) {
    return {.kind = journal_kind::breaker, .server = std::move(server), .from = "closed", .to = "open"};
}

}  // namespace

TEST_CASE("journal: entries are numbered and told from where the reader stopped") {
    journal events{4};
    CHECK(events.since(0).empty());
    events.add(time_point{5ms}, opened("a"));
    events.add(time_point{6ms}, opened("b"));
    const auto all = events.since(0);
    REQUIRE(all.size() == 2);
    CHECK(all[0].number == 1);
    CHECK(all[0].server == "a");
    CHECK(all[0].at == time_point{5ms});
    CHECK(all[1].number == 2);
    REQUIRE(events.since(1).size() == 1);
    CHECK(events.since(1)[0].server == "b");
    CHECK(events.since(2).empty());
    CHECK(events.since(99).empty());
}

TEST_CASE("journal: the newest take the place of the oldest") {
    journal events{3};
    for (const char* each : {"a", "b", "c", "d", "e"}) events.add({}, opened(each));
    const auto left = events.since(0);
    REQUIRE(left.size() == 3);
    CHECK(left[0].server == "c");
    CHECK(left[0].number == 3);
    CHECK(left[2].server == "e");
    CHECK(events.since(1).size() == 3);
    CHECK(events.since(4).size() == 1);
    CHECK(events.count() == 5);
}

TEST_CASE("journal: any thread may add, none is lost or numbered twice") {
    journal events{1000};
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 4; ++i)
            writers.emplace_back([&events] {
                for (int n = 0; n < 100; ++n) events.add({}, opened("a"));
            });
    }
    const auto all = events.since(0);
    REQUIRE(all.size() == 400);
    for (std::size_t i = 0; i < all.size(); ++i) REQUIRE(all[i].number == i + 1);
}
