#include "proxy/tunnel.hpp"

#include <optional>

#include "lib/async/event.hpp"
#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "proxy/bulk.hpp"

namespace weir {
namespace {

constexpr unsigned full_reads_to_splice = 4;

struct direction {
    byte_stream& from;
    byte_stream& to;
    reason if_source_breaks, if_target_breaks;
    std::uint64_t moved = 0;
    bool ended = false;
};

struct tunnel_state {
    tunnel_state(worker_context& worker, byte_stream& client, byte_stream& server)
        : w{worker}, client{client}, server{server}, news{worker.time}, pumps{worker.time} {}
    tunnel_state(const tunnel_state&) = delete;
    tunnel_state& operator=(const tunnel_state&) = delete;
    ~tunnel_state() {
        if (whole) return;  // broken, idle or cut off: neither side may take what it has for all there was
        client.reset_on_close();
        server.reset_on_close();
    }
    worker_context& w;
    byte_stream& client;
    byte_stream& server;
    bool whole = false;
    std::optional<reason> broken;
    event news;
    scope pumps;  // last: they refer to the rest
};

task<void> pump(tunnel_state& tunnel, direction& way) {
    unsigned full_reads = 0;
    while (true) {
        const auto bytes = way.from.in();
        if (bytes.empty()) {
            if (full_reads >= full_reads_to_splice) {
                if (auto pipe = lease_pipe(tunnel.w, way.from, way.to)) {
                    const auto all = co_await splice_bytes(way.from, way.to, {}, *pipe, &way.moved);
                    if (all) break;
                    tunnel.broken = all.error().writing ? way.if_target_breaks : way.if_source_breaks;
                    tunnel.news.set();
                    co_return;
                }
                full_reads = 0;
            }
            const auto got = co_await way.from.fill();
            if (!got) {
                tunnel.broken = broken_by(got.error(), way.if_source_breaks);
                tunnel.news.set();
                co_return;
            }
            if (*got == 0) break;
            // Small first, so that an idle tunnel with a little traffic stays small; large once the data keeps coming.
            full_reads = *got >= buffer_pool::small_bytes ? full_reads + 1 : 0;
            way.from.expect_bulk(full_reads > 0);
            continue;
        }
        if (const auto sent = co_await way.to.write(bytes); !sent) {
            tunnel.broken = broken_by(sent.error(), way.if_target_breaks);
            tunnel.news.set();
            co_return;
        }
        way.moved += bytes.size();
        way.from.consume(bytes.size());
    }
    way.to.shutdown_write();
    way.ended = true;
    tunnel.news.set();
}

}  // namespace

task<tunnel_result> tunnel(worker_context& w, byte_stream& client, byte_stream& server, milliseconds idle) {
    direction up{client, server, reason::client_closed, reason::backend_reset};
    direction down{server, client, reason::backend_reset, reason::client_closed};
    tunnel_state state{w, client, server};
    state.pumps.spawn(pump(state, up));
    state.pumps.spawn(pump(state, down));

    tunnel_result result;
    auto moved = up.moved + down.moved;
    auto quiet_until = w.time.now() + w.idle_wait(idle);
    while (!state.broken && !(up.ended && down.ended)) {
        state.news.clear();
        if (co_await timeout_at(w.time, quiet_until, state.news.wait())) continue;
        if (moved == up.moved + down.moved) {
            state.broken = reason::tunnel_idle_timeout;
            break;
        }
        moved = up.moved + down.moved;  // something moved: give it as long again
        quiet_until = w.time.now() + w.idle_wait(idle);
    }
    state.pumps.cancel();
    state.whole = !state.broken;
    if (state.broken) result.why = *state.broken;
    result.from_client = up.moved;
    result.from_server = down.moved;
    co_return result;
}

}  // namespace weir
