#pragma once
/// Keeps requests away from a server that fails, and finds out carefully when it works again.
///
///     circuit_breaker breaker{{}};
///     if (!breaker.allows(now, chance)) ...            // another server
///     const auto ticket = breaker.begin(now);          // under the same lock as allows()
///     ... the try ...
///     breaker.report(ticket, outcome::bad, took, now, chance);
///
/// closed     All may pass. Opens after `failures` bad results in a row; or when, of at least `min_requests` in the last
///            10 s, `share_permille` were bad or `slow_permille` took `slow` or longer.
/// open       Nobody may pass, for min(open_most, open_first * 2^n), half of it drawn at random so that several proxies
///            do not return at once. n grows with each opening and falls by one for each 30 s closed: a server that
///            flaps does not start from the beginning. Retry-After prolongs it, a passed health check ends it.
/// half_open  The interval is over: one try at a time may pass, as a probe. Two that pass in a row begin the ramp, one
///            that fails opens again.
/// ramp       10, 25, 50, 100 % of the tries may pass, for a second each; trips like closed, which follows. Drawn for
///            each millisecond, not for each call: whoever compares servers asks more than once, and must not get
///            another answer the second time, nor more than its share by asking often.
/// forced_*   By an operator, until another order.
///
/// A probe is a lease of 5 s. One whose try never reports is lost when that is over and counts as failed: a result that
/// gets lost on the way cannot keep the server out for good. What weir itself refused gives the lease back and is
/// nobody's failure. `alive` (4xx) passes a probe but does not end a streak; `limited` (429) fails a probe and counts in
/// the share only; `ignored` counts nothing, unless the rule for slow tries is on and it took that long.
///
/// Results carry the generation that they began in; it grows with each opening, probe, recovery and order. One of an
/// older generation is counted and otherwise ignored, so a late answer neither opens nor closes anything. Between ramp
/// and closed it stays: results of the one are as good for the other. A try that began while open (the caller may
/// overrule when too few servers are left) has no say either; when a probe is due it is that probe.
///
/// One per server, never one for a group: that would make an outage of one bad server out of twenty.
/// O(1), no allocation. The caller locks. Sources: linkerd2-proxy's unified breaker (streak or share, one probe),
/// sony/gobreaker (generations), resilience4j (slow calls).
#include <array>
#include <cassert>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/async/loop.hpp"
#include "lib/resilience/outcome.hpp"
#include "lib/resilience/random.hpp"
#include "lib/resilience/sliding_window.hpp"

namespace weir {

struct breaker_policy {
    bool on = true;  // false: only orders open it
    unsigned failures = 5;
    unsigned share_permille = 500;
    unsigned min_requests = 20;
    std::optional<milliseconds> slow{};  // none: no such rule
    unsigned slow_permille = 800;
    milliseconds open_first{1'000};  // more than zero
    milliseconds open_most{60'000};
};

class circuit_breaker {
public:
    enum class state : std::uint8_t { closed, open, half_open, ramp, forced_open, forced_closed };

    /// Why it is as it is.
    enum class cause : std::uint8_t {
        none,  // nothing has happened yet
        streak,
        share,
        slow,
        probe_failed,
        probe_lost,  // no result in time
        recovered,
        forced_open,
        forced_closed,
        reset,
    };

    struct ticket {
        std::uint64_t generation = 0;
        bool probe = false;
    };

    explicit circuit_breaker(const breaker_policy& policy, time_point born = {}) noexcept
        : policy_{policy}, since_{born}, full_at_{born} {
        assert(policy.open_first > 0ms);
    }

    /// May a try begin now? The answer stays the same until time moves or something is begun or reported.
    bool allows(time_point now, random_source& chance) noexcept;
    /// A try begins; as the probe, if one is due.
    ticket begin(time_point now) noexcept;
    /// How it ended. At most once per ticket.
    void report(ticket from, outcome how, nanoseconds took, time_point now, random_source& chance) noexcept;
    /// It ended, and nobody knows how: for a probe that is a failure, else nothing.
    void abandon(ticket from, time_point now, random_source& chance) noexcept;

    /// The server asked for a pause; after the report of the result that said so. No more than 300 s are believed.
    void retry_after(std::chrono::seconds pause, time_point now) noexcept;
    /// An active check passed: no need to wait for the end of the interval. Probes follow as ever.
    void check_passed(time_point now) noexcept;

    void force_open(time_point now) noexcept { change(phase::forced_open, cause::forced_open, now); }
    void force_close(time_point now) noexcept { change(phase::forced_closed, cause::forced_closed, now); }
    /// Closed, as if nothing had ever been.
    void reset(time_point now) noexcept;

    // ---- what an operator sees ----
    /// A lost probe is noticed by the next allows() or report(); until then the state is half_open.
    state at(time_point now) const noexcept;
    nanoseconds in_state(time_point now) const noexcept;
    /// What is left of the open interval; zero in any other state.
    nanoseconds open_for(time_point now) const noexcept;
    std::uint64_t generation() const noexcept { return generation_; }
    cause why() const noexcept { return why_; }
    /// How often it changed for this cause.
    std::uint64_t changes(cause by) const noexcept { return changes_[static_cast<std::size_t>(by)]; }
    /// How often it opened, by itself or by order.
    std::uint64_t opened() const noexcept;
    std::uint64_t probes() const noexcept { return probes_; }
    /// Results that came too late to have a say, or began when they had none.
    std::uint64_t ignored() const noexcept { return ignored_; }

private:
    // What time alone brings (the interval ends, the ramp ends) is not stored but read off the clock.
    enum class phase : std::uint8_t { closed, open, forced_open, forced_closed };

    void change(phase to, cause by, time_point when) noexcept;
    void open(cause by, time_point when, random_source& chance) noexcept;
    void recover(time_point now) noexcept;
    void settle(time_point now, random_source& chance) noexcept;
    void report_probe(outcome how, bool slow, time_point now, random_source& chance) noexcept;
    void count(outcome how, bool slow, time_point now, random_source& chance) noexcept;

    breaker_policy policy_;
    phase phase_ = phase::closed;
    cause why_ = cause::none;
    bool leased_ = false;    // open: a probe is out
    unsigned passed_ = 0;    // open: probes in a row
    unsigned streak_ = 0;    // closed: bad results in a row
    unsigned exponent_ = 0;  // of the next open interval
    time_point since_;       // of the phase
    time_point full_at_;     // closed: when the ramp ends
    time_point open_until_{};
    time_point lease_until_{};
    std::uint64_t ramp_seed_ = 0;
    std::uint64_t generation_ = 0;
    sliding_window<3> recent_;
    std::array<std::uint64_t, static_cast<std::size_t>(cause::reset) + 1> changes_{};
    std::uint64_t probes_ = 0, ignored_ = 0;
};

inline constexpr std::size_t breaker_causes = static_cast<std::size_t>(circuit_breaker::cause::reset) + 1;
inline constexpr std::size_t breaker_states = static_cast<std::size_t>(circuit_breaker::state::forced_closed) + 1;

/// As in metrics and logs.
std::string_view word(circuit_breaker::state of) noexcept;
std::string_view word(circuit_breaker::cause of) noexcept;

}  // namespace weir
