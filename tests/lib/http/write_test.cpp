#include "lib/http/write.hpp"

#include <functional>

#include "tests/lib/http/composed.hpp"
#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::test;

namespace {

std::string request_line(const std::string& line) {
    return composed([&](head_writer& out) { append_request_line(out, request(line + "\r\nHost: a\r\n\r\n")); });
}

std::string written(const request_head& head, const std::string& before = {}) {
    const auto write = [&](head_writer& out) {
        append_request_line(out, head);
        if (!head.authority().empty()) append_field(out, "Host", head.authority());
        append_forwardable(out, head);
        append_framing(out, head.framing());
        end_head(out);
    };
    return composed(write, before);
}

std::string written(const response_head& head) {
    return composed([&](head_writer& out) {
        append_status_line(out, head.status(), head.reason_phrase());
        append_forwardable(out, head, method::get);
        append_framing(out, head.framing(method::get));
        end_head(out);
    });
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
    const auto out = composed([](head_writer& to) {
        append_status_line(to, 404);
        append_status_line(to, 299, "Fine");
        append_status_line(to, 299);
        append_field(to, "A", "b");
        append_field(to, std::string_view{"B"}, "c");
        append_field(to, "N", UINT64_MAX);
        append_field(to, std::string_view{"M"}, 1000);
        append_framing(to, {body_framing::kind::length, 0});
        append_framing(to, {body_framing::kind::chunked, 0});
        append_framing(to, {body_framing::kind::until_close, 0});
        append_framing(to, {});
        end_head(to);
    });
    CHECK(out == "HTTP/1.1 404 Not Found\r\nHTTP/1.1 299 Fine\r\nHTTP/1.1 299 Unknown\r\nA: b\r\nB: c\r\n"
                 "N: 18446744073709551615\r\nM: 1000\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("the proxy may hold fields back") {
    const auto asked = request("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nConnection: close\r\n\r\n");
    const auto answered = response("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n");
    const auto is_a = [](const field& f) { return f.name == "A"; };
    CHECK(composed([&](head_writer& out) { append_forwardable(out, asked, std::not_fn(is_a)); }) == "B: 2\r\n");
    CHECK(composed([&](head_writer& out) { append_forwardable(out, answered, method::get, is_a); }) == "A: 1\r\n");
}

TEST_CASE("there is room for the space behind every colon") {
    std::string lines, expected;
    for (int i = 0; i < 90; ++i) {
        lines += "A:1\r\n";
        expected += "A: 1\r\n";
    }
    const auto head = request("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
    CHECK(composed([&](head_writer& out) { append_forwardable(out, head); }) == expected);
}

TEST_CASE("a head grows behind what the string holds, whatever its room", "[property]") {
    rc::prop("as if piece by piece", [] {
        const auto text = [](std::size_t most) { return std::string(*rc::gen::inRange<std::size_t>(0, most), 'x'); };
        const auto before = text(100);
        const auto target = "/" + text(300);
        std::string lines, expected = before + "PUT " + target + " HTTP/1.1\r\nHost: h\r\n";
        for (int n = *rc::gen::inRange(0, 20); n > 0; --n) {
            const auto name = "x" + text(40), value = text(80);
            lines += name + ":" + value + "\r\n";
            expected += name + ": " + value + "\r\n";
        }
        const auto size = std::to_string(*rc::gen::arbitrary<std::uint32_t>());
        expected += "Content-Length: " + size + "\r\n\r\n";
        const auto head =
            request("PUT " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length:" + size + "\r\n" + lines + "\r\n");
        RC_ASSERT(written(head, before) == expected);
    });
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
