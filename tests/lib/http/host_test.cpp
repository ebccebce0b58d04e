#include "lib/http/host.hpp"

#include "tests/support/catch.hpp"

using namespace weir::http;

namespace {
bool good(std::string_view text) { return parse_authority(text).has_value(); }
}  // namespace

TEST_CASE("authorities are taken apart") {
    const auto a = parse_authority("Example.com:8080");
    REQUIRE(a);
    CHECK(a->host == "Example.com");
    CHECK(a->port == 8080);
    const auto b = parse_authority("[2001:db8::1]:1");
    REQUIRE(b);
    CHECK(b->host == "[2001:db8::1]");
    CHECK(b->port == 1);
    const auto c = parse_authority("a_b.c-d.");
    REQUIRE(c);
    CHECK(c->host == "a_b.c-d.");
    CHECK_FALSE(c->port);
    CHECK(good("127.0.0.1:65535"));
    CHECK(good("host:"));
}

TEST_CASE("what is not a host") {
    for (const auto* text : {"", ":", ":80", ".", "a b", "a:x", "a:00000080", "a:065536", "a:1:2", "a%41", "u@a", "a/",
                             "[", "[]", "[::1]80", "[::1]:", "[::1]:99999", "[a]", "\xc3\xa4"}) {
        CAPTURE(text);
        CHECK(good(text) == (std::string_view{text} == "[::1]:"));
    }
    CHECK(good(std::string(255, 'a')));
    CHECK_FALSE(good(std::string(256, 'a')));
}

TEST_CASE("IPv6 addresses") {
    for (const auto* text : {"[::]", "[::1]", "[1::]", "[1:2:3:4:5:6:7:8]", "[1::8]", "[::ffff:1.2.3.4]",
                             "[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[ABCD::ef01]"}) {
        CAPTURE(text);
        CHECK(good(text));
    }
    for (const auto* text : {"[:]",
                             "[:::]",
                             "[1]",
                             "[1:]",
                             "[:1]",
                             "[1::2::3]",
                             "[1:2:3:4:5:6:7:8:9]",
                             "[1:2:3:4:5:6:7]",
                             "[12345::]",
                             "[g::]",
                             "[::1.2.3]",
                             "[::1.2.3.256]",
                             "[::1.2.3.04]",
                             "[1.2.3.4::]",
                             "[1:2:3:4:5:6:7:1.2.3.4]",
                             "[1:2:3:4:5:6:7:8::]",
                             "[fe80::1%eth0]",
                             "[v1.a]",
                             "[::1.2.3.4.5]",
                             "[::1:]"}) {
        CAPTURE(text);
        CHECK_FALSE(good(text));
    }
}

TEST_CASE("hosts match patterns") {
    CHECK(host_matches("example.com", "EXAMPLE.com"));
    CHECK(host_matches("example.com", "example.com."));
    CHECK_FALSE(host_matches("example.com", "www.example.com"));
    CHECK_FALSE(host_matches("example.com", "example.org"));
    CHECK(host_matches("*.example.com", "www.Example.com"));
    CHECK(host_matches("*.example.com", "a.b.example.com"));
    CHECK_FALSE(host_matches("*.example.com", "example.com"));
    CHECK_FALSE(host_matches("*.example.com", ".example.com"));
    CHECK_FALSE(host_matches("*.example.com", "badexample.com"));
    CHECK_FALSE(host_matches("*.example.com", "www.example.com.evil"));
    CHECK(host_matches("*", "anything"));
    CHECK(host_matches("*", ""));
    CHECK(host_matches("[::1]", "[::1]"));
}
