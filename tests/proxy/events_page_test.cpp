#include "proxy/events_page.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/json_text.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("events: a line of JSON for each, with the hour at which it happened") {
    journal events{10};
    events.add(time_point{1s}, {.kind = journal_kind::breaker,
                                .backend = "web",
                                .server = "10.0.0.1:80",
                                .from = "closed",
                                .to = "open",
                                .why = "streak"});
    events.add(time_point{3s},
               {.kind = journal_kind::shedding, .worker = 0, .from = "nothing", .to = "no_hedges", .why = "memory"});
    std::string page;
    constexpr std::int64_t noon_us = 1'764'244'800'000'000;  // 2025-11-27T12:00:00Z
    append_events(page, events.since(0), time_point{4s}, noon_us);

    const auto end = page.find('\n');
    REQUIRE(end != page.npos);
    CHECK(page.substr(0, end) == R"({"number":1,"time":"2025-11-27T11:59:57.000Z","kind":"breaker","backend":"web",)"
                                 R"("server":"10.0.0.1:80","from":"closed","to":"open","why":"streak"})");
    const auto second = json_text::read(page.substr(end + 1));
    CHECK(second["number"].number() == 2);
    CHECK(second["time"].text() == "2025-11-27T11:59:59.000Z");
    CHECK(second["kind"].text() == "shedding");
    CHECK(second["worker"].number() == 0);
    CHECK(second["to"].text() == "no_hedges");
}
