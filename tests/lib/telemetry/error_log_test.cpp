#include "lib/telemetry/error_log.hpp"

#include <algorithm>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

struct kept_lines : line_sink {
    std::vector<std::string> lines;
    void append(std::string_view line) override { lines.emplace_back(line); }
};

constexpr std::int64_t start = 1'795'467'600'123'000;
constexpr std::int64_t second = 1'000'000;

}  // namespace

TEST_CASE("a line tells when, how bad, who and what") {
    kept_lines sink;
    error_log log{sink, log_level::debug, "worker 0"};
    log.write(log_level::warn, "it leaks", start);
    log.write(log_level::error, "it broke", start);
    log.write(log_level::info, "it runs", start);
    log.write(log_level::debug, "it thinks", start);
    CHECK(sink.lines == std::vector<std::string>{"2026-11-23T21:00:00.123Z warn  worker 0: it leaks\n",
                                                 "2026-11-23T21:00:00.123Z error worker 0: it broke\n",
                                                 "2026-11-23T21:00:00.123Z info  worker 0: it runs\n",
                                                 "2026-11-23T21:00:00.123Z debug worker 0: it thinks\n"});
}

TEST_CASE("what is below the level is not written") {
    kept_lines sink;
    error_log log{sink, log_level::warn, "main"};
    log.write(log_level::info, "nobody reads this", start);
    CHECK(sink.lines.empty());
    CHECK_FALSE(log.wants(log_level::info));
    CHECK(log.wants(log_level::warn));
    log.write(log_level::error, "but this", start);
    CHECK(sink.lines.size() == 1);
}

SCENARIO("a flood of one message") {
    kept_lines sink;
    error_log log{sink, log_level::info, "main", 3};
    GIVEN("ten of it in one second") {
        for (int i = 0; i < 10; ++i) log.write(log_level::warn, "again", start + i);
        THEN("the first three are written") { CHECK(sink.lines.size() == 3); }
        WHEN("a summary is asked for within the second") {
            log.summarise(start + second - 1);
            THEN("nothing is told yet") { CHECK(sink.lines.size() == 3); }
        }
        WHEN("the second is over") {
            log.summarise(start + second);
            THEN("the rest is told as a number, once") {
                REQUIRE(sink.lines.size() == 4);
                CHECK(sink.lines.back() == "2026-11-23T21:00:01.123Z warn  main: again (7 more like this)\n");
                log.summarise(start + 2 * second);
                CHECK(sink.lines.size() == 4);
            }
        }
        WHEN("it goes on in the next second") {
            log.write(log_level::warn, "again", start + second);
            THEN("the number comes first, then the line") {
                REQUIRE(sink.lines.size() == 5);
                CHECK(sink.lines[3].ends_with("(7 more like this)\n"));
                CHECK(sink.lines[4].ends_with("again\n"));
            }
        }
        WHEN("the log ends") {
            log.summarise(start, true);
            THEN("everything is told") { CHECK(sink.lines.back().ends_with("(7 more like this)\n")); }
        }
        WHEN("the clock is set back") {
            log.write(log_level::warn, "again", start - 3600 * second);
            THEN("a new second has begun") { CHECK(sink.lines.size() == 5); }
        }
        WHEN("another message or level comes") {
            log.write(log_level::warn, "different", start);
            log.write(log_level::error, "again", start);
            THEN("it is written") { CHECK(sink.lines.size() == 5); }
        }
        WHEN("so many others come that it is forgotten") {
            for (std::size_t i = 0; i < error_log::tracked; ++i)
                log.write(log_level::info, std::to_string(i), start + 100);
            THEN("its number is told before") {
                CHECK(std::count_if(sink.lines.begin(), sink.lines.end(), [](const auto& line) {
                    return line.ends_with("again (7 more like this)\n");
                }) == 1);
            }
        }
    }
}

TEST_CASE("long messages are cut, odd bytes are spelled out") {
    kept_lines sink;
    error_log log{sink, log_level::info, "main"};
    log.write(log_level::info, "a\nb\\c\xc3\xa4 \"d\"\x7f", start);
    CHECK(sink.lines.back() == "2026-11-23T21:00:00.123Z info  main: a\\x0ab\\x5cc\\xc3\\xa4 \"d\"\\x7f\n");
    log.write(log_level::info, std::string(error_log::max_message_bytes + 1, 'x'), start);
    CHECK(sink.lines.back().ends_with("xx\\...\n"));
    CHECK(sink.lines.back().size() < error_log::max_message_bytes + 60);
}

TEST_CASE("every message is either written or counted", "[property]") {
    rc::prop("whatever comes when", [](const std::vector<std::pair<std::uint8_t, std::uint32_t>>& history) {
        kept_lines sink;
        error_log log{sink, log_level::info, "main", 2};
        std::int64_t now = start;
        for (const auto& [which, pause] : history) {
            now += pause % (second / 2);
            log.write(log_level::info, "message \n" + std::to_string(which % 100), now);
        }
        log.summarise(now, true);
        std::size_t told = 0;
        for (const auto& line : sink.lines) {
            RC_ASSERT(line.find('\n') == line.size() - 1);
            const auto more = line.find(" (");
            told += more == line.npos ? 1 : std::stoul(line.substr(more + 2));
        }
        RC_ASSERT(told == history.size());
    });
}
