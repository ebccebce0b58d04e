#include "lib/net/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/catch.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/uv_run.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("listener: lets in one after the other, waits when nobody is there, and loses none when cancelled") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        const auto nobody = co_await timeout(time, 1ms, net.door().pending());
        CHECK_FALSE(nobody.has_value());
        CHECK_FALSE(net.door().accept_now());
        auto one = co_await connect(context, net.at());
        auto two = co_await connect(context, net.at());
        for (int i = 0; i < 2; ++i) {
            const bool more = co_await net.door().pending();
            CHECK(more);
            CHECK(net.door().accept_now());
        }
        CHECK_FALSE(net.door().accept_now());
    });
}

TEST_CASE("listener: after finish() the backlog is emptied, then new clients are refused") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        auto early = co_await connect(context, net.at());
        net.door().finish();
        unsigned let_in = 0;
        while (true) {
            const bool more = co_await net.door().pending();
            if (!more) break;
            if (net.door().accept_now()) ++let_in;
        }
        CHECK(let_in == 1);
        const auto late = co_await connect(context, net.at());
        CHECK_FALSE(late.has_value());
        const bool again = co_await net.door().pending();
        CHECK_FALSE(again);
        net.door().finish();  // twice does no harm
    });
}

TEST_CASE("listener and connect: between two ends on one machine nothing is paced") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        const auto control = [](const byte_stream& stream) {
            char name[16] = "";
            socklen_t size = sizeof name;
            getsockopt(stream.sink_descriptor(), IPPROTO_TCP, TCP_CONGESTION, name, &size);
            return std::string{name};
        };
        auto ends = co_await net.connect();
        CHECK(control(*ends.first) == "reno");
        CHECK(control(*ends.second) == "reno");
    });
}

TEST_CASE("listener: finish() ends whoever waits") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        loopback net{context};
        scope waiting{time};
        waiting.spawn([](listener& door) -> task<void> {
            while (true) {
                const bool more = co_await door.pending();
                if (!more) break;
                CHECK_FALSE(door.accept_now());
            }
        }(net.door()));
        net.door().finish();
        co_await waiting.joined();
    });
}

TEST_CASE("listener: out of descriptors it says so, rests, and takes the client later") {
    run_on_uv([](uv_loop& time) -> task<void> {
        stream_context context{time};
        auto bound = bind_loopback();
        REQUIRE(bound.has_value());
        unsigned told = 0;
        listener::options how;
        how.on_accept_error = [&told](int error) {
            if (error == EMFILE) ++told;
        };
        listener door{context, bound->descriptors[0], std::move(how)};
        auto client = co_await connect(context, bound->at);
        const bool there = co_await door.pending();
        CHECK(there);

        rlimit before{};
        getrlimit(RLIMIT_NOFILE, &before);
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // the lowest free descriptor
        ::close(next);
        const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
        const auto refused = door.accept_now();
        setrlimit(RLIMIT_NOFILE, &before);
        CHECK_FALSE(refused);
        CHECK(told == 1);
        const auto rested = time.now();
        const bool again = co_await door.pending();
        CHECK(again);
        CHECK(time.now() - rested >= 100ms);
        CHECK(door.accept_now());
    });
}

TEST_CASE("listener: copies share a port; a stale socket file is replaced, a live one is not") {
    bind_options how;
    how.copies = 3;
    const auto bound = bind_loopback(how);
    REQUIRE(bound.has_value());
    CHECK(bound->descriptors.size() == 3);
    CHECK(bound->at.port() != 0);
    for (const int fd : bound->descriptors) ::close(fd);

    char directory[] = "/tmp/weir-listener-XXXXXX";
    REQUIRE(::mkdtemp(directory) != nullptr);
    const auto at = *address::unix_socket(std::string{directory} + "/socket");
    const auto first = bind_listener(at, {});
    REQUIRE(first.has_value());
    CHECK_FALSE(bind_listener(at, {}).has_value());  // somebody listens
    ::close(first->descriptors[0]);
    const auto second = bind_listener(at, {});
    CHECK(second.has_value());
    if (second) ::close(second->descriptors[0]);
    ::unlink((std::string{directory} + "/socket").c_str());
    ::rmdir(directory);
}
