#include "lib/http/head.hpp"

#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::test;

namespace {

bool kept_by_client(const std::string& version, const std::string& connection) {
    return request("GET / " + version + "\r\nHost: a\r\n" + connection + "\r\n").keep_alive();
}

request_head expecting(const std::string& version, const std::string& lines) {
    return request("POST / " + version + "\r\nHost: a\r\n" + lines + "\r\n");
}

}  // namespace

TEST_CASE("who wants to keep the connection") {
    CHECK(kept_by_client("HTTP/1.1", ""));
    CHECK(kept_by_client("HTTP/1.1", "Connection: x\r\n"));
    CHECK_FALSE(kept_by_client("HTTP/1.1", "Connection: Close\r\n"));
    CHECK_FALSE(kept_by_client("HTTP/1.1", "Connection: keep-alive\r\nConnection: x, close\r\n"));
    CHECK_FALSE(kept_by_client("HTTP/1.0", ""));
    CHECK(kept_by_client("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    CHECK_FALSE(kept_by_client("HTTP/1.0", "Connection: close, keep-alive\r\n"));
    CHECK_FALSE(kept_by_client("HTTP/1.0", "Proxy-Connection: keep-alive\r\n"));
    CHECK(response("HTTP/1.1 200 OK\r\n\r\n").keep_alive());
    CHECK_FALSE(response("HTTP/1.0 200 OK\r\n\r\n").keep_alive());
}

TEST_CASE("Expect counts in HTTP/1.1 and with a body") {
    CHECK(expecting("HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n").expects_continue());
    CHECK(expecting("HTTP/1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n").expects_continue());
    CHECK_FALSE(expecting("HTTP/1.1", "Expect: 100-continue\r\n").expects_continue());
    CHECK_FALSE(expecting("HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n").expects_continue());
    CHECK_FALSE(expecting("HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n").expects_continue());
    CHECK(request_reason("POST / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n") == "unsupported_expectation");
    CHECK(request_reason("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, cake\r\n\r\n") ==
          "unsupported_expectation");
    CHECK(request_reason("POST / HTTP/1.0\r\nHost: a\r\nExpect: cake\r\n\r\n") == "none");
}

TEST_CASE("TE: trailers") {
    CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nTE: gzip;q=0.5, Trailers\r\n\r\n").accepts_trailers());
    CHECK_FALSE(request("GET / HTTP/1.1\r\nHost: a\r\nTE: gzip\r\n\r\n").accepts_trailers());
}

TEST_CASE("the body of a request") {
    CHECK(told(expecting("HTTP/1.1", "").framing()) == "none");
    CHECK(told(expecting("HTTP/1.1", "Content-Length: 0\r\n").framing()) == "length 0");
    CHECK(told(expecting("HTTP/1.1", "Content-Length: 12\r\n").framing()) == "length 12");
    CHECK(told(expecting("HTTP/1.1", "Transfer-Encoding: chunked\r\n").framing()) == "chunked");
    CHECK(request_reason("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n") == "bad_request");
}

TEST_CASE("the body of a response depends on status and method") {
    const auto body = [](const std::string& status, const std::string& lines, method asked = method::get) {
        return told(response("HTTP/1.1 " + status + " x\r\n" + lines + "\r\n").framing(asked));
    };
    CHECK(body("200", "") == "until close");
    CHECK(body("200", "Content-Length: 3\r\n") == "length 3");
    CHECK(body("200", "Transfer-Encoding: chunked\r\n") == "chunked");
    CHECK(body("200", "Content-Length: 3\r\n", method::head) == "none");
    CHECK(body("200", "Transfer-Encoding: chunked\r\n", method::head) == "none");
    CHECK(body("200", "", method::head) == "none");
    CHECK(body("304", "Content-Length: 3\r\n") == "none");
    CHECK(body("204", "") == "none");
    CHECK(body("100", "") == "none");
    CHECK(body("101", "Connection: upgrade\r\nUpgrade: x\r\n") == "none");
}

TEST_CASE("a 204 that announces a body spoils its connection") {
    CHECK(response("HTTP/1.1 204 x\r\n\r\n").keep_alive());
    CHECK(response("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n").keep_alive());
    CHECK_FALSE(response("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n").keep_alive());
    CHECK_FALSE(response("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n").keep_alive());
}

TEST_CASE("which fields of a response go on") {
    const auto names = [](const response_head& head, method asked) {
        std::string out;
        for (const field f : head.fields())
            if (head.forwardable(f, asked)) out.append(f.name).append(" ");
        return out;
    };
    const auto head = response(
        "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\nKeep-Alive: 5\r\nContent-Length: 3\r\nTrailer: t\r\n"
        "Proxy-Authenticate: p\r\nUpgrade: u\r\nSet-Cookie: c\r\nx_forwarded_for: harmless\r\n\r\n");
    CHECK(names(head, method::get) == "Date Set-Cookie x_forwarded_for ");
    CHECK(names(head, method::head) == "Date Content-Length Set-Cookie x_forwarded_for ");
    CHECK(names(response("HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n"), method::get) == "Content-Length ");
    CHECK(names(response("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n"), method::get).empty());
    CHECK(names(response("HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nTrailer: t\r\n\r\n"), method::get) ==
          "Trailer ");
}

TEST_CASE("Max-Forwards goes on untouched where it does not count") {
    const auto forwarded = [](const std::string& name) {
        const auto head = request(name + " / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n");
        return head.forwardable(head.fields()[1]);
    };
    CHECK(forwarded("GET"));
    CHECK_FALSE(forwarded("OPTIONS"));
    CHECK_FALSE(forwarded("TRACE"));
}
