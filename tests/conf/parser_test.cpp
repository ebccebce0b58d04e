#include "conf/parser.hpp"

#include "tests/support/catch.hpp"

using namespace weir::conf;

TEST_CASE("parser: statements with words and blocks") {
    diagnostics problems{"f"};
    const auto file = parse("a 1 k=2; b { c; d { } } e x { }", problems);
    CHECK(problems.take().empty());
    REQUIRE(file.size() == 3);
    CHECK(file[0].name.text == "a");
    REQUIRE(file[0].words.size() == 2);
    CHECK(file[0].words[1].key_length == 1);
    CHECK_FALSE(file[0].has_block);
    REQUIRE(file[1].block.size() == 2);
    CHECK(file[1].block[1].has_block);
    CHECK(file[2].words.front().text == "x");
}

TEST_CASE("parser: after a missing semicolon the rest is still read") {
    diagnostics problems{"f"};
    const auto file = parse("a { b 1 } c; d 2", problems);
    CHECK(problems.take().size() == 2);
    REQUIRE(file.size() == 3);
    CHECK(file[0].block.front().words.front().text == "1");
    CHECK(file[1].name.text == "c");
    CHECK(file[2].words.front().text == "2");
}

TEST_CASE("parser: stray punctuation is reported and skipped") {
    diagnostics problems{"f"};
    const auto file = parse("; } { x { y; } } a;", problems);
    CHECK(problems.take().size() == 3);
    REQUIRE(file.size() == 1);
    CHECK(file[0].name.text == "a");
}

TEST_CASE("parser: nesting beyond the limit is refused, however deep") {
    diagnostics problems{"f"};
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "a{";
    const auto file = parse(text, problems);
    CHECK(file.size() == 1);
    const auto found = problems.take();
    CHECK(found.size() == max_depth + 1);  // the limit, and each brace up to it that is never closed
    CHECK(found.back().message == "blocks nested more than 8 deep");
}
