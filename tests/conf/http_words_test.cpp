#include "conf/http_words.hpp"

#include "tests/support/catch.hpp"

using namespace weir::conf;

TEST_CASE("http words: headers that weir writes itself may not be touched, in any spelling") {
    for (auto name : {"Connection", "TRANSFER-ENCODING", "content-length", "Upgrade", "te", "Keep-Alive",
                      "Proxy-Connection", "Trailer"})
        CHECK_FALSE(problem_of_header_name(name).empty());
    for (auto name : {"Host", "X-A", "_x", "Server"}) CHECK(problem_of_header_name(name).empty());
    for (auto name : {"", "a b", "a:", "\xc3\xa4", "a\n"}) CHECK_FALSE(problem_of_header_name(name).empty());
}

TEST_CASE("http words: a header value cannot smuggle a line") {
    using namespace std::string_view_literals;
    for (auto value : {"a\rb"sv, "a\nb"sv, "a\0b"sv, "a\x7f"sv, " a"sv, "a\t"sv})
        CHECK_FALSE(problem_of_header_value(value).empty());
    for (auto value : {""sv, "a b"sv, "a\tb"sv, "\xc3\xa4"sv}) CHECK(problem_of_header_value(value).empty());
}

TEST_CASE("http words: host patterns come out in lower case") {
    CHECK(read_host_pattern("API.Example.com") == "api.example.com");
    CHECK(read_host_pattern("*.Example.com") == "*.example.com");
    CHECK(read_host_pattern("192.0.2.1") == "192.0.2.1");
    CHECK(read_host_pattern("[FD00::1]") == "[fd00::1]");
    for (auto text : {"", "*", "*.", "a.*.b", "*a.b", "a:80", "a..b", ".a", "a.", "a/b", "[::1"})
        CHECK_FALSE(read_host_pattern(text));
}

TEST_CASE("http words: hosts and paths of requests that weir makes") {
    for (auto text : {"a", "a.b:80", "192.0.2.1", "192.0.2.1:8080", "[::1]", "[::1]:80"})
        CHECK(problem_of_host(text).empty());
    for (auto text :
         {"", ":80", "a b", "a:0", "a:65536", "a:", "a..b", "http://a", "::1", "[::g]", "[::1", "a\r\nX: y"})
        CHECK_FALSE(problem_of_host(text).empty());
    CHECK(problem_of_request_path("/a?b=c&d").empty());
    for (auto text : {"", "a", "/a b", "/a#b", "/\xc3\xa4", "/\r\n"})
        CHECK_FALSE(problem_of_request_path(text).empty());
}

TEST_CASE("http words: prefixes and URLs") {
    CHECK(problem_of_prefix("/a/%20").empty());
    for (auto text : {"", "a", "/a b", "/a?b", "/a#b", "/\xc3\xa4"}) CHECK_FALSE(problem_of_prefix(text).empty());
    for (auto text : {"/", "http://a", "https://$host$target", "$scheme://a"}) CHECK(problem_of_url(text).empty());
    for (auto text : {"", "a", "ftp://a", "/a b", "/a\r\nb"}) CHECK_FALSE(problem_of_url(text).empty());
}

TEST_CASE("http words: templates are literals and variables in turn") {
    using variable = text_template::variable;
    const auto made = read_template("https://$host:1$target$$x");
    REQUIRE(made);
    REQUIRE(made->pieces.size() == 3);
    CHECK(made->pieces[0] == text_template::piece{"https://", variable::host});
    CHECK(made->pieces[1] == text_template::piece{":1", variable::target});
    CHECK(made->pieces[2] == text_template::piece{"$x", variable::none});
    CHECK(made->text == "https://$host:1$target$$x");

    CHECK(read_template("")->pieces.empty());
    CHECK(read_template("$path")->pieces.front().var == variable::path);
    CHECK(read_template("$client_address")->pieces.front().var == variable::client_address);
    CHECK(read_template("$request_id")->pieces.front().var == variable::request_id);
    CHECK(read_template("$scheme")->pieces.front().var == variable::scheme);
    for (auto text : {"$", "a$ b", "$hosts", "$Host", "$host_"}) CHECK_FALSE(read_template(text));
}
