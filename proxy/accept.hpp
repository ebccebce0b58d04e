#pragma once
/// The accept loop: one worker's clients of one listener, as a stream that respects the limits on connections.
///
///     client_stream clients{w, view, door};
///     co_await for_each_concurrent(time, clients, view.settings.max_connections, serve);
///
/// A client is accepted only when there is a place for it, in the listener and in the process, and weir is not so short of
/// something that it lets nobody in; until then it waits in the kernel's backlog. One that has too many connections
/// already (`max_connections_per_client`), or comes too often (`connection_rate`), is accepted only to be reset: in the backlog it
/// would stand in the way of others.
#include <optional>

#include "lib/async/task.hpp"
#include "lib/net/listener.hpp"
#include "proxy/context.hpp"

namespace weir {

/// One of the connections that a client may have on a listener; given back when it dies.
class client_place {
public:
    client_place() = default;
    client_place(client_place&& other) noexcept { *this = std::move(other); }
    client_place& operator=(client_place&& other) noexcept {
        std::swap(at_, other.at_);
        std::swap(key_, other.key_);
        return *this;
    }
    ~client_place();
    /// Empty: the client has as many as it may have.
    static client_place enter(listener_state& at, std::uint64_t key);
    explicit operator bool() const noexcept { return at_ != nullptr; }

private:
    listener_state* at_ = nullptr;
    std::uint64_t key_ = 0;
};

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
    client_place share;
    worker_numbers* numbers;
};

/// Counts the connection as one of its client. False: that is one too many or too soon, and it will end with a reset. Done by
/// client_stream, but where a PROXY header says later who the client is: there by whoever has read it.
bool enter_as_client(worker_context& w, listener_view& view, admitted& client);

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
