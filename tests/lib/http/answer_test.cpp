#include "lib/http/answer.hpp"

#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::test;

TEST_CASE("a refusal explains itself") {
    std::string out;
    append_refusal(out, reason::connect_refused,
                   {.keep_alive = true, .date = "Sun, 06 Nov 1994 08:49:37 GMT", .request_id = "r1"});
    CHECK(
        out ==
        "HTTP/1.1 502 Bad Gateway\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: weir\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 32\r\nCache-Control: no-store\r\nProxy-Status: weir; error=connection_refused; details=\"connect_refused\"\r\n"
        "X-Request-Id: r1\r\n\r\n502 Bad Gateway\nconnect_refused\n");
}

TEST_CASE("every refusal is a message that our own parser takes") {
    for (int i = 1; i < reason_count; ++i) {
        const auto why = static_cast<reason>(i);
        CAPTURE(word(why));
        for (const bool head_only : {false, true}) {
            std::string out;
            append_refusal(out, why, {.head_only = head_only});
            response_parser parser;
            response_head head;
            const auto used = parser.parse(out, {}, head);
            REQUIRE(used);
            CHECK(head.status() == status_for(why));
            CHECK_FALSE(head.keep_alive());
            CHECK(out.size() - *used == (head_only ? 0 : head.content_length()));
        }
    }
}

TEST_CASE("a refusal says when to come again, and whether the request was processed") {
    std::string out;
    append_refusal(out, reason::rate_limited, {}, {.retry_after = 7});
    CHECK(response(out).status() == 429);
    CHECK(response(out).find(field_id::retry_after) == "7");
    CHECK_FALSE(response(out).fields().find("x-not-processed"));
    out.clear();
    append_refusal(out, reason::overloaded, {}, {.unprocessed = true, .no_retry = true});
    CHECK_FALSE(response(out).find(field_id::retry_after));
    CHECK(response(out).fields().find("X-Not-Processed") == "1");
    CHECK(response(out).fields().find("X-Retry") == "no");
}

TEST_CASE("the refusal of what was not read is a whole message that ends the connection") {
    const auto head = response(std::string{refusal_unread});
    CHECK(head.status() == status_for(reason::overloaded));
    CHECK(head.find(field_id::content_length) == "0");
    CHECK_FALSE(head.keep_alive());
    CHECK(refusal_unread.find(word(reason::overloaded)) != refusal_unread.npos);
}

TEST_CASE("redirects and fixed responses") {
    std::string out;
    append_answer(out, {.status = 308, .location = "https://a/"}, {.keep_alive = true, .client_minor = 0});
    CHECK(
        out ==
        "HTTP/1.1 308 Permanent Redirect\r\nServer: weir\r\nLocation: https://a/\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
    out.clear();
    append_answer(out, {.status = 200, .body = "{}", .type = "application/json", .fields = "A: b\r\n"},
                  {.keep_alive = true});
    CHECK(out ==
          "HTTP/1.1 200 OK\r\nServer: weir\r\nContent-Type: application/json\r\nContent-Length: 2\r\nA: b\r\n\r\n{}");
    out.clear();
    append_answer(out, {.status = 204, .body = "dropped"}, {});
    CHECK(out == "HTTP/1.1 204 No Content\r\nServer: weir\r\nConnection: close\r\n\r\n");
}
