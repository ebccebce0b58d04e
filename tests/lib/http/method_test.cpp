#include "lib/http/method.hpp"

#include "tests/support/catch.hpp"

using namespace weir::http;

TEST_CASE("methods") {
    CHECK(method_of("GET") == method::get);
    CHECK(method_of("DELETE") == method::delete_);
    CHECK(method_of("UNSUBSCRIBE") == method::unsubscribe);
    CHECK(method_of("get") == method::unknown);
    CHECK(method_of("GETT") == method::unknown);
    CHECK(method_of("") == method::unknown);
}

TEST_CASE("which methods may be tried again") {
    for (const auto m : {method::get, method::head, method::options, method::trace, method::propfind}) {
        CHECK(is_safe(m));
        CHECK(is_idempotent(m));
    }
    for (const auto m : {method::put, method::delete_, method::mkcol}) {
        CHECK_FALSE(is_safe(m));
        CHECK(is_idempotent(m));
    }
    for (const auto m : {method::post, method::patch, method::lock, method::purge, method::subscribe, method::unknown})
        CHECK_FALSE(is_idempotent(m));
}
