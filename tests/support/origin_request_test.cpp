#include "tests/support/origin_request.hpp"

#include "tests/support/property.hpp"

using namespace std::string_literals;
using origin::parsed;

namespace {

parsed parse(std::string_view bytes) {
    origin::request head;
    std::string_view problem;
    return origin::parse_head(bytes, head, problem);
}

/// What a chunked body decodes to when it arrives in pieces of these sizes (used in turn).
struct decoded {
    std::string body, trailers;
    bool done = false, bad = false;
    bool operator==(const decoded&) const = default;
};

decoded decode(std::string_view bytes, const std::vector<std::size_t>& pieces) {
    origin::request head;
    head.chunked = true;
    origin::body_decoder decoder{head};
    decoded result;
    for (std::size_t i = 0; !bytes.empty() && !decoder.done() && !decoder.bad(); ++i) {
        auto piece = bytes.substr(0, pieces.empty() ? bytes.size() : pieces[i % pieces.size()] % 7 + 1);
        bytes.remove_prefix(piece.size());
        for (auto run = decoder.next(piece); !run.empty(); run = decoder.next(piece)) result.body += run;
    }
    result.trailers = decoder.trailers();
    result.done = decoder.done();
    result.bad = decoder.bad();
    return result;
}

}  // namespace

TEST_CASE("origin: a request head is read") {
    const auto text =
        "POST /a/b?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nConnection: foo, Close\r\nExpect: 100-continue\r\n\r\nrest"s;
    origin::request head;
    std::string_view problem;
    REQUIRE(origin::parse_head(text, head, problem) == parsed::whole);
    CHECK(head.raw == text.substr(0, text.size() - 4));
    CHECK(head.method == "POST");
    CHECK(head.path == "/a/b");
    CHECK(head.query == "x=1");
    CHECK(head.length == 12);
    CHECK_FALSE(head.keep_alive);
    CHECK(head.expects_continue);
    CHECK_FALSE(head.http_1_0);
}

TEST_CASE("origin: HTTP/1.0 closes unless asked to stay") {
    origin::request head;
    std::string_view problem;
    REQUIRE(origin::parse_head("GET / HTTP/1.0\r\n\r\n", head, problem) == parsed::whole);
    CHECK_FALSE(head.keep_alive);
    REQUIRE(origin::parse_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", head, problem) == parsed::whole);
    CHECK(head.keep_alive);
}

TEST_CASE("origin: what is not one unambiguous message is bad") {
    for (const auto& head : {
             "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"s,
             "GET / HTTP/1.1\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"s,
             "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost : a\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"s,
             "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"s,
             "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"s,
             "GET / HTTP/2.0\r\nHost: a\r\n\r\n"s,
         }) {
        INFO(head);
        CHECK(parse(head) == parsed::bad);
    }
}

TEST_CASE("origin: a head is partial until its blank line", "[property]") {
    const auto whole = "GET /x HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"s;
    for (std::size_t n = 0; n < whole.size(); ++n)
        CHECK(parse(std::string_view{whole}.substr(0, n)) == parsed::partial);
    CHECK(parse(whole) == parsed::whole);
}

TEST_CASE("origin: a chunked body decodes alike however it is sliced", "[property]") {
    rc::prop("well-formed", [](const std::vector<std::string>& chunks, const std::vector<std::size_t>& pieces) {
        std::string coded, plain;
        for (const auto& chunk : chunks) {
            if (chunk.empty()) continue;
            plain += chunk;
            char size[32];
            std::snprintf(size, sizeof size, "%zX;x=y\r\n", chunk.size());
            coded += size + chunk + "\r\n";
        }
        coded += "0\r\nT: 1\r\n\r\n";
        RC_ASSERT(decode(coded, pieces) == (decoded{plain, "T: 1\r\n", true, false}));
    });
    rc::prop("anything", [](const std::vector<std::size_t>& pieces) {
        const auto bytes = *rc::gen::container<std::string>(rc::gen::element('0', '2', 'a', '\r', '\n', ';', ':', 'x'));
        RC_ASSERT(decode(bytes, pieces) == decode(bytes, {}));
    });
}

TEST_CASE("origin: malformed chunks are bad") {
    for (const auto* bytes : {"\r\n", "x\r\n", "1\nab", "1\r\nab\r\n", "2\r\nab0\r\n", "0\r\nX\r\n\r\n", "-1\r\n",
                              "1 \r\na\r\n", "fffffffffffffffff\r\n"}) {
        INFO(bytes);
        CHECK(decode(bytes, {}).bad);
    }
}
