#include "lib/net/splice.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

/// All of it, unless the reader goes away before.
task<void> write_all(byte_stream& to, std::string bytes) {
    const auto sent = co_await to.write(bytes);
    if (sent) to.shutdown_write();
}

task<void> read_all(byte_stream& from, std::size_t wanted, std::string& into) {
    while (into.size() < wanted) {
        if (from.in().empty()) {
            const auto got = co_await from.fill();
            if (!got || *got == 0) break;
        }
        into.append(from.in());
        from.consume(from.in().size());
    }
}

std::string numbered(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text.append(std::to_string(text.size())).append(",");
    text.resize(bytes);
    return text;
}

}  // namespace

TEST_CASE("splice: every byte, in order, to the limit or to the end of the source") {
    const bool limited = GENERATE(true, false);
    run_on_uv([&limited](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto in = co_await net.connect();
        auto out = co_await net.connect();
        pipe_pool pipes{2};
        const auto bytes = numbered(3 << 20);
        const auto wanted = limited ? bytes.size() / 2 : bytes.size();
        std::string arrived;
        scope others{time};
        others.spawn(write_all(*in.first, bytes));
        others.spawn(read_all(*out.second, wanted, arrived));
        std::uint64_t progress = 0;
        {
            auto pipe = pipes.take();
            REQUIRE(pipe);
            splice_limits limits;
            if (limited) limits.bytes = wanted;
            limits.idle = 20s;
            const auto moved = co_await splice_bytes(*in.second, *out.first, limits, *pipe, &progress);
            REQUIRE(moved.has_value());
            CHECK(*moved == wanted);
            CHECK(progress == wanted);
        }
        if (limited) in.second.reset();  // the rest is not wanted: its writer must not wait for us
        while (arrived.size() < wanted) co_await time.yield();
        CHECK(arrived == bytes.substr(0, wanted));
        CHECK(pipes.in_use() == 0);
        others.cancel();
    });
}

TEST_CASE("splice: says who stood still, and who broke") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto in = co_await net.connect();
        auto out = co_await net.connect();
        pipe_pool pipes{1};
        splice_limits limits;
        limits.idle = 5ms;
        {
            auto pipe = pipes.take();
            CHECK_FALSE(pipes.take());  // no more than agreed
            const auto silent = co_await splice_bytes(*in.second, *out.first, limits, *pipe);
            REQUIRE_FALSE(silent.has_value());
            CHECK(silent.error().error.code == ETIMEDOUT);
            CHECK_FALSE(silent.error().writing);
        }
        {
            auto pipe = pipes.take();
            scope source{time};
            source.spawn([](byte_stream& to) -> task<void> {
                const std::string much(32 << 20, 'x');
                const auto sent = co_await to.write(much);
                (void)sent;
            }(*in.first));
            const auto stuck = co_await splice_bytes(*in.second, *out.first, limits, *pipe);
            REQUIRE_FALSE(stuck.has_value());
            CHECK(stuck.error().error.code == ETIMEDOUT);
            CHECK(stuck.error().writing);
            CHECK(pipe->inside > 0);
            out.second->reset_on_close();
            out.second.reset();
            limits.idle = 20s;
            const auto broken = co_await splice_bytes(*in.second, *out.first, limits, *pipe);
            REQUIRE_FALSE(broken.has_value());
            CHECK(broken.error().writing);
        }
        auto clean = pipes.take();
        REQUIRE(clean);
        CHECK(clean->inside == 0);  // the other one was thrown away
    });
}

TEST_CASE("splice: after it, the stream reads as before") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto in = co_await net.connect();
        auto out = co_await net.connect();
        pipe_pool pipes{1};
        auto pipe = pipes.take();
        scope source{time};
        source.spawn(write_all(*in.first, "helloworld"));
        splice_limits limits;
        limits.bytes = 5;
        const auto moved = co_await splice_bytes(*in.second, *out.first, limits, *pipe);
        CHECK(moved.value_or(0) == 5);
        const auto got = co_await in.second->fill();
        CHECK(got.value_or(0) == 5);
        CHECK(in.second->in() == "world");
    });
}
