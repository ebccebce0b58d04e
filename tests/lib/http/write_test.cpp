#include "lib/http/write.hpp"

#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::test;

namespace {

std::string request_line(const std::string& line) {
    std::string out;
    append_request_line(out, request(line + "\r\nHost: a\r\n\r\n"));
    return out;
}

std::string written(const request_head& head) {
    std::string out;
    append_request_line(out, head);
    if (!head.authority().empty()) append_field(out, "Host", head.authority());
    append_forwardable(out, head);
    append_framing(out, head.framing());
    end_head(out);
    return out;
}

std::string written(const response_head& head) {
    std::string out;
    append_status_line(out, head.status(), head.reason_phrase());
    append_forwardable(out, head, method::get);
    append_framing(out, head.framing(method::get));
    end_head(out);
    return out;
}

}  // namespace

TEST_CASE("request lines are written in origin form") {
    CHECK(request_line("GET /a?b HTTP/1.0") == "GET /a?b HTTP/1.1\r\n");
    CHECK(request_line("GET http://h:1/a?b HTTP/1.1") == "GET /a?b HTTP/1.1\r\n");
    CHECK(request_line("GET http://h HTTP/1.1") == "GET / HTTP/1.1\r\n");
    CHECK(request_line("GET http://h?b/ HTTP/1.1") == "GET /?b/ HTTP/1.1\r\n");
    CHECK(request_line("OPTIONS http://h HTTP/1.1") == "OPTIONS * HTTP/1.1\r\n");
    CHECK(request_line("OPTIONS http://h/ HTTP/1.1") == "OPTIONS / HTTP/1.1\r\n");
    CHECK(request_line("OPTIONS http://h?q HTTP/1.1") == "OPTIONS /?q HTTP/1.1\r\n");
    CHECK(request_line("OPTIONS * HTTP/1.1") == "OPTIONS * HTTP/1.1\r\n");
    CHECK(request_line("GET //%61/%2F HTTP/1.1") == "GET //%61/%2F HTTP/1.1\r\n");  // as received, not normalised
}

TEST_CASE("pieces of a head") {
    std::string out;
    append_status_line(out, 404);
    append_status_line(out, 299, "Fine");
    append_status_line(out, 299);
    append_field(out, "A", "b");
    append_field(out, "N", UINT64_MAX);
    append_framing(out, {body_framing::kind::length, 0});
    append_framing(out, {body_framing::kind::chunked, 0});
    append_framing(out, {body_framing::kind::until_close, 0});
    append_framing(out, {});
    end_head(out);
    CHECK(out ==
          "HTTP/1.1 404 Not Found\r\nHTTP/1.1 299 Fine\r\nHTTP/1.1 299 Unknown\r\nA: b\r\nN: 18446744073709551615\r\n"
          "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("the proxy may hold fields back") {
    std::string out;
    const auto head = request("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nConnection: close\r\n\r\n");
    append_forwardable(out, head, [](const field& f) { return f.name != "A"; });
    CHECK(out == "B: 2\r\n");
    out.clear();
    append_forwardable(out, response("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n"), method::get,
                       [](const field& f) { return f.name == "A"; });
    CHECK(out == "A: 1\r\n");
}

TEST_CASE("there is room for the space behind every colon") {
    std::string lines, expected, out;
    for (int i = 0; i < 90; ++i) {
        lines += "A:1\r\n";
        expected += "A: 1\r\n";
    }
    append_forwardable(out, request("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"));
    CHECK(out == expected);
}

TEST_CASE("interim responses") {
    std::string out;
    append_interim(out, response("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: 1\r\n\r\n"));
    CHECK(out == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

TEST_CASE("values that an operator may write") {
    CHECK(is_field_value("a b\tc"));
    CHECK(is_field_value(""));
    CHECK_FALSE(is_field_value(" a"));
    CHECK_FALSE(is_field_value("a\r\nb"));
    CHECK_FALSE(is_field_value(std::string_view{"a\0b", 3}));
}

TEST_CASE("what we write, we read alike, and writing it again changes nothing", "[property]") {
    const auto line = [] {
        return *rc::gen::element<std::string>("A: 1\r\n", "a:\r\n", "B:\t x \t\r\n", "Connection: keep-alive\r\n",
                                              "Connection: c, D\r\n", "C: 3\r\n", "d: 4\r\n", "Via: 1.1 x\r\n",
                                              "TE: trailers\r\n", "Keep-Alive: 1\r\n", "X-Forwarded-For: y\r\n",
                                              "E_f: \x80\r\n", "Trailer: A\r\n");
    };
    const auto framing = [] {
        return *rc::gen::element<std::string>("", "Content-Length: 0\r\n", "Content-Length: 0012\r\n",
                                              "Transfer-Encoding: chunked\r\n");
    };
    const auto lines = [&] {
        std::string all;
        for (int n = *rc::gen::inRange(0, 12); n > 0; --n) all += line();
        return all.insert(0, framing()).append(line());
    };
    rc::prop("requests", [&] {
        const auto first = *rc::gen::element<std::string>("GET /a?b", "POST http://h:1?x", "PUT //a%20b",
                                                          "OPTIONS http://h", "OPTIONS *");
        const auto once = written(request(first + " HTTP/1.1\r\nHost: h:1\r\n" + lines() + "\r\n"));
        const auto head = request(once);
        RC_ASSERT(head.authority() == (first == "OPTIONS http://h" ? "h" : "h:1"));
        for (const field f : head.fields())
            RC_ASSERT(head.forwardable(f) || f.id == field_id::host || f.id == field_id::content_length ||
                      f.id == field_id::transfer_encoding);
        RC_ASSERT(written(head) == once);
    });
    rc::prop("responses", [&] {
        const auto first = *rc::gen::element<std::string>("HTTP/1.1 200 OK", "HTTP/1.1 404", "HTTP/1.1 304 x");
        const auto once = written(response(first + "\r\n" + lines() + "\r\n"));
        RC_ASSERT(written(response(once)) == once);
    });
}
