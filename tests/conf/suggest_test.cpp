#include "conf/suggest.hpp"

#include <string>

#include "tests/support/catch.hpp"

using weir::conf::nearest;

namespace {
constexpr std::string_view words[] = {"hedge", "retry", "keep_alive", "on", "off"};
}

TEST_CASE("suggest: one letter wrong, missing, too many, or two swapped") {
    CHECK(nearest("hadge", words) == "hedge");
    CHECK(nearest("hege", words) == "hedge");
    CHECK(nearest("heddge", words) == "hedge");
    CHECK(nearest("hegde", words) == "hedge");
    CHECK(nearest("keepalive", words) == "keep_alive");
    CHECK(nearest("RETRY", words) == "retry");
}

TEST_CASE("suggest: no guess unless two letters in three agree") {
    CHECK(nearest("headgear", words).empty());
    CHECK(nearest("oof", words) == "off");
    CHECK(nearest("of", words) == "off");
    CHECK(nearest("ox", words).empty());
    CHECK(nearest("", words).empty());
    CHECK(nearest(std::string(10'000, 'a'), words).empty());
}
