#pragma once
/// Byte streams over libuv's own handles: TCP and Unix sockets.
///
///     auto server = co_await connect(context, address, {});            // io_result<stream_ptr>
///     auto client = adopt_socket(context, fd, peer, {});               // what accept4 gave
///
/// Cancelling connect() closes the half-open socket. Both need a context whose loop is a uv_loop. TCP sockets get
/// TCP_NODELAY; connected ones keep-alive probes too, so that a pooled connection to a machine that vanished is noticed.
/// Towards this machine itself they do without the pacing of BBR, where that is the system's default.
#include "lib/async/task.hpp"
#include "lib/net/byte_stream.hpp"

namespace weir {

struct adopt_options {
    adopt_options() = default;
    bool data_is_there = false;  // TCP_DEFER_ACCEPT: try to read before the first wait
};

/// Between two ends on one machine nothing can be congested, but BBR, the default of some systems, arms a timer for every
/// packet it sends: two thirds of the cost of bulk data, measured on a virtual machine. So a socket that is bound to, or
/// about to connect to, a loopback address gets Reno, which every kernel has. What a listener accepts inherits it.
void avoid_pacing(int descriptor, const address& at) noexcept;

/// Takes over a connected, non-blocking descriptor; on failure it is closed.
io_result<stream_ptr> adopt_socket(stream_context& context, int fd, address peer, adopt_options options);

/// Connects to one address.
task<io_result<stream_ptr>> connect(stream_context& context, address to);

/// Connects to the first of several that answers: RFC 8305 (Happy Eyeballs), one more attempt every 250 ms or as soon as
/// one fails, losers cancelled. `to` in the order of preference, families interleaved (see interleave_families). The
/// error is that of the first address.
struct connected {
    stream_ptr stream;
    address to;
};
task<io_result<connected>> connect_any(stream_context& context, std::vector<address> to);

/// RFC 8305 section 4: alternates between the families, the first address's first; otherwise keeps the order.
std::vector<address> interleave_families(std::vector<address> addresses);

}  // namespace weir
