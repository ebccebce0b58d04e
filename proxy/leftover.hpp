#pragma once
/// What a try leaves behind that was overtaken by another: a connection with an answer still to come.
///
///     if (can_be_saved(a, answered)) worker.leftovers.spawn(save(worker, leftover{a, answered}));   // contest.cpp
///
/// In HTTP/1.1 a request can be called off only by closing its connection, which costs a new one, and a server that has
/// begun finishes anyway. So a late answer gets a moment more: if its head comes within the time that 95 % of the answers
/// take, and its body is short, it is read and dropped, and the connection goes back to its pool. Until then the try is
/// counted as in flight, which it is. Else the connection is closed, and counted in hedge_wasted_connections_total.
/// (After Finagle's BackupRequestFilter, which lets HTTP/1 losers run on.)
///
/// At most 64 in each worker at once, none while weir is short of something or going down; they end with the worker.
#include "proxy/attempt.hpp"

namespace weir {

struct leftover {
    /// Takes over what `a` has. `head_is_read`: what remains to come is the body.
    leftover(attempt& a, bool head_is_read);

    backend_view& backend;
    place on;
    std::unique_ptr<server_connection> connection;
    http::method asked;
    time_point sent_at;
    std::optional<http::body_framing> body;  // nothing: the head is not here yet
};

/// Its request is out as a whole, and nothing went wrong with it so far. `head_is_read`: as of its head, too, it may stay.
bool can_be_saved(const attempt& a, bool head_is_read);

task<void> save(worker_context& w, leftover what);

}  // namespace weir
