#pragma once
/// When and with what bulk data is spliced instead of copied.
#include "proxy/context.hpp"

namespace weir {

/// From here on setting up a splice costs less than it saves.
inline constexpr std::uint64_t bulk_bytes = 128 * 1024;
/// How much is spliced before rates and limits are looked at again.
inline constexpr std::uint64_t bulk_slice_bytes = 8 * 1024 * 1024;

/// What is longer is sealed by us, even where the kernel could: it takes no new key, and one is not good for ever.
inline constexpr std::uint64_t kernel_seal_bytes = std::uint64_t{64} << 30;

/// A pipe, if both ends are plain sockets and there is one to be had. The source must have nothing buffered.
inline pipe_pool::lease lease_pipe(worker_context& w, const byte_stream& from, const byte_stream& to) {
    if (from.source_descriptor() < 0 || to.sink_descriptor() < 0 || !from.in().empty()) return {nullptr, {&w.pipes}};
    return w.pipes.take();
}

/// Makes a plain socket of a client's TLS connection, where the kernel can seal what `bytes` more become.
inline void prepare_bulk(worker_context& w, byte_stream& client, std::uint64_t bytes) {
    if (client.sink_descriptor() >= 0 || bytes > kernel_seal_bytes) return;
    if (client.seal_in_kernel()) w.numbers.kernel_tls_total.add();
}

}  // namespace weir
