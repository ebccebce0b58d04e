#pragma once
/// The life of a request that goes to a backend: pick a server, try, try another where it is safe, relay the answer.
#include "proxy/request.hpp"

namespace weir {

/// Ends with the client answered, one way or the other.
task<void> forward(request& r);

}  // namespace weir
