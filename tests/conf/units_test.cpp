#include "conf/units.hpp"

#include "tests/support/property.hpp"

using namespace weir::conf;

TEST_CASE("units: times and sizes") {
    CHECK(read_milliseconds("0s") == 0u);
    CHECK(read_milliseconds("1500ms") == 1500u);
    CHECK(read_milliseconds("2m") == 120'000u);
    CHECK(read_milliseconds("1h") == 3'600'000u);
    CHECK(read_milliseconds("1d") == 86'400'000u);
    CHECK(read_bytes("7B") == 7u);
    CHECK(read_bytes("16KiB") == 16'384u);
    CHECK(read_bytes("2GiB") == 2'147'483'648u);
    CHECK(read_number("18446744073709551615") == 18'446'744'073'709'551'615u);
}

TEST_CASE("units: what is not one") {
    for (auto text : {"", "s", "-1s", "+1s", " 1s", "1 s", "1S", "1.5s", "1ss", "0x1s", "99999999999999999999s",
                      "18446744073709551615d"})
        CHECK_FALSE(read_milliseconds(text));
    for (auto text : {"", "1", "1K", "1kib", "1TiB", "18446744073709551615KiB"}) CHECK_FALSE(read_bytes(text));
    for (auto text : {"", "+1", "-1", "1a", "18446744073709551616"}) CHECK_FALSE(read_number(text));
}

TEST_CASE("units: a habit gets an answer") {
    CHECK(read_milliseconds("5min").error() == "write 5m");
    CHECK(read_bytes("64mb").error() == "write 64MiB");
    CHECK(read_milliseconds("12").error() == "a time needs a unit: 12s or 12ms");
    CHECK(read_milliseconds("5M").error().empty());  // minutes or months? no guess
}

TEST_CASE("units: the largest unit that divides is written") {
    CHECK(write_milliseconds(0) == "0s");
    CHECK(write_milliseconds(90'000) == "90s");
    CHECK(write_milliseconds(60'001) == "60001ms");
    CHECK(write_bytes(0) == "0B");
    CHECK(write_bytes(1536) == "1536B");
    CHECK(write_bytes(1 << 20) == "1MiB");
}

TEST_CASE("units: what is written reads the same", "[property]") {
    rc::prop("times", [](std::uint64_t value) { RC_ASSERT(*read_milliseconds(write_milliseconds(value)) == value); });
    rc::prop("sizes", [](std::uint32_t value) {
        const auto bytes = std::uint64_t{value} << (value % 30);
        RC_ASSERT(*read_bytes(write_bytes(bytes)) == bytes);
    });
}
