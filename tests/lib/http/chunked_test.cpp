#include "lib/http/chunked.hpp"

#include "tests/lib/http/messages.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir;
using namespace weir::http;

namespace {

struct outcome {
    std::string verdict;  // "done", "more" or the fault
    std::string data;
    std::string trailers;
    std::size_t consumed = 0;
    bool operator==(const outcome&) const = default;
};

outcome decode(std::string_view all, const std::vector<std::size_t>& sizes = {}, sender from = sender::client) {
    chunked_decoder decoder{from};
    outcome out;
    std::size_t arrived = 0, slice = 0;
    while (!decoder.done()) {
        if (arrived == out.consumed) {
            if (arrived == all.size()) {
                out.verdict = "more";
                return out;
            }
            arrived = sizes.empty() ? all.size() : std::min(all.size(), arrived + sizes[slice++ % sizes.size()]);
        }
        const auto step = decoder.feed(all.substr(out.consumed, arrived - out.consumed));
        if (!step) {
            out.verdict = std::string{word(step.error().why)} + ": " + step.error().doing;
            out.consumed = 0;  // how far it came before the fault depends on the slicing; so does the data
            out.data.clear();
            return out;
        }
        REQUIRE(step->consumed > 0);
        out.data += step->data;
        out.consumed += step->consumed;
    }
    out.verdict = "done";
    out.trailers = test::told(decoder.trailers());
    return out;
}

std::string fault(std::string_view all) { return decode(all).verdict; }

}  // namespace

TEST_CASE("chunks are put together, and what follows is left alone") {
    const auto out = decode("5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\n\r\nGET / HTTP/1.1\r\n");
    CHECK(out.verdict == "done");
    CHECK(out.data == "hello world");
    CHECK(out.consumed == std::string_view{"5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\n\r\n"}.size());
}

TEST_CASE("the end is found in the same step as the last piece of data") {
    chunked_decoder decoder{sender::client};
    const auto step = decoder.feed("3\r\nabc\r\n0\r\n\r\n");
    REQUIRE(step);
    CHECK(step->data == "abc");
    CHECK(decoder.done());
    CHECK(decoder.feed("more")->consumed == 0);
}

TEST_CASE("a body that is cut never looks whole") {
    const std::string all = "5\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for (std::size_t n = 0; n < all.size(); ++n) {
        CAPTURE(n);
        CHECK(decode(all.substr(0, n)).verdict == "more");
    }
}

TEST_CASE("chunk sizes are strict") {
    CHECK(decode("000000000000000A\r\n0123456789\r\n0\r\n\r\n").data == "0123456789");
    CHECK(fault("\r\n") == "bad_framing: no chunk size");
    CHECK(fault(";x\r\n") == "bad_framing: no chunk size");
    CHECK(fault("-1\r\n") == "bad_framing: no chunk size");
    CHECK(fault("+1\r\n") == "bad_framing: no chunk size");
    CHECK(fault(" 1\r\n") == "bad_framing: no chunk size");
    CHECK(fault("0x1\r\n") == "bad_framing: something else than digits in a chunk size");
    CHECK(fault("1 \r\na") == "bad_framing: something else than digits in a chunk size");
    CHECK(fault("1_0\r\n") == "bad_framing: something else than digits in a chunk size");
    CHECK(fault("1\na\r\n") == "bad_framing: something else than digits in a chunk size");
    CHECK(fault("1\ra") == "bad_framing: no LF behind a chunk size");
    CHECK(fault("00000000000000001\r\n") == "bad_framing: a chunk size is too long");
    CHECK(fault("8000000000000000\r\n") == "bad_framing: a chunk size over 2^63-1");
    CHECK(fault("ffffffffffffffff\r\n") == "bad_framing: a chunk size over 2^63-1");
    CHECK(fault("7fffffffffffffff\r\n") == "more");
}

TEST_CASE("a chunk must end where its size says") {
    CHECK(fault("1\r\nab\r\n") == "bad_framing: chunk data longer than its size");
    CHECK(fault("1\r\na\n") == "bad_framing: chunk data longer than its size");
    CHECK(fault("1\r\na\rb") == "bad_framing: chunk data longer than its size");
}

TEST_CASE("extensions are bounded and dropped") {
    CHECK(decode("1;" + std::string(256, 'x') + "\r\na\r\n1;y\r\nb\r\n0;z\r\n\r\n").data == "ab");
    CHECK(fault("1;" + std::string(257, 'x')) == "bad_framing: a chunk extension is too long");
    CHECK(fault("1;a\nb\r\n") == "bad_framing: a control character in a chunk extension");
    CHECK(fault("1;a\rb") == "bad_framing: no LF behind a chunk size");
    CHECK(fault(std::string{"1;a\0", 4}) == "bad_framing: a control character in a chunk extension");
}

TEST_CASE("trailers follow the rules of fields") {
    CHECK(decode("0\r\nX-Sum:  abc \r\nDigest: d\r\n\r\n").trailers == "X-Sum=abc\nDigest=d\n");
    CHECK(fault("0\r\nX : a\r\n\r\n") == "bad_framing: a trailer field without a proper name");
    CHECK(fault("0\r\n: a\r\n\r\n") == "bad_framing: a trailer field without a proper name");
    CHECK(fault("0\r\nX: a\r\n b\r\n\r\n") == "bad_framing: a trailer field without a proper name");
    CHECK(fault("0\r\nX: a\rb\r\n\r\n") == "bad_framing: a control character in a trailer field");
    CHECK(fault("0\r\nX: a\n\r\n") == "bad_framing: bare LF in a trailer section");
    CHECK(fault("0\r\n\n") == "bad_framing: bare LF in a trailer section");
    CHECK(fault("0\r\nX: " + std::string(9000, 'x')) == "bad_framing: the trailer section is too long");
    std::string many = "0\r\n";
    for (int i = 0; i < 101; ++i) many += "X: y\r\n";
    CHECK(fault(many + "\r\n") == "bad_framing: too many trailer fields");
}

TEST_CASE("fields that would change the message are dropped from trailers") {
    for (const std::string name :
         {"Content-Length", "transfer-encoding", "Host", "Connection", "Authorization", "Cookie", "X-Forwarded-For",
          "Forwarded", "Expect", "Trailer", "TE", "Upgrade", "Content-Type", "Content-Encoding", "Set-Cookie",
          "IF-Match", "Cache-Control", "X-Request-Id"}) {
        CAPTURE(name);
        CHECK(decode("0\r\n" + name + ": 5\r\nX: y\r\n\r\n").trailers == "X=y\n");
    }
}

TEST_CASE("whose fault it is depends on who sent the body") {
    CHECK(decode("z", {}, sender::server).verdict == "bad_response: no chunk size");
}

TEST_CASE("chunk heads") {
    const auto head = [](std::uint64_t n) {
        std::string out;
        append_chunk_head(out, n);
        return out;
    };
    CHECK(head(1) == "1\r\n");
    CHECK(head(15) == "f\r\n");
    CHECK(head(16) == "10\r\n");
    CHECK(head(65536) == "10000\r\n");
    CHECK(head(UINT64_MAX) == "ffffffffffffffff\r\n");
}

TEST_CASE("chunked: written and read again", "[property]") {
    rc::prop("any pieces, any slices", [](const std::vector<std::string>& pieces) {
        std::string all, wire;
        for (const auto& piece : pieces) {
            if (piece.empty()) continue;
            append_chunk_head(wire, piece.size());
            wire += piece + "\r\n";
            all += piece;
        }
        field_block trailers;
        const bool with_trailers = *rc::gen::arbitrary<bool>();
        if (with_trailers) {
            trailers.assign("X-Sumabc_");
            trailers.add(trailers.bytes().substr(0, 5), trailers.bytes().substr(5, 3));
        }
        append_last_chunk(wire, trailers);
        const auto sizes =
            *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 30)));
        const auto out = decode(wire + "rest", sizes);
        RC_ASSERT(out.verdict == "done");
        RC_ASSERT(out.data == all);
        RC_ASSERT(out.consumed == wire.size());
        RC_ASSERT(out.trailers == (with_trailers ? "X-Sum=abc\n" : ""));
    });
}

TEST_CASE("chunked: slicing does not change the outcome", "[property]") {
    const auto text =
        rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(
                         std::vector<std::string>{"0", "1", "a", "f", "\r\n", "\r\n", "\r\n", "\r", "\n", ";", "x",
                                                  "X: y\r\n", "Host: z\r\n", ": ", " ", "3\r\nabc\r\n", "0\r\n\r\n"})),
                     [](const auto& parts) {
        std::string all;
        for (const auto& part : parts) all += part;
        return all;
    });
    rc::prop("noise", [&] {
        const auto prefix = *rc::gen::element<std::string>("", "3\r\nabc\r\n", "0\r\n");
        const auto all = prefix + *text;
        const auto sizes =
            *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 9)));
        const auto whole = decode(all);
        RC_ASSERT(decode(all, sizes) == whole);
        RC_ASSERT(decode(all, {1}) == whole);
    });
}
