#pragma once
/// Moves bulk data from one plain socket to another inside the kernel: splice(2) through a pipe, no copy through user space.
/// The target may be a TLS connection that the kernel seals (byte_stream::seal_in_kernel()).
///
///     pipe_pool pipes{64};
///     if (auto pipe = pipes.take()) {
///         auto moved = co_await splice_bytes(*from, *to, limit, *pipe, on_progress);
///         if (moved && *moved < limit) ...                         // the source ended
///     }
///
/// The source needs a source_descriptor() and an empty in() buffer, the target a sink_descriptor(); nobody else may read from
/// one or write to the other meanwhile. Bounded: at most `splice_window` bytes are inside the pipe, so a receiver that is slower than the source costs
/// that much kernel memory and no more of ours; for one that takes all at once the window grows to 512 KiB, which may be
/// inside when it comes to a stand. Cancelling is safe for the process, but bytes inside the pipe are lost with it: both
/// connections are then out of step and must be closed.
/// libuv's handle for a socket is paused while uv_poll_t watches a duplicate of its descriptor, because libuv allows one
/// handle per descriptor. A transfer therefore takes up to four descriptors beyond the two sockets.
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "lib/async/task.hpp"
#include "lib/net/byte_stream.hpp"

namespace weir {

inline constexpr std::size_t splice_window = 192 * 1024;

/// Pipes of 1 MiB, made when first needed and kept for the next transfer. Belongs to one thread; outlives its leases.
class pipe_pool {
public:
    struct pipe {
        int read_end = -1, write_end = -1;
        std::size_t inside = 0;  // bytes; a pipe that is not empty is closed, not kept
    };
    struct give_back {
        pipe_pool* pool;
        void operator()(pipe* used) const noexcept { pool->put(used); }
    };
    using lease = std::unique_ptr<pipe, give_back>;

    /// At most `most` leases at once: each transfer costs descriptors.
    explicit pipe_pool(std::size_t most) noexcept : most_{most} {}
    pipe_pool(const pipe_pool&) = delete;
    pipe_pool& operator=(const pipe_pool&) = delete;
    ~pipe_pool();

    /// Empty when all are taken or the kernel has none to give: copy instead.
    lease take();
    std::size_t in_use() const noexcept { return in_use_; }

private:
    void put(pipe* used) noexcept;
    static void destroy(pipe* p) noexcept;
    std::size_t most_;
    std::size_t in_use_ = 0;
    std::vector<pipe*> idle_;
};

/// Why a transfer stopped early, and on whose side.
struct splice_error {
    io_error error;
    bool writing = false;  // it was the receiver
};

struct splice_limits {
    splice_limits() = default;
    std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
    nanoseconds idle{};                    // no byte moved for so long: ETIMEDOUT; 0: for ever
    time_point until = time_point::max();  // not all moved by then: ETIMEDOUT
};

/// Moves up to `limits.bytes`, or to the end of the source; how many went out. `progress`, if given, is increased as they go.
task<std::expected<std::uint64_t, splice_error>> splice_bytes(byte_stream& from, byte_stream& to, splice_limits limits,
                                                              pipe_pool::pipe& through,
                                                              std::uint64_t* progress = nullptr);

}  // namespace weir
