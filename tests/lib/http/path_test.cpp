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
}

TEST_CASE("the shape of a target") {
    const auto plain = [](std::string_view target) { return shape_of_target(target).plain; };
    CHECK(plain("/a/b.c;d/"));
    CHECK_FALSE(plain("/a//b"));
    CHECK_FALSE(plain("/%61"));
    CHECK_FALSE(plain("/.a"));
    CHECK_FALSE(plain("/a\\b"));
    CHECK(plain("/a?//%61\\"));  // the query is nobody's path
    CHECK_FALSE(plain("//?"));
    CHECK(shape_of_target("/abc").path_size == 4);
    CHECK(shape_of_target("/abc?d?e").path_size == 4);
    CHECK(shape_of_target("?").path_size == 0);
    CHECK(shape_of_target("").path_size == 0);
    for (int c = 0; c < 256; ++c) {
        CAPTURE(c);
        const bool visible = c > 0x20 && c < 0x7f && c != '#';
        for (const std::string before : {"/", "/?"})
            CHECK(shape_of_target(before + static_cast<char>(c) + "x").allowed == visible);
    }
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
            RC_ASSERT(!shape_of_target(path).plain);
            return;
        }
        const auto once = comparable_path(path);
        RC_ASSERT(comparable_path(once) == once);
        RC_ASSERT(fault_of_path(once) == nullptr);
        RC_ASSERT(!shape_of_target(path).plain || once == path);
    });
}
