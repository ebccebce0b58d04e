#include "lib/tls/session.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"
#include "tests/support/tls_streams.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

std::string known_text(std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i * 7919) + ",";
    text.resize(bytes);
    return text;
}

task<bool> write_all(byte_stream& to, std::string text) {
    const auto sent = co_await to.write(text);
    co_return sent.has_value();
}

/// Reads until the end; the error's code is put behind the text.
task<std::string> read_all(byte_stream& from) {
    std::string text;
    while (true) {
        const auto got = co_await from.fill();
        text += from.in();
        from.consume(from.in().size());
        if (!got) co_return text + "!" + std::to_string(got.error().code);
        if (*got == 0) co_return text;
    }
}

/// The lengths of the records in what went over the wire, of the type that carries data.
std::vector<std::size_t> data_records(std::string_view wire) {
    std::vector<std::size_t> sizes;
    while (wire.size() >= 5) {
        const auto size = (static_cast<unsigned char>(wire[3]) << 8u) + static_cast<unsigned char>(wire[4]);
        if (wire[0] == 0x17) sizes.push_back(size);
        wire.remove_prefix(std::min<std::size_t>(wire.size(), 5 + size));
    }
    return sizes;
}

}  // namespace

TEST_CASE("tls session: what one side writes, the other reads, whole and in order", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    REQUIRE(ends.shake_hands());
    running<std::string> read{time, read_all(*ends.server)};
    const auto text = known_text(300'000);
    running<bool> sent{time, write_all(*ends.client, text)};
    ends.carry();
    CHECK(sent.get());
    ends.client->shutdown_write();
    ends.carry();
    REQUIRE(read.done());
    CHECK(read.get() == text);
    CHECK(ends.to_server.find(text.substr(0, 20)) == std::string::npos);  // nothing in the clear
}

TEST_CASE("tls session: the result does not depend on how the wire slices it", "[tls][property]") {
    rc::prop("slices", [] {
        virtual_loop time;
        tls_streams ends{time};
        ends.slice = *rc::gen::inRange<std::size_t>(1, 3000);
        RC_ASSERT(ends.shake_hands());
        running<std::string> read{time, read_all(*ends.server)};
        const auto text = known_text(*rc::gen::inRange<std::size_t>(0, 40'000));
        running<bool> sent{time, write_all(*ends.client, text)};
        ends.carry();
        ends.client->shutdown_write();
        ends.carry();
        RC_ASSERT(read.done());
        RC_ASSERT(read.get() == text);
    });
}

TEST_CASE("tls session: an end without close_notify is an error, since something may be missing", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    REQUIRE(ends.shake_hands());
    running<std::string> read{time, read_all(*ends.server)};
    running<bool> sent{time, write_all(*ends.client, "half of it")};
    ends.carry();
    ends.server_end->finish();
    time.settle();
    REQUIRE(read.done());
    CHECK(read.get() == "half of it!" + std::to_string(io_error::truncated));
}

TEST_CASE("tls session: closing says goodbye, a reset does not", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    REQUIRE(ends.shake_hands());
    running<std::string> read{time, read_all(*ends.server)};
    SECTION("closed") {
        ends.client.reset();
        ends.carry();
        REQUIRE(read.done());
        CHECK(read.get().empty());
    }
    SECTION("reset") {
        ends.client->reset_on_close();
        ends.client.reset();
        ends.carry();
        CHECK_FALSE(read.done());
    }
}

TEST_CASE("tls session: garbage in place of a record breaks the stream, and the peer is told by an alert", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    REQUIRE(ends.shake_hands());
    running<std::string> read{time, read_all(*ends.server)};
    ends.to_client.clear();
    ends.server_end->send("HTTP/1.1 200 this is no record\r\n");
    ends.carry();
    REQUIRE(read.done());
    CHECK(read.get() == "!" + std::to_string(io_error::bad_layer));
    CHECK_FALSE(ends.to_client.empty());
    CHECK_FALSE(tls::session_of(ends.server->layer())->problem().empty());
}

TEST_CASE("tls session: a reader that does not consume stops the wire, in bounded memory", "[tls]") {
    virtual_loop time;
    tls_streams ends{time};
    REQUIRE(ends.shake_hands());
    const auto first_bytes = [](byte_stream& from) -> task<std::size_t> {
        const auto got = co_await from.fill();
        co_return got.value_or(0);
    };
    running<std::size_t> first{time, first_bytes(*ends.server)};
    const auto text = known_text(1'000'000);
    running<bool> sent{time, write_all(*ends.client, text)};
    ends.carry();
    REQUIRE(first.done());
    CHECK(ends.server->in().size() <= buffer_pool::small_bytes);
    CHECK(ends.context.buffers.held_bytes() <= buffer_pool::small_bytes);

    ends.client->shutdown_write();
    running<std::string> rest{time, read_all(*ends.server)};  // and nothing was lost
    ends.carry();
    REQUIRE(rest.done());
    CHECK(rest.get() == text);
}

TEST_CASE("tls session: records are small at first and after a rest, then full", "[tls]") {
    constexpr std::size_t overhead = 256;
    virtual_loop time;
    tls_streams ends{time};
    REQUIRE(ends.shake_hands());
    running<std::string> read{time, read_all(*ends.server)};
    const auto records_of = [&](std::size_t bytes) {
        ends.to_server.clear();
        running<bool> sent{time, write_all(*ends.client, known_text(bytes))};
        ends.carry();
        return data_records(ends.to_server);
    };
    for (const auto size : records_of(tls::session::small_phase_bytes))
        CHECK(size <= tls::session::small_record_bytes + overhead);
    const auto full = records_of(60'000);
    CHECK(full.size() == 4);
    time.advance(tls::session::rest + 1ms);
    CHECK(records_of(60'000).size() >= 60'000 / tls::session::small_record_bytes);
}
