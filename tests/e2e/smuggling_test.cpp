/// What one parser could read as one message and another as two must not reach a server.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

using namespace std::string_literals;

/// The request that must never be seen by the server as one of its own.
const std::string hidden = "GET /id?hidden HTTP/1.1\r\nHost: t\r\n\r\n";

std::string post(const std::string& fields, const std::string& body) {
    return "POST /headers HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n" + body;
}

}  // namespace

TEST_CASE("smuggling: requests of two readings are refused, and nothing reaches the server", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    const auto length = "Content-Length: " + std::to_string(hidden.size()) + "\r\n";
    const std::pair<const char*, std::string> catalogue[] = {
        {"both lengths, CL.TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden)},
        {"both lengths, TE.CL",
         post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n" + hidden + "0\r\n\r\n")},
        {"two lengths that differ", post("Content-Length: 0\r\n" + length, hidden)},
        {"two lengths that agree", post(length + length, hidden)},
        {"a list of lengths", post("Content-Length: 0, 38\r\n", hidden)},
        {"a signed length", post("Content-Length: +38\r\n", hidden)},
        {"a negative length", post("Content-Length: -1\r\n", hidden)},
        {"a hexadecimal length", post("Content-Length: 0x26\r\n", hidden)},
        {"a length that overflows to 0", post("Content-Length: 18446744073709551616\r\n", hidden)},
        {"an empty length", post("Content-Length:\r\n", hidden)},
        {"a length with a space inside", post("Content-Length: 3 8\r\n", hidden)},
        {"space before the colon", post("Content-Length : 38\r\n", hidden)},
        {"space before the colon of TE", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + hidden)},
        {"a folded TE", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n" + hidden)},
        {"a folded line", post("X: a\r\n\tTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden)},
        {"TE that is nearly chunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + hidden)},
        {"TE with a trailing comma", post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n" + hidden)},
        {"chunked, then identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + hidden)},
        {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden)},
        {"TE with a vertical tab", post("Transfer-Encoding: \x0b"
                                        "chunked\r\n",
                                        "0\r\n\r\n" + hidden)},
        {"TE with a quotation", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n" + hidden)},
        {"TE in HTTP/1.0",
         "POST /headers HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n" +
             hidden},
        {"bare LF as line end", "GET /headers HTTP/1.1\nHost: t\n\n" + hidden},
        {"bare LF inside the head",
         "GET /headers HTTP/1.1\r\nHost: t\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden},
        {"bare CR in a value", "GET /headers HTTP/1.1\r\nHost: t\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n" + hidden},
        {"NUL in a value", "GET /headers HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n"s + hidden},
        {"NUL in a name", "GET /headers HTTP/1.1\r\nHost: t\r\nX\0: b\r\n\r\n"s + hidden},
        {"a line without a name", "GET /headers HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n" + hidden},
        {"a line without a colon", "GET /headers HTTP/1.1\r\nHost: t\r\nX\r\n\r\n" + hidden},
        {"a space in the target", "GET /headers HTTP/1.1 HTTP/1.1\r\nHost: t\r\n\r\n" + hidden},
        {"HTTP/0.9", "GET /headers\r\n\r\n" + hidden},
        {"a version with too much", "GET /headers HTTP/1.10\r\nHost: t\r\n\r\n" + hidden},
        {"Host hidden by Connection", "GET /headers HTTP/1.1\r\nHost: t\r\nConnection: Host\r\n\r\n" + hidden},
        {"length hidden by Connection", post(length + "Connection: Content-Length\r\n", hidden)},
        {"a fragment", "GET /headers#a HTTP/1.1\r\nHost: t\r\n\r\n" + hidden},
        {"an encoded dot-segment", "GET /x/%2e%2e/headers HTTP/1.1\r\nHost: t\r\n\r\n" + hidden},
        {"an encoded NUL in the path", "GET /headers%00 HTTP/1.1\r\nHost: t\r\n\r\n" + hidden},
        {"a Host with a path", "GET /headers HTTP/1.1\r\nHost: t/x\r\n\r\n" + hidden},
        {"two different hosts", "GET /headers HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n" + hidden},
        {"TRACE with a body", "TRACE /headers HTTP/1.1\r\nHost: t\r\n" + length + "\r\n" + hidden},
    };
    for (const auto& [what, bytes] : catalogue) {
        INFO(what);
        raw_client client{weir.address()};
        const auto answer = client.ask(bytes);
        CHECK(answer.status >= 400);
        CHECK(answer.status != 502);
        CHECK_FALSE(answer.why().empty());
        CHECK(answer.closes());
        CHECK(client.read_all().empty());  // one answer, not two
    }
    CHECK(origin_count(web.address(), "requests") == 0);
    CHECK(origin_count(web.address(), "bad_requests") == 0);
}

TEST_CASE("smuggling: a body is never taken for a request, and malformed chunks end it", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    const auto size = [] {
        char digits[8];
        return std::string{digits,
                           static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%zx", hidden.size()))};
    }();
    const std::string head = "POST /upload HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    SECTION("a well-formed one") {
        raw_client client{weir.address()};
        CHECK(client.ask(head + size + "\r\n" + hidden + "\r\n0\r\n\r\n")
                  .body.contains("\"length\":" + std::to_string(hidden.size())));
        CHECK(client.ask(post("Content-Length: " + std::to_string(hidden.size()) + "\r\n", hidden)).status == 200);
        CHECK(origin_count(web.address(), "requests") == 2);
    }
    SECTION("malformed ones") {
        for (const auto& body : {"x\r\n"s, "-1\r\n\r\n"s, "0x5\r\nabcde\r\n0\r\n\r\n"s, "5 \r\nabcde\r\n0\r\n\r\n"s,
                                 "5\nabcde\n0\n\n"s, "5\r\nabcdeXX0\r\n\r\n"s, "3\r\nabcde\r\n0\r\n\r\n"s,
                                 "ffffffffffffffffff\r\n"s, "1;\n\r\na\r\n0\r\n\r\n"s, "0\r\nX : y\r\n\r\n"s,
                                 "0\r\n X: y\r\n\r\n"s, "\r\n0\r\n\r\n"s, "5;a=\"\n\"\r\nabcde\r\n0\r\n\r\n"s}) {
            INFO(body);
            raw_client client{weir.address()};
            const auto answer = client.ask(head + body + hidden);
            CHECK(answer.status == 400);
            CHECK(client.read_all().empty());
            CHECK(weir.logged(answer.field("X-Request-Id").value())["reason"] == "bad_framing");
        }
        CHECK(eventually([&] { return origin_count(web.address(), "in_flight") == 0; }));
        CHECK(origin_count(web.address(), "bad_requests") == 0);  // cut, never forwarded
    }
}

TEST_CASE("smuggling: what is forwarded is written anew", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    raw_client client{weir.address()};
    const auto seen =
        client
            .ask(
                "POST /headers HTTP/1.1\r\nhOsT:t\r\ntransfer-ENCODING:\t CHUNKED \r\nX-Odd:   spaced   \r\n\r\n0\r\n\r\n")
            .body;
    CHECK(seen.contains("\r\nTransfer-Encoding: chunked\r\n"));
    CHECK(seen.contains("\r\nHost: t\r\n"));
    CHECK(seen.contains("\r\nX-Odd: spaced\r\n"));
    CHECK(client.ask("POST /headers HTTP/1.1\r\nHost: t\r\nContent-Length: 0003\r\n\r\nabc")
              .body.contains("\r\nContent-Length: 3\r\n"));
    CHECK(origin_count(web.address(), "bad_requests") == 0);
}

TEST_CASE("smuggling: a server's answer of two readings is a 502, and its connection is not used again", "[e2e]") {
    origin_process web;
    proxy weir{simple({web.address()})};
    const std::string next = "HTTP/1.1%20200%20OK%0D%0AContent-Length:%205%0D%0A%0D%0Astray";
    raw_client client{weir.address()};
    for (const auto* raw :
         {"HTTP/1.1%20200%20OK%0D%0AContent-Length:%200%0D%0ATransfer-Encoding:%20chunked%0D%0A%0D%0A0%0D%0A%0D%0A",
          "HTTP/1.1%20200%20OK%0D%0AContent-Length:%200%0D%0AContent-Length:%205%0D%0A%0D%0A",
          "HTTP/1.1%20200%20OK%0D%0AContent-Length:%20-1%0D%0A%0D%0A",
          "HTTP/1.1%20200%20OK%0AContent-Length:%200%0A%0A", "HTTP/1.1%20200%20OK%0D%0AX%20:%20y%0D%0A%0D%0A",
          "HTTP/1.1%2099%20No%0D%0A%0D%0A", "HTTP/2.0%20200%20OK%0D%0A%0D%0A",
          "HTTP/1.1%20200%20OK%0D%0AX:%20a%0D%0A%20folded%0D%0A%0D%0A", "ICY%20200%20OK%0D%0A%0D%0A",
          "HTTP/1.1%20200%20OK%0D%0AX:%20a%0Db%0D%0A%0D%0A"}) {
        INFO(raw);
        const auto answer = client.get("/raw?keep&text=" + std::string{raw} + next);
        CHECK(answer.status == 502);
        CHECK(answer.why() == "bad_response");
        CHECK(client.get("/id").body == "origin");
    }
    SECTION("an answer with something behind it") {
        CHECK(client.get("/raw?keep&text=" + next + next).body == "stray");
        CHECK(client.get("/id").body == "origin");
    }
    SECTION("an answer that nobody asked for, later") {
        CHECK(client.get("/raw?keep&text=HTTP/1.1%20204%20No%0D%0A%0D%0A" + next).status == 204);
        CHECK(client.get("/id").body == "origin");
    }
}
