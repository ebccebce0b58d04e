#pragma once
/// The life of a client connection in tcp mode: pick a server, connect (the next one if that fails), move bytes both ways.
#include "lib/async/task.hpp"
#include "proxy/accept.hpp"

namespace weir {

task<void> serve_tcp(worker_context& w, listener_view& listener, admitted client);

}  // namespace weir
