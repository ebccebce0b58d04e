#include "conf/diagnostic.hpp"

#include "tests/support/catch.hpp"

using namespace weir::conf;

namespace {
diagnostic error_at(int line, int column, int length) {
    return {severity::error, "proxy.conf", {{line, column}, length}, "odd"};
}
}  // namespace

TEST_CASE("diagnostic: head, source line, caret under the token") {
    const std::string text = "a;\n  hegde after p95;\n";
    CHECK(render(error_at(2, 3, 5), text) == "proxy.conf:2:3: error: odd\n"
                                             "2 |   hegde after p95;\n"
                                             "  |   ^~~~~\n");
}

TEST_CASE("diagnostic: the caret keeps its place behind tabs and beyond ASCII") {
    CHECK(render(error_at(1, 2, 1), "\tx") == "proxy.conf:1:2: error: odd\n1 | \tx\n  | \t^\n");
    CHECK(render(error_at(1, 4, 2), "\xc3\xa4 \xc3\xb6;") ==
          "proxy.conf:1:4: error: odd\n1 | \xc3\xa4 \xc3\xb6;\n  |   ^\n");
}

TEST_CASE("diagnostic: a hostile line cannot drive the terminal, nor fill it") {
    CHECK(render(error_at(1, 1, 1), "\x1b[2J") == "proxy.conf:1:1: error: odd\n1 | ?[2J\n  | ^\n");
    CHECK(quoted("a\x1b\n") == "'a?"
                               "?'");
    CHECK(render(error_at(1, 50'000, 60'000), std::string(100'000, 'x')).size() < 500);
    CHECK(quoted(std::string(1000, 'x')).size() < 70);
    CHECK(quoted(std::string(59, 'x') + "\xc3\xa4") == "'" + std::string(59, 'x') + "...'");
}

TEST_CASE("diagnostic: behind the end of the text there is room for a caret") {
    CHECK(render(error_at(1, 1, 1), "") == "proxy.conf:1:1: error: odd\n1 | \n  | ^\n");
    CHECK(render(error_at(1, 3, 9), "ab") == "proxy.conf:1:3: error: odd\n1 | ab\n  |   ^\n");
}

TEST_CASE("diagnostic: all in the order of the file, notes behind their errors, then a count") {
    diagnostics problems{"f"};
    problems.error({{2, 1}, 1}, "second");
    problems.note({{1, 1}, 1}, "its note");
    problems.warning({{1, 1}, 1}, "first");
    problems.error({{2, 2}, 1}, "third");
    CHECK(problems.has_errors());
    const auto found = problems.take();
    REQUIRE(found.size() == 4);
    CHECK(found[0].message == "first");
    CHECK(found[1].message == "second");
    CHECK(found[2].message == "its note");
    CHECK(found[3].message == "third");
    CHECK(render(found, "ab\ncd\n").ends_with("\n2 errors, 1 warning\n"));
    CHECK(render(std::vector<diagnostic>{found[0]}, "ab").ends_with("\n1 warning\n"));
    CHECK(render(std::vector<diagnostic>{}, "ab").empty());
}

TEST_CASE("diagnostic: past the hundredth error only one more line") {
    diagnostics problems{"f"};
    for (int i = 0; i < 1000; ++i) {
        problems.error({{1000 - i, 1}, 1}, "odd");
        problems.note({{1, 1}, 1}, "note");
    }
    const auto found = problems.take();
    CHECK(found.size() == 201);
    CHECK(found.back().message == "too many errors; the rest is not shown");
}
