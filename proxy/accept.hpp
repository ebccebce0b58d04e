#pragma once
/// The accept loop: one worker's clients of one listener, as a stream that respects the limits on connections.
///
///     client_stream clients{w, view, door};
///     co_await for_each_concurrent(time, clients, view.settings.max_connections, serve);
///
/// A client is accepted only when there is a place for it, in the listener and in the process; until then it waits in the
/// kernel's backlog.
#include <optional>

#include "lib/async/task.hpp"
#include "lib/net/listener.hpp"
#include "proxy/context.hpp"

namespace weir {

/// A client that was let in, with its places, which are given back when it goes.
struct admitted {
    admitted(stream_ptr client, connection_gate::permit overall, connection_gate::permit here, worker_numbers& counts)
        : stream{std::move(client)}, overall{std::move(overall)}, here{std::move(here)}, numbers{&counts} {
        counts.connections_total.add();
        counts.connections_open.add();
    }
    admitted(admitted&&) = default;
    ~admitted() {
        if (stream) numbers->connections_open.subtract();
    }
    stream_ptr stream;
    connection_gate::permit overall, here;
    worker_numbers* numbers;
};

class client_stream {
public:
    using value_type = admitted;

    client_stream(worker_context& w, listener_view& view, listener& door) : w_{w}, view_{view}, door_{door} {}
    task<std::optional<admitted>> next();

private:
    worker_context& w_;
    listener_view& view_;
    listener& door_;
};

}  // namespace weir
