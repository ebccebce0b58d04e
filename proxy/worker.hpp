#pragma once
/// One worker: a thread, a loop, its copies of the listening sockets, and everything that is served on them.
///
///     worker w{0, main_loop, shared, sockets, seed};
///     w.tell(worker_order::stop_accepting);            // from the main thread; an actor takes the orders
///     co_await w.ended();
///
/// Process > worker > listener > connection > request > try: each is owned by the one before. A worker ends when its
/// listeners have ended and their connections with them, or when it is told to cut what is left.
#include <memory>
#include <vector>

#include "lib/async/loop_thread.hpp"
#include "lib/async/mailbox.hpp"
#include "proxy/context.hpp"
#include "proxy/status.hpp"

namespace weir {

/// The stages of going down, in this order.
enum class worker_order : std::uint8_t {
    hint_close,      // every response says `Connection: close`
    stop_accepting,  // take what is in the backlog, then no more
    close_idle,      // connections without a request are closed
    cut,             // so are all others
};

/// A listening socket as the process bound it.
struct bound_listener {
    const conf::listener* settings;
    std::string name;              // with the port that was chosen
    std::vector<int> descriptors;  // one per worker
};

class worker {
public:
    worker(unsigned number, loop& parent, shared_state& shared, const std::vector<bound_listener>& listeners,
           std::uint64_t seed);

    /// From any thread.
    void tell(worker_order order);
    /// On the parent's loop.
    event::awaiter ended() noexcept { return thread_.ended(); }

    /// As things stand, asked of the worker itself, on the asker's loop; its last words once it has ended.
    task<worker_status> status(loop& asker);

private:
    class life;
    struct link;  // what the parent and the worker's thread both refer to
    std::shared_ptr<link> link_;
    loop_thread thread_;
};

}  // namespace weir
