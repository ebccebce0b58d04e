#pragma once
/// A client and a server on two byte_streams that are each other's other end, without a network; each may get TLS.
///
///     virtual_loop time;
///     tls_streams ends{time};
///     REQUIRE(ends.shake_hands());                       // both have a session as their layer now
///     running sent{time, write_all(*ends.client, "hello")};
///     ends.carry();                                      // until nobody has anything more to say
///     CHECK(ends.server->in() == ...);                   // once somebody reads
///
/// What goes over the wire is in `to_server` and `to_client` as a whole. `slice`: how many bytes arrive at a time.
#include <algorithm>
#include <string>

#include "lib/tls/client_context.hpp"
#include "lib/tls/handshake.hpp"
#include "lib/tls/server_context.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/fake_stream.hpp"
#include "tests/support/running.hpp"

namespace weir::testing {

/// One authority and its contexts for all tests of a program: keys take time to make.
struct tls_world {
    static const tls_world& shared() {
        static const tls_world world;
        return world;
    }
    tls_world() {
        tls::server_settings of_server;
        of_server.certificates = {ca.issue({.names = {"a.test"}})};
        of_server.tickets = false;
        server = tls::server_context::load(of_server, nullptr, std::chrono::system_clock::now()).value();
        tls::client_settings of_client;
        of_client.ca = ca.file();
        client = tls::client_context::load(of_client, std::chrono::system_clock::now()).value();
    }
    test_ca ca;
    std::shared_ptr<const tls::server_context> server;
    std::shared_ptr<const tls::client_context> client;
};

/// A desk where every costly step is done on the loop, however slow the machine is.
struct loop_desk : tls::handshake_desk {
    explicit loop_desk(offload_pool& pool) : handshake_desk{pool} {
        placement = tls::handshake_placement{{.share_permille = 1000, .burst = 1h, .most_here = 1h}};
    }
};

class tls_streams {
public:
    using shaken = std::expected<void, tls::handshake_failure>;

    explicit tls_streams(virtual_loop& loop) : time{loop}, context{loop} {
        std::tie(client, client_end) = fake_stream::make(context);
        std::tie(server, server_end) = fake_stream::make(context);
    }

    /// A handshake on the loop's own thread, to its end.
    bool shake_hands(const std::string& name = "a.test") {
        loop_desk desk{pool};
        auto as_client = client_shakes(desk, name), as_server = server_shakes(desk);
        carry();
        return as_client.done() && as_client.get() && as_server.done() && as_server.get();
    }
    /// One side of it, begun.
    running<shaken> client_shakes(tls::handshake_desk& desk, const std::string& name = "a.test") {
        return {time, handshake(*client, client_session(name), desk, tls::handshake_kind::as_client)};
    }
    running<shaken> server_shakes(tls::handshake_desk& desk) {
        return {time, handshake(*server, server_session(), desk, tls::handshake_kind::ecdsa)};
    }
    /// Waits for the peer's first words before the first step, as a listener does.
    static task<shaken> handshake(byte_stream& stream, std::unique_ptr<tls::session> session, tls::handshake_desk& desk,
                                  tls::handshake_kind kind) {
        if (kind != tls::handshake_kind::as_client) co_await stream.fill();
        co_return co_await tls::shake_hands(stream, std::move(session), desk, kind, 1);
    }
    std::unique_ptr<tls::session> client_session(const std::string& name = "a.test") const {
        return std::make_unique<tls::session>(tls_world::shared().client->new_session(name, nullptr), time);
    }
    std::unique_ptr<tls::session> server_session() const {
        return std::make_unique<tls::session>(tls_world::shared().server->new_session(), time);
    }

    /// What each has written reaches the other, until nobody writes any more.
    void carry() {
        do time.settle();
        while (move(*client_end, *server_end, to_server) || move(*server_end, *client_end, to_client));
    }

    virtual_loop& time;
    stream_context context;
    offload_pool pool{"test-tls", 1, 16};
    stream_ptr client, server;
    std::shared_ptr<fake_peer> client_end, server_end;
    std::string to_server, to_client;
    std::size_t slice = std::string::npos;

private:
    bool move(fake_peer& from, fake_peer& to, std::string& seen) const {
        const auto bytes = std::exchange(from.received, {});
        seen += bytes;
        for (std::size_t at = 0; at < bytes.size();) {
            const auto n = std::min(slice, bytes.size() - at);
            to.send(std::string_view{bytes}.substr(at, n));
            at += n;
        }
        return !bytes.empty();
    }
};

}  // namespace weir::testing
