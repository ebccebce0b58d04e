#include "lib/http/path.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir::http;

TEST_CASE("paths that mean different things to different readers are refused") {
    for (const auto* path :
         {"/..",       "/../a",       "/a/../b",     "/a/..",       "/.",          "/./a",     "/a/./b",
          "/%2e%2e/a", "/%2E./a",     "/.%2e",       "/%2e/",       "/a/..;x=1/b", "/a/..;",   "/a/.;/b",
          "/a/..%2fb", "/a%2f..%2fb", "/a%5c..%5cb", "/a/..%3bx/b", "/a\\b",       "/\\..\\a", "/a%00b",
          "/%",        "/%2",         "/%zz",        "/a%g0"}) {
        CAPTURE(path);
        CHECK(fault_of_path(path) != nullptr);
    }
    for (const auto* path : {"/", "/a", "/a/b/", "/.well-known/x", "/...", "/a..b", "/..a", "/a..", "/a;..", "/;..",
                             "//a", "/a%2fb", "/a%5cb", "/%41", "/caf%C3%A9", "/a:b@c", "/%252e%252e/", ""}) {
        CAPTURE(path);
        CHECK(fault_of_path(path) == nullptr);
    }
}

TEST_CASE("two spellings of one path compare alike") {
    CHECK(comparable_path("//admin///x/") == "/admin/x/");
    CHECK(comparable_path("/%61dm%69n") == "/admin");
    CHECK(comparable_path("/a%2Bb%7e") == "/a+b~");
    CHECK(comparable_path("/a%2fb") == "/a%2Fb");
    CHECK(comparable_path("/caf%c3%a9%20%3B") == "/caf%C3%A9%20%3B");
    CHECK(comparable_path("/%2561") == "/%2561");
    CHECK(is_plain_path("/a/b.c;d/"));
    CHECK_FALSE(is_plain_path("/a//b"));
    CHECK_FALSE(is_plain_path("/%61"));
    CHECK_FALSE(is_plain_path("/.a"));
    CHECK_FALSE(is_plain_path("/a\\b"));
}

TEST_CASE("prefixes match whole segments") {
    CHECK(path_has_prefix("/a", "/a"));
    CHECK(path_has_prefix("/a/", "/a"));
    CHECK(path_has_prefix("/a/b", "/a"));
    CHECK_FALSE(path_has_prefix("/ab", "/a"));
    CHECK_FALSE(path_has_prefix("/A", "/a"));
    CHECK(path_has_prefix("/a/", "/a/"));
    CHECK(path_has_prefix("/a/b", "/a/"));
    CHECK_FALSE(path_has_prefix("/a", "/a/"));
    CHECK(path_has_prefix("/anything", "/"));
    CHECK(path_has_prefix("*", ""));
}

TEST_CASE("the comparable spelling is stable, and free of faults", "[property]") {
    rc::prop("for any good path", [] {
        const auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
            "/", "a", ".", "..", "%2e", "%2f", "%41", "%c3", ";", "%25", "//", "%3b", "%5C", "-"));
        std::string path = "/";
        for (const auto& part : parts) path += part;
        if (fault_of_path(path)) {
            RC_ASSERT(!is_plain_path(path));
            return;
        }
        const auto once = comparable_path(path);
        RC_ASSERT(comparable_path(once) == once);
        RC_ASSERT(fault_of_path(once) == nullptr);
        RC_ASSERT(!is_plain_path(path) || once == path);
    });
}
