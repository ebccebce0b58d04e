#pragma once
/// A listening socket: who waits at the door, and letting them in one by one.
///
///     auto sockets = bind_listener(address, options);                  // before privileges are dropped
///     listener door{context, sockets->descriptors[worker], how};        // one per worker, each on its own copy (SO_REUSEPORT)
///     while (co_await door.pending())
///         if (auto client = door.accept_now()) serve(std::move(client));
///     door.finish();                                                    // drain: what waits in the backlog, then the end
///
/// Two steps, so that a place for the client can be awaited in between. While nobody asks, the kernel's backlog holds the
/// clients and the socket is not even polled. Out of descriptors (EMFILE and the like) the listener rests for 100 ms; it
/// never spins and never accepts a client just to close it, which is why it calls accept4 itself: libuv does both.
/// Belongs to one loop.
#include <uv.h>

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "lib/async/task.hpp"
#include "lib/net/socket.hpp"

namespace weir {

struct bind_options {
    bind_options() = default;
    unsigned copies = 1;  // sockets that share the address; the kernel spreads the connections over them
    int backlog = 1024;
    bool defer_accept = false;  // a connection shows up with its first bytes, or after a second
};

struct bound_sockets {
    std::vector<int> descriptors;  // a Unix socket has one, which the workers share
    address at;                    // with the port the kernel chose, if it was asked to
};

/// The error text says what failed. A stale Unix socket file, which nobody listens on, is replaced.
std::expected<bound_sockets, std::string> bind_listener(const address& at, const bind_options& options);

class listener {
public:
    struct options {
        options() = default;
        bool data_is_there = false;                      // see adopt_options
        std::function<void(int error)> on_accept_error;  // told at each failure, before the rest
    };

    /// Takes over `descriptor`, which stays shared with other processes or workers if it was duplicated.
    listener(stream_context& context, int descriptor, options how);
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener();

    /// Resumes when a client seems to be waiting; false once finish() was called and the backlog is empty. Cancelling
    /// loses no client.
    task<bool> pending();
    /// The client, or nothing: it has left, another worker had it, or there are no descriptors.
    stream_ptr accept_now();
    /// No more than what is in the backlog now; then the socket is closed, so that new clients are turned away (or go to
    /// another process on the same port) instead of waiting for nobody. Clients that TCP_DEFER_ACCEPT hides may still show up.
    void finish();

private:
    struct node;  // shared with libuv until its close callback
    class readable_awaiter;

    void close() noexcept;

    stream_context& context_;
    options options_;
    node* node_;  // null once closed
    unsigned accepts_in_a_row_ = 0;
    bool maybe_more_ = false;  // the last accept got somebody
    bool resting_ = false;     // the last accept found no descriptor
};

}  // namespace weir
