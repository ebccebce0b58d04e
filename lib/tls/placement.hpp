#pragma once
/// Where the costly step of a handshake runs: on the loop at once, or in a queue; by threads, or by the loop in turns.
///
///     if (placement.runs_here(kind, others, now)) ...  // and afterwards placement.ran_here(kind, cost, now)
///     else ...                                         // in a queue; placement.learned(kind, cost)
///     if (placement.is_brief(kind)) ...                // which may be one that the loop works off, a step a turn; of a
///                                                      // queue for threads, idle ones may have it (lib/async/offload.hpp)
///
/// Handing a step to another thread and back costs some 20 to 80 us of processor time and two wake-ups, which a few handshakes
/// a second are not worth; but a loop that computes them one after the other answers nobody meanwhile. So a loop may spend
/// `share_permille` of its time on them, which covers calm times and many a resumed handshake, and no step that is likely to
/// take more than `most_here` runs on it at all; while others wait in the queue none of more than `most_past_others`, so that
/// nobody overtakes them with a costly step, and in a storm the loop has none. What a step costs is learned: an average of
/// the last eight or so, by kind, from a guess on the safe side. So clients that offer tickets which turn out to be
/// worthless soon make that kind a costly one.
///
/// With a tenth of the time instead of a fiftieth, more than one request in a hundred met such a step: in a storm of RSA-2048 on
/// two cores the p99 of established clients was 5.2 ms instead of 4.0.
///
/// Pure: time is an argument. Belongs to one worker.
#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/async/loop.hpp"

namespace weir::tls {

/// Handshakes whose costly step takes about equally long.
enum class handshake_kind : std::uint8_t { ecdsa, rsa, long_rsa, as_client, resumption };
inline constexpr std::size_t handshake_kinds = 5;

struct placement_policy {
    unsigned share_permille = 20;
    nanoseconds burst = 1ms;  // of unused share that may be saved up
    nanoseconds most_here = 1ms;
    nanoseconds most_past_others = 250us;
    nanoseconds most_if_brief = 2ms;
};

class handshake_placement {
public:
    explicit handshake_placement(placement_policy policy = {}) : policy_{policy}, saved_{policy.burst} {}

    bool runs_here(handshake_kind kind, bool others_wait, time_point now) noexcept {
        const auto cost = expected(kind);
        if (cost > (others_wait ? policy_.most_past_others : policy_.most_here)) return false;
        refill(now);
        return saved_ >= cost;
    }
    bool is_brief(handshake_kind kind) const noexcept { return expected(kind) <= policy_.most_if_brief; }
    void ran_here(handshake_kind kind, nanoseconds cost, time_point now) noexcept {
        refill(now);
        saved_ -= cost;
        learned(kind, cost);
    }
    void learned(handshake_kind kind, nanoseconds cost) noexcept {
        auto& average = costs_[static_cast<std::size_t>(kind)];
        average += (cost - average) / 8;
    }
    nanoseconds expected(handshake_kind kind) const noexcept { return costs_[static_cast<std::size_t>(kind)]; }

private:
    void refill(time_point now) noexcept {
        const auto elapsed = std::min<nanoseconds>(now - refilled_, 1s);
        saved_ = std::min(policy_.burst, saved_ + elapsed * policy_.share_permille / 1000);
        refilled_ = now;
    }
    placement_policy policy_;
    std::array<nanoseconds, handshake_kinds> costs_{400us, 1ms, 5ms, 500us, 100us};
    nanoseconds saved_;
    time_point refilled_{};
};

}  // namespace weir::tls
