/// A catalogue of what slips through proxies: each message here is read differently by someone, so it must be refused,
/// or go on in a form that everyone reads alike.
#include "lib/http/write.hpp"
#include "tests/lib/http/composed.hpp"
#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::test;

namespace {

std::string post(const std::string& lines) { return request_reason("POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"); }
std::string answer(const std::string& lines) { return response_reason("HTTP/1.1 200 OK\r\n" + lines + "\r\n"); }

}  // namespace

TEST_CASE("smuggling: two ways to say how long a request is") {
    CHECK(post("Content-Length: 5\r\n") == "none");
    CHECK(post("Transfer-Encoding: chunked\r\n") == "none");
    CHECK(post("Transfer-Encoding: Chunked\r\n") == "none");
    CHECK(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == "bad_framing");
    CHECK(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == "bad_framing");
    CHECK(post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n") == "bad_framing");
    CHECK(post("Content-Length: 5\r\nContent-Length: 6\r\n") == "bad_framing");
    CHECK(post("Content-Length: 5\r\ncontent-length: 5\r\n") == "bad_framing");
    CHECK(post("Content-Length: 5, 5\r\n") == "bad_framing");
    CHECK(post("Content-Length: 5\r\nContent-Length:\r\n") == "bad_framing");
}

TEST_CASE("smuggling: lengths that are none") {
    for (const auto* value :
         {"", "+5", "-5", "-0", "5 5", "5,", "0x5", "5.0", "5e1", "five", "\"5\"", "5\v", "9223372036854775808",
          "18446744073709551616", "18446744073709551621", "99999999999999999999999", "\xd9\xa5"}) {
        CAPTURE(value);
        const auto why = post(std::string{"Content-Length: "} + value + "\r\n");
        CHECK((why == "bad_framing" || why == "bad_request"));  // \v is refused earlier, as a control character
    }
    CHECK(post("Content-Length: 9223372036854775807\r\n") == "none");
    CHECK(post("Content-Length: 0005\r\n") == "none");  // goes on as 5
}

TEST_CASE("smuggling: codings that only some take for chunked") {
    for (const auto* value : {"xchunked", "chunkedx", "chunked,", "chunked, chunked", "chunked, identity",
                              "chunked, gzip", "identity", "gzip", "\"chunked\"", "chunked;q=1", "chunked ;",
                              "ch unked", "", ",", "chu\tnked", "gzip, chunked, chunked", "\xe1\xb4\x8b"}) {
        CAPTURE(value);
        CHECK(post(std::string{"Transfer-Encoding: "} + value + "\r\n") == "bad_framing");
    }
    CHECK(post("Transfer-Encoding: gzip, chunked\r\n") == "unsupported_encoding");
    CHECK(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == "bad_framing");
    CHECK(post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n") == "bad_framing");
    CHECK(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n") == "bad_framing");
    CHECK(request_reason("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == "bad_framing");
}

TEST_CASE("smuggling: a name or line that only some take for a framing field") {
    for (const auto& line : std::vector<std::string>{"Transfer-Encoding : chunked\r\n",
                                                     "Transfer-Encoding\t: chunked\r\n",
                                                     " Transfer-Encoding: chunked\r\n",
                                                     "X: y\r\n Transfer-Encoding: chunked\r\n",
                                                     "X: y\rTransfer-Encoding: chunked\r\n",
                                                     "X: y\nTransfer-Encoding: chunked\r\n",
                                                     "X:\rTransfer-Encoding: chunked\r\n",
                                                     "X:\nTransfer-Encoding: chunked\r\n",
                                                     "\rTransfer-Encoding: chunked\r\n",
                                                     "Transfer-Encoding\r\n: chunked\r\n",
                                                     "Transfer-Encoding:\r\n chunked\r\n",
                                                     "Transfer-Encoding:\vchunked\r\n",
                                                     "Transfer-Encoding: \fchunked\r\n",
                                                     "\x80Transfer-Encoding: chunked\r\n",
                                                     "Transfer-Encoding\x80: chunked\r\n",
                                                     "\"Transfer-Encoding\": chunked\r\n",
                                                     "Content-Length:5\r\n\n",
                                                     "Content Length: 5\r\n",
                                                     "Transfer-Encoding: chunked\r\r\n",
                                                     std::string{"Transfer-Encoding: chunked\0\r\n", 29},
                                                     std::string{"Transfer-Encoding\0: chunked\r\n", 29},
                                                     std::string{"X: a\0Content-Length: 5\r\n", 24}}) {
        CAPTURE(line);
        CHECK(post(line) == "bad_request");
    }
}

TEST_CASE("smuggling: the end of a head") {
    CHECK(request_reason("GET / HTTP/1.1\nHost: a\n\n") == "bad_request");
    CHECK(request_reason("GET / HTTP/1.1\r\nHost: a\r\n\n") == "bad_request");
    CHECK(request_reason("GET / HTTP/1.1\r\nHost: a\r\n\rGET /b HTTP/1.1\r\n\r\n") == "bad_request");
    CHECK(request_reason("GET / HTTP/1.1\r\nHost: a\r\n\r\r\n") == "bad_request");
    CHECK(request_reason("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n") == "bad_request");
    CHECK(request_reason("GET / HTTP/1.1\r\n\r\nHost: a\r\n\r\n") == "bad_host");
}

TEST_CASE("smuggling: hosts") {
    const auto why = [](const std::string& lines) { return request_reason("GET / HTTP/1.1\r\n" + lines + "\r\n"); };
    CHECK(why("") == "bad_host");
    CHECK(why("Host:\r\n") == "bad_host");
    CHECK(why("Host: a\r\nHost: b\r\n") == "bad_host");
    CHECK(why("Host: a\r\nhost: a\r\n") == "bad_host");
    for (const auto* host :
         {"a b", "a, b",   "a/b",  "a:b",     "a:80:80", "a@b",  "a\\b", "http://a", "a?b", "a#b", "[::1",
          "::1", "[::1]x", "a:-1", "a:65536", "a:0",     "a..b", ".a",   "%61",      "a;b", "a'b", "[::1%25eth0]"}) {
        CAPTURE(host);
        CHECK(why(std::string{"Host: "} + host + "\r\n") == "bad_host");
    }
    CHECK(request_reason("GET / HTTP/1.0\r\n\r\n") == "none");
    CHECK(request_reason("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == "bad_host");
    CHECK(request_reason("GET / HTTP/1.0\r\nHost: a b\r\n\r\n") == "bad_host");
}

TEST_CASE("smuggling: responses") {
    CHECK(answer("Content-Length: 5\r\n") == "none");
    CHECK(answer("") == "none");
    for (const auto* lines :
         {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
          "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 6\r\n", "Content-Length: +5\r\n",
          "Content-Length: 9223372036854775808\r\n", "Transfer-Encoding: gzip\r\n",
          "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
          "Transfer-Encoding: chunked, chunked\r\n", "X : y\r\n", "X: y\r\n z\r\n", "X: y\rz\r\n", "X: y\nz: a\r\n",
          "no colon\r\n", ": x\r\n"}) {
        CAPTURE(lines);
        CHECK(answer(lines) == "bad_response");
    }
    CHECK(response_reason("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == "bad_response");
    CHECK(response_reason("HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n") == "bad_response");
    CHECK(response_reason("HTTP/1.1 101 x\r\nTransfer-Encoding: chunked\r\n\r\n") == "bad_response");
}

TEST_CASE("smuggling: Connection cannot take away what the server must see") {
    for (const auto* name : {"Host", "content-length", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via",
                             "Max-Forwards", "X-Request-Id"}) {
        CAPTURE(name);
        CHECK(post(std::string{"Connection: close, "} + name + "\r\n") == "bad_request");
    }
    CHECK(post("Connection: transfer-encoding, te, keep-alive\r\n") == "none");
    CHECK(answer("Connection: Content-Length\r\nContent-Length: 5\r\n") == "bad_response");
    CHECK(post("Connection: a b\r\n") == "bad_request");
    std::string many = "Connection: a";
    for (int i = 0; i < 32; ++i) many += ",a";
    CHECK(post(many + "\r\n") == "bad_request");
}

TEST_CASE("smuggling: what goes on says everything once") {
    const auto head = request(
        "POST /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nx-mine: 2\r\nKeep-Alive: timeout=5\r\n"
        "Proxy-Connection: close\r\nTE: gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nContent-Length: 0007\r\nContent_Length: 9\r\n"
        "Transfer_Encoding: chunked\r\nX_Forwarded_For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nProxy: http://evil\r\n"
        "Proxy-Authorization: x\r\nX-Request-Id: 1\r\nTrailer: X\r\nExpect: 100-continue\r\nmy_field:  ok\r\nVia: 1.0 front\r\n\r\n");
    const auto out = composed([&](head_writer& to) {
        append_request_line(to, head);
        append_field(to, "Host", head.authority());
        append_forwardable(to, head);
        append_framing(to, head.framing());
        end_head(to);
    });
    CHECK(
        out ==
        "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nmy_field: ok\r\nVia: 1.0 front\r\nContent-Length: 7\r\n\r\n");
}
