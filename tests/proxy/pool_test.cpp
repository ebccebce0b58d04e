#include "proxy/pool.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/proxy_world.hpp"

using namespace weir;
using namespace weir::testing;

namespace {
struct pooled {
    explicit pooled(std::string_view arguments = "keep_alive idle=4s age=10m requests=1000 connections=2;")
        : config{configured(std::string{"listen 127.0.0.1:1 { route / web; } backend web { server 127.0.0.1:9001; "} +
                            std::string{arguments} + " }")},
          pool{time, config.backends[0], chance} {}
    std::shared_ptr<fake_peer> put() {
        auto made = fake_stream::make(context);
        auto connection = std::make_unique<server_connection>(std::move(made.first));
        pool.welcome(*connection);
        pool.put(std::move(connection));
        return made.second;
    }
    virtual_loop time;
    stream_context context{time};
    random_source chance{1};
    conf::config config;
    connection_pool pool;
};
}  // namespace

TEST_CASE("pool: the last one in is the first one out, and beyond its size the oldest goes") {
    pooled p;
    auto oldest = p.put(), older = p.put(), newest = p.put();
    CHECK(p.pool.size() == 2);
    CHECK(oldest->closed);
    auto taken = p.pool.take(false);
    REQUIRE(taken);
    CHECK(taken->reused);
    taken.reset();
    CHECK(newest->closed);
    CHECK_FALSE(older->closed);
}

TEST_CASE("pool: what stirs while it is idle leaves at once") {
    pooled p;
    SECTION("an end of stream") { p.put()->finish(); }
    SECTION("a reset") { p.put()->break_off(ECONNRESET); }
    SECTION("bytes that nobody asked for") { p.put()->send("HTTP/1.1 200 OK\r\n\r\n"); }
    CHECK(p.pool.size() == 0);
    CHECK_FALSE(p.pool.take(false));
}

TEST_CASE("pool: connections that are dead, dirty, old or used up are not taken in") {
    pooled p;
    SECTION("unread bytes") {
        auto made = fake_stream::make(p.context);
        auto connection = std::make_unique<server_connection>(std::move(made.first));
        p.pool.welcome(*connection);
        made.second->send("left over");
        struct quiet final : byte_stream::idle_watcher {
            void on_stirred(byte_stream&) noexcept override {}
        } nobody;
        connection->stream->watch_idle(nobody);  // reads it
        p.pool.put(std::move(connection));
        CHECK(made.second->closed);
    }
    SECTION("too old") {
        auto made = fake_stream::make(p.context);
        auto connection = std::make_unique<server_connection>(std::move(made.first));
        p.pool.welcome(*connection);
        p.time.advance(12min);
        p.pool.put(std::move(connection));
        CHECK(made.second->closed);
    }
    SECTION("after its share of requests") {
        pooled few{"keep_alive requests=1;"};
        CHECK(few.put()->closed);
    }
    SECTION("no pool at all") {
        pooled none{"keep_alive connections=0;"};
        CHECK(none.put()->closed);
    }
}

TEST_CASE("pool: idle ones are closed before the server would, sooner once it has shown how long it waits") {
    pooled p;
    auto peer = p.put();
    p.time.advance(3900ms);
    p.pool.sweep();
    CHECK(p.pool.size() == 1);
    p.time.advance(200ms);
    p.pool.sweep();
    CHECK(p.pool.size() == 0);

    auto dies = p.put();
    p.time.advance(1s);
    dies->finish();  // this server waits a second
    auto next = p.put();
    p.time.advance(850ms);
    p.pool.sweep();
    CHECK(p.pool.size() == 0);
}
