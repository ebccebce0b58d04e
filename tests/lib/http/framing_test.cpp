#include "lib/http/framing.hpp"

#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir::http;

// Which combinations of fields are refused stands in smuggling_test.cpp; which body a message has, in head_test.cpp.

TEST_CASE("Content-Length is read to the last number") {
    CHECK(parse_content_length("0") == 0);
    CHECK(parse_content_length("9223372036854775807") == 9223372036854775807u);
    CHECK_FALSE(parse_content_length("9223372036854775808"));
    CHECK_FALSE(parse_content_length("92233720368547758070"));
    CHECK_FALSE(parse_content_length(""));
    CHECK_FALSE(parse_content_length(" 1"));
    CHECK_FALSE(parse_content_length("1 "));
    CHECK_FALSE(parse_content_length("+1"));
}

TEST_CASE("Content-Length and back", "[property]") {
    rc::prop("any number", [](std::uint64_t n) {
        const auto read = parse_content_length(std::to_string(n));
        RC_ASSERT(read == (n <= INT64_MAX ? std::optional{n} : std::nullopt));
    });
}

TEST_CASE("a length of nothing is no body to read") {
    CHECK_FALSE(body_framing{}.has_body());
    CHECK_FALSE((body_framing{body_framing::kind::length, 0}.has_body()));
    CHECK((body_framing{body_framing::kind::length, 1}.has_body()));
    CHECK((body_framing{body_framing::kind::chunked, 0}.has_body()));
    CHECK((body_framing{body_framing::kind::until_close, 0}.has_body()));
}
