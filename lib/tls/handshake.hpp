#pragma once
/// Handshakes on a byte_stream, their costly step on the loop or on a pool (placement.hpp).
///
///     handshake_desk desk{pool};                                   // one for each worker
///     auto tls = std::make_unique<session>(context->new_session(hello), time);
///     auto shaken = co_await timeout(time, 10s, shake_hands(stream, std::move(tls), desk, kind, client));
///     if (!shaken) ...                                             // too late: whatever was under way is abandoned
///     if (!*shaken) ...                                            // (*shaken).error().text says why
///     // stream.in() and stream.write() are plain text now
///
/// The session belongs to exactly one thread at a time: to the loop, or while a step is on the pool to that. Cancelling
/// orphans such a step; it is skipped if it has not begun. Where the pool is too busy the handshake is refused, fair by
/// `client`: see lib/async/offload.hpp. On a single core the steps that are short enough take their turns on the loop, which
/// is a pool without threads then: with one, a handshake with RSA-2048 cost an eighth more processor time.
#include <expected>
#include <memory>
#include <string>

#include "lib/async/offload.hpp"
#include "lib/async/task.hpp"
#include "lib/net/byte_stream.hpp"
#include "lib/tls/placement.hpp"
#include "lib/tls/session.hpp"

namespace weir::tls {

/// What a worker's handshakes share.
struct handshake_desk {
    /// `turns`: null, or a pool that works on this loop.
    explicit handshake_desk(offload_pool& crew, offload_pool* turns = nullptr) : threads{crew}, turns{turns} {}
    offload_pool& queue_for(handshake_kind kind) const noexcept {
        return turns && placement.is_brief(kind) ? *turns : threads;
    }
    offload_pool& threads;
    offload_pool* const turns;
    handshake_placement placement;
    std::uint64_t here = 0, on_threads = 0;  // costly steps, by where they ran
};

struct handshake_failure {
    enum class kind : std::uint8_t {
        failed,     // the peers did not agree, or the peer does not trust us
        untrusted,  // we do not trust the peer's certificate
        left,       // the peer closed the connection in the middle
        refused,    // the pool is too busy
    };
    handshake_failure(kind what, std::string why) : how{what}, text{std::move(why)} {}
    kind how;
    std::string text;
};

/// On success the session is the stream's layer. What is in stream.in() already belongs to the handshake.
task<std::expected<void, handshake_failure>> shake_hands(byte_stream& stream, std::unique_ptr<session> tls,
                                                         handshake_desk& desk, handshake_kind kind,
                                                         std::uint64_t client);

}  // namespace weir::tls
