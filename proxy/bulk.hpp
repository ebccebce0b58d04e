#pragma once
/// When and with what bulk data is spliced instead of copied.
#include "proxy/context.hpp"

namespace weir {

/// From here on setting up a splice costs less than it saves.
inline constexpr std::uint64_t bulk_bytes = 128 * 1024;
/// How much is spliced before rates and limits are looked at again.
inline constexpr std::uint64_t bulk_slice_bytes = 8 * 1024 * 1024;

/// A pipe, if both ends are plain sockets and there is one to be had. The source must have nothing buffered.
inline pipe_pool::lease lease_pipe(worker_context& w, const byte_stream& from, const byte_stream& to) {
    if (from.descriptor() < 0 || to.descriptor() < 0 || !from.in().empty()) return {nullptr, {&w.pipes}};
    return w.pipes.take();
}

}  // namespace weir
