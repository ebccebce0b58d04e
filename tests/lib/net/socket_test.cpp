#include "lib/net/socket.hpp"

#include <sys/socket.h>

#include "lib/async/event.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("socket: bytes, half-close, end of stream") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto ends = co_await net.connect();
        auto& [client, server] = ends;
        CHECK(client->peer() == net.at());
        CHECK(server->local() == net.at());

        const auto sent = co_await client->write("hel", "lo");
        CHECK(sent.has_value());
        const auto got = co_await server->fill();
        CHECK(*got == 5);
        CHECK(server->in() == "hello");
        client->shutdown_write();
        co_await server->closed();
        CHECK(server->in() == "hello");  // kept until it is consumed
        server->consume(5);
        const auto end = co_await server->fill();
        CHECK(*end == 0);
        CHECK(context.buffers.held_bytes() == 0);

        const auto back = co_await server->write("bye");
        CHECK(back.has_value());
        const auto heard = co_await client->fill();
        CHECK(*heard == 3);
        server.reset();
        const auto gone = co_await client->fill();
        CHECK(*gone == 0);
    });
}

TEST_CASE("socket: a reset is an error, not an end") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto ends = co_await net.connect();
        ends.second->reset_on_close();
        ends.second.reset();
        const auto got = co_await ends.first->fill();
        CHECK_FALSE(got.has_value());
        CHECK(got.error().is_reset());
        const auto sent = co_await ends.first->write("x");
        CHECK_FALSE(sent.has_value());
        CHECK(sent.error().nothing_sent);
    });
}

TEST_CASE(
    "socket: a cancelled fill loses nothing; a cancelled write that waited leaves the stream unusable for writing") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto ends = co_await net.connect();
        auto& [client, server] = ends;
        const auto nothing = co_await timeout(time, 1ms, server->fill());
        CHECK_FALSE(nothing.has_value());
        const auto sent = co_await client->write("x");
        CHECK(sent.has_value());
        const auto got = co_await server->fill();
        CHECK(*got == 1);

        const std::string much(64 << 20, 'x');  // more than the kernel takes while nobody reads
        const auto waited = co_await timeout(time, 1ms, client->write(much));
        CHECK_FALSE(waited.has_value());
        const auto after = co_await client->write("y");
        CHECK_FALSE(after.has_value());
        CHECK(after.error().code == io_error::broken);
    });
}

TEST_CASE("socket: who does not read is sent no more than the kernel takes, and our buffer stays bounded") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto ends = co_await net.connect();
        auto& [client, server] = ends;
        const std::string much(8 << 20, 'x');
        std::size_t read = 0;
        scope writing{time};
        bool whole = false;
        writing.spawn([](byte_stream& to, const std::string& what, bool& done) -> task<void> {
            const auto sent = co_await to.write(what);
            done = sent.has_value();
        }(*client, much, whole));
        server->expect_bulk(true);
        while (read < much.size()) {
            if (server->in().empty()) {
                const auto got = co_await server->fill();
                REQUIRE(got.value_or(0) > 0);
            }
            CHECK(context.buffers.held_bytes() <= 2 * buffer_pool::large_bytes);
            read += server->in().size();
            server->consume(server->in().size());
        }
        co_await writing.joined();
        CHECK(whole);
    });
}

TEST_CASE("socket: an idle one tells its watcher, which may dispose of it") {
    struct remover final : byte_stream::idle_watcher {
        void on_stirred(byte_stream&) noexcept override {
            kept.reset();
            told.set();
        }
        explicit remover(loop& time) : told{time} {}
        stream_ptr kept;
        event told;
    };
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto ends = co_await net.connect();
        CHECK(ends.first->is_quiet());
        remover watcher{time};
        watcher.kept = std::move(ends.first);
        watcher.kept->watch_idle(watcher);
        const auto sent = co_await ends.second->write("unexpected");
        CHECK(sent.has_value());
        co_await watcher.told.wait();
        CHECK_FALSE(watcher.kept);
        CHECK(context.buffers.held_bytes() == 0);
    });
}

TEST_CASE("socket: end_reading lets whoever waits go on") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto ends = co_await net.connect();
        scope waiting{time};
        std::size_t got = 99;
        waiting.spawn([](byte_stream& from, std::size_t& result) -> task<void> {
            const auto filled = co_await from.fill();
            result = filled.value_or(98);
        }(*ends.second, got));
        ends.second->end_reading();
        co_await waiting.joined();
        CHECK(got == 0);
    });
}

TEST_CASE("connect: refused at once, cancelled without a trace") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        std::optional<address> nobody;
        {
            loopback net{context};
            nobody = net.at();
        }
        const auto refused = co_await connect(context, *nobody);
        CHECK_FALSE(refused.has_value());
        CHECK(refused.error().code == ECONNREFUSED);
        {
            auto started = connect(context, *nobody);
            const auto late = co_await timeout(time, 0ns, std::move(started));
            CHECK_FALSE(late.has_value());
        }
        const auto no_file = co_await connect(context, *address::unix_socket("/nonexistent/socket"));
        CHECK_FALSE(no_file.has_value());
        CHECK(no_file.error().code == ENOENT);
    });
}
