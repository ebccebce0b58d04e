#include "conf/values.hpp"

#include "tests/support/property.hpp"

using namespace weir::conf;
using namespace std::chrono_literals;

TEST_CASE("values: shares, in thousandths") {
    CHECK(read_percent("0%") == 0u);
    CHECK(read_percent("10%") == 100u);
    CHECK(read_percent("2.5%") == 25u);
    CHECK(read_percent("100%") == 1000u);
    CHECK(read_percent("10").error() == "a share is written with its sign: 10%");
    CHECK(read_percent("2.55%").error() == "at most one digit after the point");
    for (auto text : {"", "%", "-1%", "101%", "100.1%", ".5%", "5.%", "5.x%", "1 %", "99999999999999999999%"})
        CHECK_FALSE(read_percent(text));
}

TEST_CASE("values: two times") {
    const auto span = read_span("25ms..1s", 1ms, 60s);
    REQUIRE(span);
    CHECK(span->first == 25ms);
    CHECK(span->most == 1s);
    CHECK(read_span("1s..1s", 1ms, 60s));
    CHECK(read_span("25ms", 1ms, 60s).error() == "two times with two dots between, as in 25ms..1s");
    CHECK(read_span("2s..1s", 1ms, 60s).error() == "the first is longer than the second");
    CHECK(read_span("25..1s", 1ms, 60s).error() == "a time needs a unit: 25s or 25ms");
    CHECK(read_span("25ms..2m", 1ms, 60s).error() == "both between 1ms and 1m");
    for (auto text : {"", "..", "1s..", "..1s", "1s...2s", "1s..2s..3s"}) CHECK_FALSE(read_span(text, 1ms, 60s));
}

TEST_CASE("values: the time of one try") {
    CHECK(*read_per_try("auto") == std::optional<milliseconds>{});
    CHECK(*read_per_try("off") == std::optional{no_time_limit});
    CHECK(*read_per_try("1500ms") == std::optional{1500ms});
    CHECK(read_per_try("15").error() == "a time needs a unit: 15s or 15ms");
    for (auto text : {"", "0s", "2d", "on"}) CHECK_FALSE(read_per_try(text));
    CHECK(std::chrono::nanoseconds{no_time_limit} > 24h);  // no overflow
}

TEST_CASE("values: statuses") {
    CHECK(read_statuses("204") == std::pair{204u, 204u});
    CHECK(read_statuses("200-399") == std::pair{200u, 399u});
    for (auto text : {"", "-", "99", "600", "399-200", "200-", "-399", "200-299-399", "2xx"})
        CHECK_FALSE(read_statuses(text));
}

TEST_CASE("values: what tells clients apart") {
    CHECK(read_client_key("client_address") == client_key{});
    CHECK(read_client_key("header:X-User") == client_key{"X-User"});
    CHECK(read_client_key("header:").error() == "the name of a header follows the colon");
    for (auto text : {"", "header", "header:a b", "X-User"}) CHECK_FALSE(read_client_key(text));
}

TEST_CASE("values: limits") {
    CHECK(read_limit("adaptive") == in_flight_limit{});
    CHECK(read_limit("off") == in_flight_limit{in_flight_limit::kind::off, 0});
    CHECK(read_limit("7") == in_flight_limit{in_flight_limit::kind::fixed, 7});
    for (auto text : {"", "0", "-1", "1000001", "auto"}) CHECK_FALSE(read_limit(text));
}

TEST_CASE("values: when to hedge") {
    const auto percentile = [](unsigned permille) {
        return hedging{.how = hedging::kind::percentile, .permille = permille, .delay = {}};
    };
    CHECK(read_hedging("off") == hedging{});
    CHECK(read_hedging("p95") == percentile(950));
    CHECK(read_hedging("p99.9") == percentile(999));
    CHECK(read_hedging("50ms") == hedging{.how = hedging::kind::delay, .permille = 0, .delay = 50ms});
    CHECK(read_hedging("p49").error() == "a percentile from p50 to p99.9");
    CHECK(read_hedging("50").error() == "a time needs a unit: 50s or 50ms");
    for (auto text : {"", "p", "p100", "p95%", "0ms", "2h"}) CHECK_FALSE(read_hedging(text));
}

TEST_CASE("values: what is tried again, each once and in order") {
    CHECK(read_causes("none") == retry_causes{});
    CHECK(read_causes("reset,timeout") == retry_causes{false, true, true, {}});
    CHECK(read_causes("599,connect_failure,503,503") == retry_causes{true, false, false, {503, 599}});
    CHECK(read_causes("conect_failure").error() == "did you mean 'connect_failure'?");
    CHECK(read_causes("reset,timeuot").error() == "'timeuot' is not one; did you mean 'timeout'?");
    CHECK(read_causes("reset,200").error() == "'200' is not one");
    CHECK(read_causes("reset,none").error() == "'none' stands alone");
    CHECK(read_causes("reset,").error() == "an item of the list is empty; lists are written without blanks");
    for (auto text : {"", ",", "399", "600", "5xx"}) CHECK_FALSE(read_causes(text));
}

TEST_CASE("values: what is written reads as the same value", "[property]") {
    const auto between = [](unsigned low, unsigned high) { return *rc::gen::inRange(low, high + 1); };
    rc::prop("each shape", [&] {
        const auto permille = between(0, 1000);
        RC_ASSERT(*read_percent(write_percent(permille)) == permille);

        const milliseconds first{between(1, 60'000)}, most{between(60'000, 600'000)};
        const auto span = read_span(write_span(first, most), 1ms, 600s);
        RC_ASSERT(span && span->first == first && span->most == most);

        for (const auto time : {std::optional<milliseconds>{}, std::optional{no_time_limit}, std::optional{first}})
            RC_ASSERT(*read_per_try(write_per_try(time)) == time);

        const auto lowest = between(100, 599), highest = between(lowest, 599);
        RC_ASSERT(*read_statuses(write_statuses(lowest, highest)) == std::pair(lowest, highest));

        const hedging late{.how = hedging::kind::percentile, .permille = between(500, 999), .delay = {}};
        RC_ASSERT(*read_hedging(write_hedging(late)) == late);

        const in_flight_limit fixed{in_flight_limit::kind::fixed, between(1, 1'000'000)};
        RC_ASSERT(*read_limit(write_limit(fixed)) == fixed);

        const auto bits = between(0, 7);
        retry_causes causes{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, {}};
        if (between(0, 1) == 1) causes.statuses = {between(400, 499), between(500, 599)};
        RC_ASSERT(*read_causes(write_causes(causes)) == causes);
    });
    rc::prop("any bytes: a value or none, and what is written of a value reads again", [](const std::string& text) {
        if (const auto made = read_percent(text)) RC_ASSERT(*read_percent(write_percent(*made)) == *made);
        if (const auto made = read_causes(text)) RC_ASSERT(*read_causes(write_causes(*made)) == *made);
        if (const auto made = read_hedging(text)) RC_ASSERT(*read_hedging(write_hedging(*made)) == *made);
    });
}
