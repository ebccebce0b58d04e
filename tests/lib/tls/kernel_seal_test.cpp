#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "lib/async/virtual_loop.hpp"
#include "lib/net/socket.hpp"
#include "tests/support/property.hpp"
#include "tests/support/record_ends.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;
using namespace std::string_literals;

// Records of the kernel behind records of ours, and how such a connection ends. Hidden, since not every kernel has it:
// `make kernel` runs them.

namespace {

/// A connection over the loopback. Ours does not wait; the other end holds little, so that ours fills.
struct tcp_pair {
    int ours = -1, theirs = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    tcp_pair() {
        const int door = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const raw = reinterpret_cast<sockaddr*>(&at);
        socklen_t size = sizeof at;
        const int little = 16 * 1024;
        setsockopt(theirs, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
        const timeval patience{20, 0};  // for broken programs only
        setsockopt(theirs, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        REQUIRE((::bind(door, raw, size) == 0 && ::listen(door, 1) == 0 && ::getsockname(door, raw, &size) == 0));
        REQUIRE(::connect(theirs, raw, size) == 0);
        ours = ::accept4(door, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        ::close(door);
    }
    tcp_pair(const tcp_pair&) = delete;
    ~tcp_pair() {
        close_ours();
        ::close(theirs);
    }
    void close_ours() {
        if (ours >= 0) ::close(std::exchange(ours, -1));
    }
    void send(std::string_view bytes) const {
        REQUIRE(::send(ours, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    /// As much as the kernel says it has taken.
    std::string fill() const {
        std::string taken, piece(16 * 1024, 'a');
        for (char c = 'a';; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
            piece.assign(piece.size(), c);
            const auto count = ::send(ours, piece.data(), piece.size(), MSG_NOSIGNAL);
            if (count <= 0) return taken;
            taken.append(piece, 0, static_cast<std::size_t>(count));
        }
    }
    /// What is there for the other end, waiting for it: nullopt at the end of the stream, or a reset.
    std::optional<std::string> receive(int flags = 0) const {
        std::string bytes(64 * 1024, '\0');
        const auto count = ::recv(theirs, bytes.data(), bytes.size(), flags);
        if (count == 0 || (count < 0 && errno != EAGAIN)) return std::nullopt;
        if (count < 0 && !(flags & MSG_DONTWAIT)) throw std::runtime_error{"nothing comes"};
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return bytes;
    }
};

/// As much, or until something went wrong.
std::string read(const tcp_pair& from, memory_client& by, std::size_t size) {
    std::string got;
    while (got.size() < size && !got.contains('(')) got += by.reads(from.receive().value_or("(ended)"));
    return got;
}

/// A server that has said "before" in records of its own, and has given way to the kernel.
struct sealed_by_kernel {
    explicit sealed_by_kernel(const record_ends::suite& suite = record_ends::suites().front(),
                              std::uint64_t per_key = tls::record_layer::records_per_key)
        : both{suite, per_key} {
        REQUIRE(kernel_tls::is_there());
        wire.send(both.server_seals("before"));
        REQUIRE(both.client.reads(*wire.receive()) == "before");
        REQUIRE(both.records->seal_in_kernel(wire.ours));
    }
    tcp_pair wire;
    record_ends both;
};

/// Of a stream that only sends.
struct bare_layer final : stream_layer {
    explicit bare_layer(tls::record_layer& of) : records{of} {}
    std::size_t open(std::string_view&, std::span<char>) noexcept override { return 0; }
    void keep(std::string_view) override {}
    bool has_more() const noexcept override { return false; }
    state incoming() const noexcept override { return state::open; }
    bool seal(std::string_view first, std::string_view second, std::string& to) override {
        return records.seal(first, second, tls::record_layer::max_plain_bytes, to);
    }
    void seal_end(std::string& to) override { records.seal_end(to); }
    void append_own(std::string& to) override { records.append_own(to); }
    bool seal_in_kernel(int descriptor) noexcept override { return records.seal_in_kernel(descriptor); }
    tls::record_layer& records;
};

constexpr const char* tags = "[.kernel_tls]";

}  // namespace

TEST_CASE("kernel seal: its records go on where ours ended, with every cipher", tags) {
    const auto suite = GENERATE(from_range(record_ends::suites()));
    sealed_by_kernel server{suite};
    for (const std::size_t size : {1UL, 100UL, 16'384UL, 16'385UL, 9UL}) {
        server.wire.send(std::string(size, 'x'));
        CHECK(read(server.wire, server.both.client, size) == std::string(size, 'x'));
    }
    CHECK(server.both.server_reads(server.both.client.writes("and back")) == "and back");  // still ours
}

TEST_CASE("kernel seal: the connection is worn when a key has sealed what it should", tags) {
    const auto suite = GENERATE(from_range(record_ends::suites()));
    sealed_by_kernel server{suite, 3};  // one is of ours
    CHECK_FALSE(server.both.records->is_worn());
    server.wire.send("second");
    CHECK_FALSE(server.both.records->is_worn());
    server.wire.send("third");
    CHECK(server.both.records->is_worn());
}

TEST_CASE("kernel seal: a client that wants new keys is told that it cannot be", tags) {
    sealed_by_kernel server;
    auto& client = server.both.client;
    SECTION("of ours") {
        server.both.server_reads(client.updates_keys(SSL_KEY_UPDATE_REQUESTED));
        CHECK(server.both.records->incoming() == tls::record_layer::state::broken);
        CHECK(server.both.records->problem().contains("KeyUpdate"));
        CHECK(server.both.client_is_told().empty());  // not by us
        CHECK(client.reads(*server.wire.receive()) == "(the peer sent alert internal_error)");
    }
    SECTION("but its own it may change") {
        server.both.server_reads(client.updates_keys(SSL_KEY_UPDATE_NOT_REQUESTED));
        CHECK(server.both.server_reads(client.writes("hello")) == "hello");
    }
}

TEST_CASE("kernel seal: not while an answer to a KeyUpdate is owed, but after it", tags) {
    record_ends both;
    const tcp_pair wire;
    both.server_reads(both.client.updates_keys(SSL_KEY_UPDATE_REQUESTED));
    CHECK_FALSE(both.records->seal_in_kernel(wire.ours));
    wire.send(both.server_seals("with new keys"));
    REQUIRE(both.records->seal_in_kernel(wire.ours));
    wire.send("by the kernel");
    CHECK(read(wire, both.client, 26) == "with new keysby the kernel");
}

TEST_CASE("kernel seal: a socket that cannot goes on as before", tags) {
    record_ends both;
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK_FALSE(both.records->seal_in_kernel(ends[0]));
    CHECK(both.client.reads(both.server_seals("hello")) == "hello");
    CHECK_FALSE(both.records->is_worn());
    for (const int each : ends) ::close(each);
}

TEST_CASE("kernel seal: a full socket that ends loses nothing, even when it is closed at once", tags) {
    virtual_loop time;
    scope partings{time};
    sealed_by_kernel server;
    const auto taken = server.wire.fill();
    partings.spawn(kernel_tls::part(time, server.wire.ours));
    if (GENERATE(true, false)) server.wire.close_ours();
    std::string got;
    for (auto bytes = server.wire.receive(); bytes; bytes = server.wire.receive(MSG_DONTWAIT)) {
        got += server.both.client.reads(*bytes);
        time.advance(1s);  // far less than its patience, however often
    }
    CHECK((got == taken + "(end)"));  // not to be printed
    CHECK(partings.empty());
}

TEST_CASE("kernel seal: a stream that ends or is let go with a full socket loses nothing", tags) {
    const bool half_closes = GENERATE(true, false);
    const bool has_place = GENERATE(true, false);  // where too many part already, none is waited for
    record_ends both;
    tcp_pair wire;
    std::string taken, got;
    std::jthread client;
    run_on_uv([&](uv_loop& time) -> task<void> {
        stream_context context{time};
        if (!has_place) context.most_partings = 0;
        auto stream = *adopt_socket(context, std::exchange(wire.ours, ::dup(wire.ours)), {}, {});
        stream->add_layer(std::make_unique<bare_layer>(*both.records));
        CHECK((stream->source_descriptor() < 0 && stream->sink_descriptor() < 0));
        REQUIRE(stream->seal_in_kernel());
        CHECK((stream->source_descriptor() < 0 && stream->sink_descriptor() >= 0));
        taken = wire.fill();
        wire.close_ours();
        if (half_closes) stream->shutdown_write();
        stream.reset();
        client = std::jthread{[&] {
            while (const auto bytes = wire.receive()) got += both.client.reads(*bytes);
        }};
        CHECK(context.partings.empty() != has_place);
        co_await context.partings.joined();
    });
    client.join();
    CHECK((got == taken + "(end)") == has_place);
}

TEST_CASE("kernel seal: a peer that takes nothing more is reset, in time", tags) {
    virtual_loop time;
    scope partings{time};
    sealed_by_kernel server;
    server.wire.fill();
    partings.spawn(kernel_tls::part(time, server.wire.ours));
    server.wire.close_ours();
    time.advance(kernel_tls::part_patience / 2);
    CHECK_FALSE(partings.empty());
    for (int i = 0; i < 4; ++i) server.wire.receive();
    time.advance(kernel_tls::part_patience / 2 + 1s);  // it took something: its patience has begun anew
    CHECK_FALSE(partings.empty());
    time.advance(kernel_tls::part_patience);
    CHECK(partings.empty());
    while (true) {
        char byte[4096];
        const auto count = ::recv(server.wire.theirs, byte, sizeof byte, 0);
        if (count > 0) continue;
        CHECK((count < 0 && errno == ECONNRESET));
        break;
    }
}

TEST_CASE("kernel seal: one whose peer has gone ends at once", tags) {
    virtual_loop time;
    scope partings{time};
    sealed_by_kernel server;
    server.wire.fill();
    const linger at_once{1, 0};
    setsockopt(server.wire.theirs, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(server.wire.theirs, ::dup(server.wire.ours)));
    partings.spawn(kernel_tls::part(time, server.wire.ours));
    time.settle();
    CHECK(partings.empty());
}
