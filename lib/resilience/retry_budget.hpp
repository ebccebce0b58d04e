#pragma once
/// How many more tries a backend may be burdened with: what keeps retries from multiplying an outage.
///
///     retry_budget budget{{.share_permille = 100, .reserve = 1}};
///     budget.first_attempt(now);                       // each request
///     budget.outcome(ok, now);                         // each try that ended with a verdict
///     if (!budget.charge(now)) ...                     // another try would start now, of whatever kind: not allowed
///
/// A token buys one extra try: a retry, a hedge, or a reuse of a connection that failed after bytes were written. It
/// is spent when the try starts and never given back. Tokens come from two sources: each first attempt earns a share
/// of one, and the reserve gives some per second, so that the few retries of a backend with little traffic are not
/// lost. Each source keeps what it brought in the last ten seconds and no more. So the load is at most 1 + share +
/// reserve / rate times the first attempts, whatever fails (Finagle's RetryBudget and tower's tps_budget are the
/// anchors; tokens fed by successes would leave none when all fails, a bound on concurrent retries leaves fast
/// failures unbounded).
///
/// While fewer than half of the tries of ten seconds succeed, the reserve alone pays: retrying helps when a few fail,
/// and when most do, it is load. In panic a try costs two tokens; under pressure the reserve can be closed.
///
/// One for a backend in the whole process: one for each worker would multiply the reserve. Tokens are counted in
/// billionths, in integers: no share is rounded. O(1). Times may step back a little, as between the clocks of two
/// loops. Pure; the caller locks.
#include <cstdint>

#include "lib/resilience/sliding_window.hpp"

namespace weir {

struct retry_budget_policy {
    unsigned share_permille = 100;  // tokens per first attempt
    unsigned reserve = 1;           // tokens per second
};

class retry_budget {
public:
    static constexpr nanoseconds memory = 10s;  // what was earned before is lost

    /// Starts with the reserve of the last ten seconds.
    explicit retry_budget(const retry_budget_policy& policy) noexcept;

    void first_attempt(time_point now) noexcept;
    void outcome(bool ok, time_point now) noexcept { recent_.add(ok ? succeeded : failed, now); }
    bool charge(time_point now) noexcept;

    void halve(bool on) noexcept { halved_ = on; }          // panic: servers that may be dead are in use
    void close_reserve(bool on) noexcept { closed_ = on; }  // weir itself is short of something
    /// Less than half of the results of the last ten seconds were good.
    bool mostly_failing(time_point now) noexcept;
    /// What could be spent now, for a metric.
    double tokens(time_point now) noexcept;

private:
    enum : std::size_t { first_attempts, succeeded, failed };
    struct balance {
        std::int64_t earned, reserve;
    };

    void refill(time_point now) noexcept;
    balance spendable(time_point now) noexcept;

    std::int64_t per_attempt_;     // in billionths of a token, as all that follows
    std::int64_t reserve_per_ns_;  // which is the number of whole tokens per second
    std::int64_t earned_ = 0, reserve_;
    time_point refilled_at_{};
    sliding_window<3> recent_;
    bool halved_ = false, closed_ = false;
};

}  // namespace weir
