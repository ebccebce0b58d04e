#include "proxy/dial.hpp"

#include "lib/async/race.hpp"
#include "lib/net/proxy_protocol.hpp"
#include "proxy/tls_connect.hpp"

namespace weir {
namespace {

reason reason_of(io_error why) {
    switch (why.code) {
    case ECONNREFUSED:
    case ENOENT: return reason::connect_refused;  // a Unix socket that is not there
    case ETIMEDOUT: return reason::connect_timeout;
    default: return reason::connect_failed;
    }
}

std::string proxy_header_for(const byte_stream& client, conf::proxy_header version) {
    std::string header;
    switch (version) {
    case conf::proxy_header::off: break;
    case conf::proxy_header::v1: append_proxy_v1(header, client.peer(), client.local()); break;
    case conf::proxy_header::v2: append_proxy_v2(header, client.peer(), client.local()); break;
    }
    return header;
}

task<result<>> secure(worker_context& w, byte_stream& stream, const tls::client_context& context, backend_view& backend,
                      std::size_t index) {
    const auto& settings = backend.shared.settings();
    const auto until = w.time.now() + settings.timeout.tls;
    tls_peer peer{tls_name_of(*settings.tls, backend.shared.servers()[index].settings()), &backend.sessions[index],
                  *w.handshakes};
    auto secured = co_await connect_tls(stream, context, std::move(peer), until);
    auto& numbers = w.numbers;
    if (!secured) numbers.server_handshakes_failed.add();
    else if (tls::session_of(stream.layer())->facts().resumed) numbers.server_handshakes_resumed.add();
    else numbers.server_handshakes_full.add();
    co_return secured;
}

}  // namespace

task<result<std::unique_ptr<server_connection>>> dial(worker_context& w, backend_view& backend, std::size_t index,
                                                      const byte_stream& client) {
    const auto& settings = backend.shared.settings();
    auto& to = backend.shared.servers()[index];
    const auto doing = [&](std::string_view what) {
        return "connect to " + to.name() + " of " + backend.shared.name() + ": " + std::string{what};
    };

    auto addresses = to.addresses();
    if (addresses.empty()) co_return fail(reason::dns_failed, doing("its name is not resolved"), false);
    const auto until = w.time.now() + settings.timeout.connect;
    const auto place = co_await timeout_at(w.time, until, backend.connecting[index]->acquire());
    if (!place) co_return fail(reason::connect_timeout, doing("too many connects are under way"), false);
    auto made = co_await timeout_at(w.time, until, w.connect(w.streams, std::move(addresses)));
    if (!made) co_return fail(reason::connect_timeout, doing("timed out"), false);
    if (!*made) co_return fail(reason_of(made->error()), doing(made->error().text()), false);

    auto fresh = std::make_unique<server_connection>(std::move((*made)->stream));
    fresh->stream->expect_bulk(true);  // answers are the larger half: head and 16 KiB of body in one read
    backend.pools[index]->welcome(*fresh);
    if (settings.send_proxy != conf::proxy_header::off) {
        const auto header = proxy_header_for(client, settings.send_proxy);
        const auto sent = co_await timeout_at(w.time, until, fresh->stream->write(header));
        if (!sent || !*sent) co_return fail(reason::connect_failed, doing("send PROXY header"), false);
    }
    if (const auto context = backend.tls.get()) {
        auto secured = co_await secure(w, *fresh->stream, *context, backend, index);
        if (!secured) co_return fail(secured.error().why, doing(secured.error().doing), false);
    }
    co_return fresh;
}

}  // namespace weir
