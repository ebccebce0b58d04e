#include "tests/support/loadgen_response.hpp"

#include "tests/support/origin_digest.hpp"
#include "tests/support/property.hpp"

using namespace std::string_literals;
using loadgen::response_reader;
using result = response_reader::result;

namespace {

struct outcome {
    result how = result::more;
    int status = 0;
    std::uint64_t body = 0;
    bool keep_alive = true;
    std::string left;
    bool operator==(const outcome&) const = default;
};

outcome read(std::string_view bytes, const std::vector<std::size_t>& pieces = {}, bool to_head = false) {
    response_reader reader;
    reader.start(to_head, false);
    outcome found;
    for (std::size_t i = 0; !bytes.empty() && found.how == result::more; ++i) {
        auto piece = bytes.substr(0, pieces.empty() ? bytes.size() : pieces[i % pieces.size()] % 9 + 1);
        bytes.remove_prefix(piece.size());
        found.how = reader.feed(piece);
        found.left = piece;
    }
    found.left += bytes;
    found.status = reader.status();
    found.body = reader.body_bytes();
    found.keep_alive = reader.keep_alive();
    if (found.how != result::bad) return found;
    found = {};  // how far it came depends on the slices
    found.how = result::bad;
    return found;
}

}  // namespace

TEST_CASE("loadgen: where an answer ends") {
    CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd") == outcome{result::complete, 200, 3, true, "d"});
    CHECK(read("HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") ==
          outcome{result::complete, 503, 0, false, ""});
    CHECK(read("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n") ==
          outcome{result::complete, 204, 0, true, ""});
    CHECK(read("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\nH") ==
          outcome{result::complete, 200, 3, true, "H"});
    CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", {}, true) ==
          outcome{result::complete, 200, 0, true, ""});
    CHECK(read("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n") == outcome{result::complete, 200, 0, false, ""});
}

TEST_CASE("loadgen: only an answer without length may end with the connection") {
    response_reader reader;
    for (const auto& [head, ends] :
         {std::pair{"HTTP/1.1 200 OK\r\n\r\nabc"s, result::complete},
          {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"s, result::bad},
          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"s, result::bad},
          {"HTTP/1.1 200"s, result::bad}}) {
        INFO(head);
        reader.start(false, false);
        std::string_view bytes = head;
        CHECK(reader.feed(bytes) == result::more);
        CHECK(reader.ended() == ends);
    }
}

TEST_CASE("loadgen: malformed answers are bad") {
    for (const auto* bytes : {"HTTP/2 200 OK\r\n\r\nxxxx", "HTTP/1.1 2x0 OK\r\n\r\n",
                              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                              "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab"}) {
        INFO(bytes);
        CHECK(read(bytes).how == result::bad);
    }
}

TEST_CASE("loadgen: an answer reads alike however it is sliced", "[property]") {
    rc::prop("well-formed", [](const std::vector<std::string>& chunks, const std::vector<std::size_t>& pieces) {
        std::string bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (const auto& chunk : chunks) {
            if (chunk.empty()) continue;
            origin::put_number(bytes, chunk.size(), 16);
            bytes += "\r\n" + chunk + "\r\n";
        }
        bytes += "0\r\n\r\nHTTP";
        const auto found = read(bytes, pieces);
        RC_ASSERT(found == read(bytes));
        RC_ASSERT(found.how == result::complete);
        RC_ASSERT(found.left == "HTTP");
    });
    rc::prop("any chunk framing", [](const std::vector<std::size_t>& pieces) {
        const auto tail = *rc::gen::container<std::string>(rc::gen::element('0', '1', 'f', '\r', '\n', ';', 'x'));
        const auto bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail;
        RC_ASSERT(read(bytes, pieces) == read(bytes));
    });
}

TEST_CASE("loadgen: a wrong byte in a verified body is noticed") {
    for (const bool wrong : {false, true}) {
        auto body = origin::known_bytes(0, 1000);
        if (wrong) body[999] = '!';
        const auto bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body;
        response_reader reader;
        reader.start(false, true);
        std::string_view in = bytes;
        CHECK(reader.feed(in) == result::complete);
        CHECK(reader.mismatch() == wrong);
    }
}
