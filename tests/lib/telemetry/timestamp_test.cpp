#include "lib/telemetry/timestamp.hpp"

#include <ctime>
#include <string>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

std::string written(timestamp_writer& writer, std::int64_t unix_us) {
    std::string text(timestamp_bytes, '?');
    const auto* end = writer.write(unix_us, text.data());
    REQUIRE(end == text.data() + text.size());
    return text;
}

}  // namespace

TEST_CASE("times are written in UTC with milliseconds") {
    timestamp_writer writer;
    CHECK(written(writer, 0) == "1970-01-01T00:00:00.000Z");
    CHECK(written(writer, 1'795'467'600'123'999) == "2026-11-23T21:00:00.123Z");
    CHECK(written(writer, 1'795'467'600'999'999) == "2026-11-23T21:00:00.999Z");
    CHECK(written(writer, 1'795'467'601'000'000) == "2026-11-23T21:00:01.000Z");
    CHECK(written(writer, 951'782'400'000'000) == "2000-02-29T00:00:00.000Z");
}

TEST_CASE("times that have no four digit year are clamped") {
    timestamp_writer writer;
    CHECK(written(writer, -1) == "1970-01-01T00:00:00.000Z");
    CHECK(written(writer, INT64_MIN) == "1970-01-01T00:00:00.000Z");
    CHECK(written(writer, INT64_MAX) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("the calendar agrees with the C library's", "[property]") {
    rc::prop("at any two times, in any order, by one writer", [] {
        timestamp_writer writer;
        for (int i = 0; i < 2; ++i) {
            const auto second = *rc::gen::inRange<std::int64_t>(0, 253'402'300'800);
            const auto ms = *rc::gen::inRange(0, 1000);
            const std::time_t raw = second;
            std::tm utc{};
            gmtime_r(&raw, &utc);
            char expected[64];
            const auto length = std::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &utc);
            auto fraction = std::to_string(1000 + ms);
            fraction[0] = '.';
            RC_ASSERT(written(writer, second * 1'000'000 + ms * 1000 + 7) ==
                      std::string(expected, length) + fraction + "Z");
        }
    });
}
