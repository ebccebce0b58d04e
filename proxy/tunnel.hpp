#pragma once
/// Bytes both ways between two connections, whatever they mean: tcp mode, and HTTP after an upgrade.
///
///     const auto moved = co_await tunnel(w, client, server, 1h);
///
/// An end of stream on one side is passed on as a half-close, and the other direction goes on. Bounded: at most one chunk
/// is on its way in each direction, or a splice window once the data proves to be bulk. When nothing has moved either way
/// for `idle` it ends with tunnel_idle_timeout, and when one side breaks, with whose fault it was; the other side then
/// gets a reset, so that it cannot take what it has for the whole.
#include "lib/telemetry/reason.hpp"
#include "proxy/context.hpp"

namespace weir {

struct tunnel_result {
    std::uint64_t from_client = 0, from_server = 0;  // bytes
    reason why = reason::none;                       // none: both sides ended properly
};

task<tunnel_result> tunnel(worker_context& w, byte_stream& client, byte_stream& server, milliseconds idle);

}  // namespace weir
