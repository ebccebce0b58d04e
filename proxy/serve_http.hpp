#pragma once
/// The life of a client connection in http mode: one request after the other, until somebody has had enough.
///
/// Between requests the connection holds no buffer and no request, only this coroutine's frame: ten thousand idle ones
/// cost a few MiB. Pipelined requests are answered one by one, in order.
#include "lib/async/task.hpp"
#include "proxy/accept.hpp"

namespace weir {

task<void> serve_http(worker_context& w, listener_view& listener, admitted client);

/// Reads the PROXY protocol header that the listener demands, and takes the client's address from it. False: close.
task<bool> accept_proxy_header(worker_context& w, listener_view& listener, byte_stream& client);

}  // namespace weir
