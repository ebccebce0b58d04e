#include "conf/lexer.hpp"

#include "tests/support/catch.hpp"

using namespace weir::conf;

namespace {

std::vector<token> lex(std::string_view text, diagnostics& problems) {
    lexer words{text, problems};
    std::vector<token> out;
    do out.push_back(words.next());
    while (out.back().what != token::kind::end);
    return out;
}

std::vector<token> lex(std::string_view text) {
    diagnostics problems{"f"};
    auto out = lex(text, problems);
    CHECK(problems.take().empty());
    return out;
}

}  // namespace

TEST_CASE("lexer: words, semicolons and braces, each with its place") {
    const auto found = lex("a b;\r\n\t{ }");
    REQUIRE(found.size() == 6);
    CHECK(found[0].text == "a");
    CHECK(found[1].text == "b");
    CHECK(found[2].what == token::kind::semicolon);
    CHECK(found[3].what == token::kind::open);
    CHECK(found[4].what == token::kind::close);
    CHECK(found[5].what == token::kind::end);
    CHECK(found[1].where.at.column == 3);
    CHECK(found[3].where.at.line == 2);
    CHECK(found[3].where.at.column == 2);
}

TEST_CASE("lexer: a comment reaches to the end of its line") {
    const auto found = lex("a # b; c\nd;#e");
    REQUIRE(found.size() == 4);
    CHECK(found[0].text == "a");
    CHECK(found[1].text == "d");
}

TEST_CASE("lexer: a bare word holds anything but white space ; { } \" #") {
    CHECK(lex("/a?b=c&d=[::1]:80,\\x'*$%").front().text == "/a?b=c&d=[::1]:80,\\x'*$%");
}

TEST_CASE("lexer: quotes keep blanks and braces, and know three escapes") {
    const auto found = lex(R"("a {b}; #c \"d\" \\ e\nf" "" x)");
    REQUIRE(found.size() == 4);
    CHECK(found[0].text == "a {b}; #c \"d\" \\ e\nf");
    CHECK(found[0].where.length == 25);
    CHECK(found[1].text.empty());
    CHECK(found[1].what == token::kind::word);
    CHECK(found[2].text == "x");
}

TEST_CASE("lexer: key=value is recognised in bare words only") {
    CHECK(lex("weight=2").front().key_length == 6);
    CHECK(lex("first_byte=").front().key_length == 10);
    CHECK(lex("type=\"a b\"").front().key_length == 4);
    CHECK(lex("type=\"a b\"").front().text == "type=a b");
    CHECK(lex("\"weight=2\"").front().key_length == 0);
    CHECK(lex("/x?a=b").front().key_length == 0);
    CHECK(lex("=b").front().key_length == 0);
    CHECK(lex("Key=b").front().key_length == 0);
}

TEST_CASE("lexer: what touches a word is reported once and does not swallow the rest") {
    diagnostics problems{"f"};
    const auto found = lex("a#b; \"c\"d; e\"f\"; g;", problems);
    CHECK(problems.take().size() == 3);
    CHECK(found.size() == 9);
    CHECK(found[6].text == "g");
}

TEST_CASE("lexer: a quote left open ends with its line") {
    diagnostics problems{"f"};
    const auto found = lex("\"a b\nc", problems);
    CHECK(problems.take().size() == 1);
    REQUIRE(found.size() == 3);
    CHECK(found[1].text == "c");
}
