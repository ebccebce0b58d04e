#pragma once
/// One try: a request and its answer on one connection to one server.
#include "proxy/request.hpp"

namespace weir {

enum class pooled_connections : bool { allowed, avoided };

/// Success: the client has the whole answer, or whatever could be given of it (request::why then says what was wrong).
/// An error: this try failed; if request::answered is false, another may follow, or a refusal. `error::sent` tells
/// whether a byte of the request reached the server.
task<result<>> exchange(request& r, std::size_t server_index, pooled_connections pooled);

}  // namespace weir
