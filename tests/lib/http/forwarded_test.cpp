#include "lib/http/forwarded.hpp"

#include "tests/lib/http/composed.hpp"
#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::http;
using namespace weir::http::test;

namespace {

std::string forwarded(const std::string& lines, const hop& from, const std::string& host = "example.com") {
    const auto head = request("GET / HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n");
    return composed([&](head_writer& out) { append_forwarding(out, head, from); });
}

const std::string claims =
    "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2, 3.3.3.3\r\nX-Forwarded-Proto: https\r\n"
    "X-Forwarded-Host: first.example\r\nForwarded: for=1.1.1.1;proto=https\r\n";

std::string limit(const std::string& method, const std::string& lines) {
    const auto read = read_max_forwards(request(method + " / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"));
    if (!read) return std::string{word(read.error().why)};
    return (read->counts ? "counts " : "ignored ") +
           composed([&](head_writer& out) { append_max_forwards(out, *read); });
}

}  // namespace

TEST_CASE("a stranger's claims are replaced") {
    CHECK(forwarded(claims, {.client = "192.0.2.7"}) ==
          "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: example.com\r\n"
          "Forwarded: for=192.0.2.7;host=example.com;proto=http\r\n");
    CHECK(forwarded(claims, {.client = "192.0.2.7", .x_forwarded = false, .rfc7239 = false}).empty());
}

TEST_CASE("a trusted peer's chain grows by the peer") {
    CHECK(
        forwarded(claims, {.client = "10.0.0.1", .trusted = true}) ==
        "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: first.example\r\n"
        "Forwarded: for=1.1.1.1;proto=https, for=10.0.0.1;host=example.com;proto=http\r\n");
    CHECK(forwarded("", {.client = "10.0.0.1", .secure = true, .trusted = true}) ==
          "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: example.com\r\n"
          "Forwarded: for=10.0.0.1;host=example.com;proto=https\r\n");
}

TEST_CASE("a style that is off passes on what a trusted peer said") {
    CHECK(
        forwarded(claims, {.client = "10.0.0.1", .trusted = true, .x_forwarded = false, .rfc7239 = false}) ==
        "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: first.example\r\n"
        "Forwarded: for=1.1.1.1;proto=https\r\n");
    CHECK(forwarded("", {.client = "10.0.0.1", .trusted = true, .x_forwarded = false, .rfc7239 = false}).empty());
}

TEST_CASE("IPv6 addresses and ports are quoted in Forwarded") {
    CHECK(forwarded("", {.client = "2001:db8::1"}, "[::1]:80") ==
          "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: [::1]:80\r\n"
          "Forwarded: for=\"[2001:db8::1]\";host=\"[::1]:80\";proto=http\r\n");
    CHECK(forwarded("", {.client = "192.0.2.7", .x_forwarded = false}, "[::1]") ==
          "Forwarded: for=192.0.2.7;host=\"[::1]\";proto=http\r\n");
    CHECK(forwarded("", {.client = "192.0.2.7", .x_forwarded = false}, "a:") ==
          "Forwarded: for=192.0.2.7;host=\"a:\";proto=http\r\n");
}

TEST_CASE("a Unix socket has no address") {
    CHECK(
        forwarded("", {.client = ""}) ==
        "X-Forwarded-Proto: http\r\nX-Forwarded-Host: example.com\r\nForwarded: for=unknown;host=example.com;proto=http\r\n");
    CHECK(forwarded(claims, {.client = "", .trusted = true, .rfc7239 = false})
              .starts_with("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3\r\n"));
}

TEST_CASE("a request without a host says nothing about it") {
    const auto head = request("GET / HTTP/1.0\r\n\r\n");
    const auto out = composed([&](head_writer& to) { append_forwarding(to, head, {.client = "192.0.2.7"}); });
    CHECK(out == "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nForwarded: for=192.0.2.7;proto=http\r\n");
}

TEST_CASE("Via names the version received") {
    const auto out = composed([](head_writer& to) {
        append_via(to, 0);
        append_via(to, 1);
    });
    CHECK(out == "Via: 1.0 weir\r\nVia: 1.1 weir\r\n");
}

TEST_CASE("Max-Forwards counts down for TRACE and OPTIONS") {
    CHECK(limit("OPTIONS", "Max-Forwards: 10\r\n") == "counts Max-Forwards: 9\r\n");
    CHECK(limit("TRACE", "Max-Forwards: 1\r\n") == "counts Max-Forwards: 0\r\n");
    CHECK(limit("TRACE", "Max-Forwards: 0\r\n") == "counts ");
    CHECK(limit("TRACE", "") == "ignored ");
    CHECK(limit("GET", "Max-Forwards: 0\r\n") == "ignored ");
    CHECK(limit("TRACE", "Max-Forwards: -1\r\n") == "bad_request");
    CHECK(limit("TRACE", "Max-Forwards: 1\r\nMax-Forwards: 2\r\n") == "bad_request");
}

TEST_CASE("a request id is kept from trusted peers, if it is one") {
    const auto id = [](const std::string& lines, bool trusted = true) {
        const auto head = request("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
        return std::string{request_id_of(head, trusted).value_or("-")};
    };
    CHECK(id("X-Request-Id: abc-1\r\n") == "abc-1");
    CHECK(id("X-Request-Id: abc-1\r\n", false) == "-");
    CHECK(id("") == "-");
    CHECK(id("X-Request-Id:\r\n") == "-");
    CHECK(id("X-Request-Id: a b\r\n") == "-");
    CHECK(id("X-Request-Id: a\r\nX-Request-Id: b\r\n") == "-");
    CHECK(id("X-Request-Id: " + std::string(128, 'a') + "\r\n") == std::string(128, 'a'));
    CHECK(id("X-Request-Id: " + std::string(129, 'a') + "\r\n") == "-");
}
