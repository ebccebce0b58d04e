#include "proxy/dashboard_page.hpp"

#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("dashboard: nothing but what carries the nonce may run, and nothing comes from elsewhere") {
    const auto page = dashboard_page("abc123==");
    const auto policy = dashboard_fields("abc123==");
    CHECK(policy.find("default-src 'none'; script-src 'nonce-abc123=='; style-src 'nonce-abc123=='") != policy.npos);
    CHECK(policy.find("unsafe") == policy.npos);
    CHECK(policy.ends_with("\r\n"));
    CHECK(page.find("<script nonce=\"abc123==\">") != page.npos);
    CHECK(page.find("<style nonce=\"abc123==\">") != page.npos);
    CHECK(page.find("{nonce}") == page.npos);
    for (const auto* forbidden : {"<script>", "<script src", "<style>", " style=\"", " onclick", "innerHTML", "http://",
                                  "https://", "eval(", "@import", "url("}) {
        CAPTURE(forbidden);
        auto found = page.find(forbidden);
        // The one address in the page names a vocabulary, and is never fetched.
        if (found != page.npos && page.substr(found).starts_with("http://www.w3.org/2000/svg"))
            found = page.find(forbidden, page.rfind("http://www.w3.org/2000/svg") + 1);
        CHECK(found == page.npos);
    }
}

TEST_CASE("dashboard: a page without its end would be a page without its script") {
    const auto page = dashboard_page("n");
    CHECK(page.starts_with("<!doctype html>"));
    CHECK(page.ends_with("</html>\n"));
    CHECK(page.size() > 10'000);
}
