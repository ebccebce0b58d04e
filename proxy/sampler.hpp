#pragma once
/// Measures how short weir is of processor, memory and descriptors, and gives up what the shed ladder says.
///
///     sampler strain{w};                                  // one per worker
///     background.spawn(strain.run());
///
///     background.spawn(watch_load(time, shared.load));    // one per process: what all workers share
///
/// A worker looks every 50 ms: at how late that look is (the loop's delay: in how busy a loop anything else would be as
/// late), at the share of the time that the loop did not wait, and at what the process last found of memory and
/// descriptors, every 250 ms. Of three delays the middle one counts: a process that was not scheduled once, for however
/// long, is not overloaded. With `shed off` it measures and does nothing.
///
/// Of the work that is done on other threads only TLS handshakes are waited for by clients, so only their queue counts, and
/// for one step: hedges, which may need new connections, are given up. More would be wrong. The queue has limits of its
/// own; those who are connected do not wait in it, and whose connection is closed comes back with one more handshake.
/// The time from accepting a client to its first byte does not count: that is the client's doing, and what is ours of it is
/// the loop's delay. Where the loop itself does them, in turns, that time counts as spare: everything else goes before them.
///
/// What the ladder does outside of the request path is done here: connections without a request are closed, those idle the
/// longest first. Each second the share of them goes that idle_timeout_scale() has taken off, but nobody who has been idle
/// for less than a second. When memory is all but gone, the ten connections that hold the most for bytes on their way are reset
/// at each look.
#include "lib/async/task.hpp"
#include "lib/resilience/pressure.hpp"
#include "proxy/context.hpp"

namespace weir {

/// As much of the wait for a handshake as counts for the pressure.
constexpr nanoseconds counted_wait(nanoseconds for_handshake) noexcept {
    constexpr nanoseconds most = 60ms;
    return for_handshake < most ? for_handshake : most;
}

/// How long the jobs that a pool took up between two looks had waited, on average; those still waiting say nothing yet, but
/// where none was taken up although some wait, it is as before.
nanoseconds wait_between(const offload_pool::counts& before, const offload_pool::counts& now,
                         nanoseconds last) noexcept;

class sampler {
public:
    static constexpr auto every = 50ms;

    explicit sampler(worker_context& w);
    sampler(const sampler&) = delete;

    task<void> run();

    double pressure() const noexcept { return pressure_.value(); }
    const pressure_parts& parts() const noexcept { return pressure_.parts(); }
    double busy_share() const noexcept { return busy_share_; }  // of the time between the last two looks

private:
    void look(time_point now);
    void note(std::optional<shed_step> before, std::optional<shed_step> after, time_point now);
    void close_idle_clients(time_point now, nanoseconds elapsed);
    void give_up_largest();

    worker_context& w_;
    weir::pressure pressure_;
    time_point due_;
    time_point last_;
    nanoseconds spare_;                         // of the loop's time, up to `last_`
    std::array<nanoseconds, 2> late_before_{};  // by the looks before
    /// What a queue of handshakes has done since the last look.
    struct watch {
        offload_pool::counts before{};
        nanoseconds wait{};
        void look(const offload_pool& pool) {
            const auto now = pool.statistics();
            wait = wait_between(before, now, wait);
            before = now;
        }
    } threads_, turns_;
    double busy_share_ = 0;
    double to_close_ = 0;  // connections, with the fraction that is left for the next time
};

/// On the process's loop, until it is cancelled.
task<void> watch_load(loop& time, process_load& load);

}  // namespace weir
