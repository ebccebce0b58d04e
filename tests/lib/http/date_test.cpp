#include "lib/http/date.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("date: the three forms of RFC 9110 say the same") {
    constexpr std::int64_t when = 784'111'777;
    CHECK(http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT") == when);
    CHECK(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT") == when);
    CHECK(http::parse_date("Sun Nov  6 08:49:37 1994") == when);
    CHECK(http::parse_date("Wed Nov 16 08:49:37 1994") == when + 10 * 86'400);
    CHECK(http::parse_date("Friday, 27-Nov-26 00:00:00 GMT") == 1'795'737'600);
}

TEST_CASE("date: what is none of them is nothing") {
    for (const auto* text :
         {"", "Sun", "120", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
          "Sun, 06 Nov 1994 0x:49:37 GMT", "Sun Nov 6 08:49:37 1994", "06 Nov 1994 08:49:37 GMT",
          "Sunday, 06-Nov-1994 08:49:37 GMT"}) {
        CAPTURE(text);
        CHECK(http::parse_date(text) == std::nullopt);
    }
}

TEST_CASE("date: what a clock writes is read as it was", "[property]") {
    rc::prop("there and back", [](std::uint32_t second) {
        http::date_clock clock;
        RC_ASSERT(http::parse_date(clock.at(std::int64_t{second} * 1'000'000)) == std::int64_t{second});
    });
}
